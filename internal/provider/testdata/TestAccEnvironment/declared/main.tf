resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = "info", REPLICAS = "6", CURRENCY = "JPY" }
  secrets             = { PASSWORD = "env:PASSWORD" }
  platform            = { os = "debian-12" }
  deletion_protection = false
}

resource "cd_environment" "staging" {
  name     = "staging"
  tier     = "staging"
  config   = { LOG_LEVEL = "debug", REPLICAS = "2", CURRENCY = "JPY" }
  secrets  = { PASSWORD = "file:/run/password" }
  platform = { os = "debian-12" }

  parity = {
    with = cd_environment.production.name
    allow = {
      LOG_LEVEL   = { reason = "debug output while testing", until = "2027-06-30T00:00:00Z" }
      REPLICAS    = { reason = "smaller on purpose", min = 0.1, max = 10.7 }
      "secrets.*" = { reason = "own secrets" }
    }
  }

  target = {
    directory = {
      path         = "/srv/staging"
      keep         = 5
      after_deploy = { argv = ["./shop", "restart"], environment = { QUIET = "1" }, timeout = "30s" }
    }
  }
}

resource "cd_environment" "plain" {
  name = "plain"
  tier = "other"
}
