locals {
  staging    = { LOG_LEVEL = "debug", DB_HOST = "db.staging", REGION = "eu-west-1" }
  production = { LOG_LEVEL = "info", DB_HOST = "db.production", REGION = "eu-west-1" }
}

# [{ key = "DB_HOST", this = "db.staging", other = "db.production", allowed = true },
#  { key = "LOG_LEVEL", this = "debug", other = "info", allowed = false }]
output "differences" {
  value = provider::cd::parity_differences(local.staging, local.production, ["DB_*"])
}
