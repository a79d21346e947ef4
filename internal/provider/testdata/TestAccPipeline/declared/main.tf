resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "other"
  target = { directory = { path = "/srv/staging" } }
}

resource "cd_environment" "eu" {
  name   = "eu"
  tier   = "other"
  target = { directory = { path = "/srv/eu" } }
}

resource "cd_environment" "us" {
  name   = "us"
  tier   = "other"
  target = { directory = { path = "/srv/us" } }
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = { command = { argv = ["./smoke"], timeout = "30s", attempts = 3, interval = "1s" } } }
    },
    {
      name         = "production"
      environments = [cd_environment.us.name, cd_environment.eu.name]
      promotion    = "manual"
      config       = { FEATURE = "on" }
      gates = {
        approvals = { required = 2, approvers = ["carol", "alice", "bob"], expires_after = "72h" }
        soak      = { stage = "staging", duration = "1h" }
        parity    = {}
        checks    = { rate = { http = { url = "https://metrics.example.com/ok", expect_status = 204 } } }
      }
      verify  = { health = { http = { url = "https://shop.example.com/healthz", attempts = 10, interval = "3s", timeout = "5s" } } }
      rollout = { max_parallel = 2 }
    },
  ]
}
