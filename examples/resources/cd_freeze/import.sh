# Use the name.
terraform import cd_freeze.holidays holidays
