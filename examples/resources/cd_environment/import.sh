# By its name.
terraform import cd_environment.staging staging
