# Use the name.
terraform import cd_policy.production production
