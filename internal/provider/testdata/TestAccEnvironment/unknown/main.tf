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
  parity = {
    with  = cd_environment.production.name
    allow = { LOAD = { reason = "more digits than a float64 holds", min = 0.12345678901234567890123 } }
  }
}
