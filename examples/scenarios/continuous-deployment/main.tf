# Continuous deployment: each release goes all the way to production, and nobody has to decide.
# Production is protected by staging, which must equal it, and by the checks after each deployment.

terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}

provider "cd" {
  actor = "ci@example.com"
}

locals {
  sites   = "${abspath(path.module)}/srv"
  release = "1.0.0"
  archive = "${path.module}/site-${local.release}.tar.gz"
  smoke   = { command = { argv = ["/bin/sh", "${abspath(path.module)}/smoke.sh", local.sites], timeout = "10s" } }
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug", CHECKOUT = "on", REGION = "eu-west-1" }
  parity = {
    with  = cd_environment.production["eu"].name
    allow = { LOG_LEVEL = { reason = "debug output while testing" } }
  }
  target = { directory = { path = "${local.sites}/staging" } }
}

resource "cd_environment" "production" {
  for_each = { eu = "eu-west-1", us = "us-east-1" }

  name                = each.key
  tier                = "production"
  config              = { LOG_LEVEL = "info", CHECKOUT = "on", REGION = each.value }
  target              = { directory = { path = "${local.sites}/${each.key}" } }
  deletion_protection = false # so that you can destroy this example; leave it out for a real production
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = local.smoke }
    },
    {
      name         = "production"
      environments = [for region in ["eu", "us"] : cd_environment.production[region].name]
      promotion    = "automatic"
      gates        = { parity = {} }
      verify       = { smoke = local.smoke }
      rollout      = { max_parallel = 1 } # one region at a time; a failure rolls both back
    },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = local.release
  artifacts = { site = { uri = local.archive, digest = "sha256:${filesha256(local.archive)}" } }
  source    = { repository = "https://git.example.com/shop", revision = "v${local.release}", author = "dave@example.com" }
}

# The version in each stage.
output "versions" {
  value = { for name, stage in cd_release.shop.stages : name => stage.version }
}
