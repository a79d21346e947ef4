resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug" }
}

# Reads the environment from the ledger, wherever it is declared.
data "cd_environment" "staging" {
  name = cd_environment.staging.name
}

output "log_level" {
  value = data.cd_environment.staging.effective_config["LOG_LEVEL"]
}
