resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${abspath(path.module)}/srv/staging" } }
}

resource "cd_environment" "production" {
  for_each = toset(["eu", "us"])

  name                = each.key
  tier                = "production"
  target              = { directory = { path = "${abspath(path.module)}/srv/${each.key}" } }
  deletion_protection = false # so that you can destroy this example; production is protected by default
}

resource "cd_pipeline" "shop" {
  name = "shop"

  stages = [
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic" # each release enters automatically
      verify = {
        smoke = { command = { argv = ["./smoke.sh"], directory = abspath(path.module), timeout = "30s" } }
      }
    },
    {
      name         = "production"
      environments = [cd_environment.production["eu"].name, cd_environment.production["us"].name]
      promotion    = "manual" # a person decides, with a cd_promotion
      config       = { FEATURE_CHECKOUT = "on" }

      gates = {
        approvals = {
          required      = 2
          approvers     = ["alice@example.com", "bob@example.com", "carol@example.com"]
          expires_after = "72h"
        }
        tests    = { unit = { min_tests = 1, max_failures = 0, max_age = "24h" } }
        soak     = { stage = "staging", duration = "1h" }
        windows  = { office_hours = { days = ["mon", "tue", "wed", "thu"], start = "09:00", end = "16:00", time_zone = "Europe/Berlin" } }
        cooldown = { duration = "30m" }
        parity   = {}
        checks = {
          error_rate = { http = { url = "https://metrics.example.com/ok" } }
        }
        expressions = {
          ticket = { condition = "'ticket' in release.labels", message = "a production release names its ticket" }
        }
      }
      overridable = ["soak", "windows"] # a cd_override may skip only these

      verify = {
        health = { http = { url = "https://shop.example.com/healthz", attempts = 10, interval = "3s" } }
      }

      rollout    = { max_parallel = 1 } # one environment at a time
      on_failure = "rollback"
    },
  ]
}
