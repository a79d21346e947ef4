# By its name.
terraform import cd_freeze.holidays holidays
