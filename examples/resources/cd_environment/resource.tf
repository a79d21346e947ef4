resource "cd_environment" "production" {
  name     = "production"
  tier     = "production"
  config   = { LOG_LEVEL = "info", REPLICAS = "6", REGION = "eu-west-1" }
  secrets  = { DATABASE_PASSWORD = "env:DATABASE_PASSWORD" } # where the value is; the provider reads it when it deploys
  platform = { postgres = "15.4", os = "debian-12" }

  target = {
    directory = {
      path         = "${abspath(path.module)}/srv/production"
      after_deploy = { argv = ["./shop", "restart"], timeout = "1m" }
      keep         = 5
    }
  }

  deletion_protection = false # so that you can destroy this example; production is protected by default
}

# Staging must equal production, except for what parity.allow lists. Any other difference fails the plan.
resource "cd_environment" "staging" {
  name     = "staging"
  tier     = "staging"
  config   = { LOG_LEVEL = "debug", REPLICAS = "2", REGION = "eu-west-1" }
  secrets  = { DATABASE_PASSWORD = "env:DATABASE_PASSWORD" }
  platform = { postgres = "15.4", os = "debian-12" }

  parity = {
    with = cd_environment.production.name
    allow = {
      LOG_LEVEL = { reason = "debug output while testing" }
      REPLICAS  = { reason = "smaller on purpose", min = 1, max = 10 }
    }
  }

  target = { directory = { path = "${abspath(path.module)}/srv/staging" } }
}

# Deploys with your own commands, which get the request as JSON on standard input.
resource "cd_environment" "lab" {
  name = "lab"
  tier = "testing"

  target = {
    command = {
      deploy  = { argv = ["./deploy.sh", "lab"], directory = abspath(path.module), timeout = "5m" }
      observe = { argv = ["./observe.sh", "lab"], directory = abspath(path.module) }
    }
  }
}

# A replica follows the configuration and the platform of production, except for what it declares itself. Secrets are never copied.
resource "cd_environment" "reproduction" {
  name       = "reproduction"
  tier       = "testing"
  replica_of = cd_environment.production.name
  config     = { LOG_LEVEL = "debug" }
  secrets    = { DATABASE_PASSWORD = "env:REPRODUCTION_DATABASE_PASSWORD" }

  parity = {
    with = cd_environment.production.name
    allow = {
      LOG_LEVEL   = { reason = "debug output while looking for a bug" }
      "secrets.*" = { reason = "separate database" }
    }
  }

  target = { directory = { path = "${abspath(path.module)}/srv/reproduction" } }
}

# Deploys through your own HTTP receiver. Requests are signed with the key that `secret` refers to.
resource "cd_environment" "cloud" {
  name    = "cloud"
  tier    = "staging"
  config  = { LOG_LEVEL = "info" }
  secrets = { DATABASE_PASSWORD = "env:DATABASE_PASSWORD" }

  target = {
    webhook = {
      url          = "https://deploy.example.com/deployments"
      status_url   = "https://deploy.example.com/deployments/{id}"
      observe_url  = "https://deploy.example.com/running"
      secret       = "env:DEPLOY_SIGNING_KEY"
      token        = "file:/run/secrets/deploy-token"
      send_secrets = true
      timeout      = "20m"
    }
  }
}
