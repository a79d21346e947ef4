locals {
  # Runs after each deployment. It asks the running shop for its version and for the price of an order.
  smoke = { command = { argv = ["./bin/smoke"], timeout = "30s" } }
}

resource "cd_pipeline" "shop" {
  name = "shop"

  stages = [
    {
      name         = "development"
      environments = [cd_environment.development.name]
      promotion    = "automatic"
      verify       = { smoke = local.smoke }
    },
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = local.smoke }
    },
    {
      name         = "production"
      environments = [cd_environment.production.name]
      promotion    = "manual"
      gates = {
        approvals = { required = 1, approvers = ["alice@example.com", "bob@example.com"] }
        parity    = {}
      }
      verify = {
        smoke  = local.smoke
        health = { http = { url = "http://127.0.0.1:${var.ports.production}/healthz", expect_status = 200 } }
      }
    },
  ]
}
