resource "cd_environment" "plain" {
  name     = "plain"
  tier     = "other"
  config   = {}
  secrets  = {}
  platform = {}
  parity   = { with = cd_environment.other.name, allow = {} }
  target   = { directory = { path = "/srv/plain", after_deploy = { argv = ["./restart"], directory = "", environment = {}, timeout = "" } } }
}

resource "cd_environment" "other" {
  name   = "other"
  tier   = "other"
  parity = null
  target = null
}
