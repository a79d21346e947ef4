resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug" }
}

# Reads what the ledger holds, whoever declared it.
data "cd_environment" "staging" {
  name = cd_environment.staging.name
}

output "log_level" {
  value = data.cd_environment.staging.effective_config["LOG_LEVEL"]
}
