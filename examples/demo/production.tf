resource "cd_environment" "production" {
  name = "production"
  tier = "production"

  config = {
    PORT      = tostring(var.ports.production)
    RUN_DIR   = local.run_dir
    GREETING  = "Welcome"
    CURRENCY  = "JPY"
    LOG_LEVEL = "info"
  }

  target = {
    directory = {
      path         = "${local.here}/srv/production"
      after_deploy = { argv = ["./shop", "restart"] }
    }
  }
}
