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
      name         = "first"
      environments = [cd_environment.us.name]
      promotion    = "manual"
      gates        = {}
      verify       = {}
      config       = {}
      rollout      = {}
      on_failure   = "halt"
    },
    {
      name         = "production"
      environments = [cd_environment.eu.name]
      promotion    = "automatic"
      gates = {
        approvals = { required = 1, approvers = ["*"], allow_author = true, expires_after = "" }
        parity    = null
        checks    = {}
      }
    },
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      gates        = { approvals = { required = 1, approvers = ["*"], allow_author = null } }
      on_failure   = null
    },
  ]
}
