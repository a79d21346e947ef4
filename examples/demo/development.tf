resource "cd_environment" "development" {
  name = "development"
  tier = "development"

  config = {
    PORT      = tostring(var.ports.development)
    RUN_DIR   = local.run_dir
    GREETING  = "Hello, developer"
    CURRENCY  = "EUR"
    LOG_LEVEL = "debug"
  }

  target = {
    directory = {
      path         = "${local.here}/srv/development"
      after_deploy = { argv = ["./shop", "restart"] }
    }
  }
}
