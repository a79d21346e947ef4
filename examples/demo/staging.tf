resource "cd_environment" "staging" {
  name = "staging"
  tier = "staging"

  config = {
    PORT      = tostring(var.ports.staging)
    RUN_DIR   = local.run_dir
    GREETING  = "Welcome"
    CURRENCY  = "JPY"
    LOG_LEVEL = "debug"
  }

  # Staging must equal production, except for what is listed here.
  parity = {
    with = cd_environment.production.name
    allow = {
      PORT      = { reason = "both run on this machine" }
      LOG_LEVEL = { reason = "debug output while testing" }
    }
  }

  target = {
    directory = {
      path         = "${local.here}/srv/staging"
      after_deploy = { argv = ["./shop", "restart"] }
    }
  }
}
