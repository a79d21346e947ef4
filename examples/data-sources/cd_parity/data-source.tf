resource "cd_environment" "production" {
  name     = "production"
  tier     = "production"
  config   = { LOG_LEVEL = "info", REPLICAS = "6", REGION = "eu-west-1" }
  platform = { postgres = "15.4" }
  target   = { directory = { path = "${abspath(path.module)}/srv/production" } }

  deletion_protection = false # so that you can destroy this example
}

resource "cd_environment" "staging" {
  name     = "staging"
  tier     = "staging"
  config   = { LOG_LEVEL = "debug", REPLICAS = "2", REGION = "eu-west-1" }
  platform = { postgres = "15.4" }
  target   = { directory = { path = "${abspath(path.module)}/srv/staging" } }

  parity = {
    with = cd_environment.production.name
    allow = {
      LOG_LEVEL = { reason = "debug output while testing" }
      REPLICAS  = { reason = "smaller on purpose", min = 1, max = 10 }
    }
  }
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    { name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" },
    { name = "production", environments = [cd_environment.production.name], promotion = "automatic", gates = { none = "an example" } },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

# Compares the environments as declared.
data "cd_parity" "declared" {
  environment = "staging"
  with        = "production"
  depends_on  = [cd_environment.staging] # read it after the environments, if both are in one configuration
}

# Compares what runs: what was deployed last, and whether somebody has changed it since.
data "cd_parity" "running" {
  environment = "staging"
  with        = "production"
  pipeline    = "shop"
  source      = "running"
  depends_on  = [cd_release.shop]
}

output "report" {
  value = data.cd_parity.declared.report
}

# A check block warns in every plan and stops nothing.
check "staging_runs_as_production_does" {
  assert {
    condition     = data.cd_parity.running.in_parity
    error_message = data.cd_parity.running.report
  }
}
