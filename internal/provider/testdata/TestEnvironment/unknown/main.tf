variable "currency" {
  type = string
}

resource "terraform_data" "currency" {
  input = var.currency
}

resource "cd_environment" "production" {
  name   = "production"
  tier   = "staging"
  config = { CURRENCY = terraform_data.currency.output }
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { CURRENCY = "JPY" }
  parity = { with = cd_environment.production.name }
}
