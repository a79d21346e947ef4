# By its name.
terraform import cd_policy.production production
