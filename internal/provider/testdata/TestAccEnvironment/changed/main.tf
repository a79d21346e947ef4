resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = "warn", REPLICAS = "6" }
  platform            = { os = "debian-13" }
  deletion_protection = false
}

resource "cd_environment" "staging" {
  name                = "staging"
  tier                = "testing"
  config              = { LOG_LEVEL = "warn", REPLICAS = "6" }
  platform            = { os = "debian-13" }
  parity              = { with = cd_environment.production.name }
  deletion_protection = true

  target = {
    command = {
      deploy  = { argv = ["./deploy", "staging"], timeout = "5m" }
      observe = { argv = ["./observe", "staging"], directory = "/srv" }
    }
  }
}

resource "cd_environment" "plain" {
  name   = "plain"
  tier   = "other"
  config = { A = "1" }
}
