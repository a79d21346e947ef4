# Continuous delivery: each release goes to staging automatically, and to production when a person decides.

terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}

provider "cd" {} # CD_ACTOR says who is acting: the person who registers a release may not approve it

variable "approved" {
  description = "The content that alice approves. The plan prints it, for her to copy."
  type        = string
  default     = null
}

locals {
  sites   = "${abspath(path.module)}/srv"
  release = "1.0.0" # the newest release: development and staging get it automatically
  live    = "1.0.0" # the release that alice approves for production
  archive = "${path.module}/site-${local.release}.tar.gz"
  smoke   = { command = { argv = ["/bin/sh", "${abspath(path.module)}/smoke.sh", local.sites], timeout = "10s" } }
}

resource "cd_environment" "development" {
  name   = "development"
  tier   = "development"
  config = { LOG_LEVEL = "debug" }
  target = { directory = { path = "${local.sites}/development" } }
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug", REGION = "eu-west-1" }
  parity = {
    with  = cd_environment.production.name
    allow = { LOG_LEVEL = { reason = "debug output while testing" } }
  }
  target = { directory = { path = "${local.sites}/staging" } }
}

resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = "info", REGION = "eu-west-1" }
  target              = { directory = { path = "${local.sites}/production" } }
  deletion_protection = false # so that you can destroy this example; leave it out for a real production
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "development"
      environments = [cd_environment.development.name]
      promotion    = "automatic"
      verify       = { smoke = local.smoke }
    },
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = local.smoke }
    },
    {
      name         = "production"
      environments = [cd_environment.production.name]
      promotion    = "manual"
      gates = {
        approvals = { required = 1, approvers = ["alice@example.com", "bob@example.com"] }
        parity    = {}
      }
      verify = { smoke = local.smoke }
    },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = local.release
  artifacts = { site = { uri = local.archive, digest = "sha256:${filesha256(local.archive)}" } }
  source    = { repository = "https://git.example.com/shop", revision = "v${local.release}", author = "dave@example.com" }
}

resource "cd_approval" "alice" {
  pipeline   = cd_pipeline.shop.name
  version    = local.live
  stage      = "production"
  decision   = "approve"
  content    = var.approved
  comment    = "Seen on staging."
  depends_on = [cd_release.shop]
}

resource "cd_promotion" "production" {
  pipeline   = cd_pipeline.shop.name
  stage      = "production"
  version    = local.live
  depends_on = [cd_approval.alice]
}

# The version in each stage. It comes from the release for automatic stages, and from the promotion for manual stages.
output "versions" {
  value = {
    development = cd_release.shop.stages["development"].version
    staging     = cd_release.shop.stages["staging"].version
    production  = cd_promotion.production.running_version
  }
}
