# Use the name.
terraform import cd_environment.staging staging
