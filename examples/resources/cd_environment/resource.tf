resource "cd_environment" "production" {
  name     = "production"
  tier     = "production"
  config   = { LOG_LEVEL = "info", REPLICAS = "6", REGION = "eu-west-1" }
  secrets  = { DATABASE_PASSWORD = "env:DATABASE_PASSWORD" } # where the value is; it is read when deploying
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

# Staging equals production, but for what is listed in parity.allow. Any other difference fails the plan.
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

# Deploys through commands of your own, which get the request as JSON on standard input.
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

# Has the configuration and the platform of production, now and whenever those change, but for what it declares itself. It never
# takes over a secret.
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
      "secrets.*" = { reason = "a database of its own" }
    }
  }

  target = { directory = { path = "${abspath(path.module)}/srv/reproduction" } }
}

# Deploys through a receiver of yours, over HTTP. Requests are signed with the key that `secret` refers to.
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
