# A delivery policy with tests: `terraform test` checks whether a release would pass, and when.

terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}

provider "cd" {
  actor = "alice@example.com"
}

variable "at" {
  description = "The time to ask about, in RFC 3339 format."
  type        = string
  default     = "2027-03-03T10:00:00Z" # a Wednesday morning
}

variable "ticket" {
  description = "The ticket that the release names."
  type        = string
  default     = "SHOP-42"
}

locals {
  sites   = "${abspath(path.module)}/srv"
  archive = "${path.module}/site.tar.gz"
}

resource "cd_environment" "staging" {
  name   = "policy-staging"
  tier   = "staging"
  target = { directory = { path = "${local.sites}/staging" } }
}

resource "cd_environment" "production" {
  name                = "policy-production"
  tier                = "production"
  target              = { directory = { path = "${local.sites}/production" } }
  deletion_protection = false # so that the tests can clean up; leave it out for a real production
}

resource "cd_policy" "production" {
  name  = "production"
  tiers = ["production"]
  gates = {
    windows     = { office_hours = { days = ["mon", "tue", "wed", "thu"], start = "09:00", end = "16:00", time_zone = "Europe/Berlin" } }
    expressions = { ticket = { condition = "release.labels['ticket'].startsWith('SHOP-')", message = "a production release names its SHOP ticket" } }
  }
}

resource "cd_pipeline" "policy" {
  name = "policy"
  stages = [
    { name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" },
    { name = "production", environments = [cd_environment.production.name], promotion = "manual" },
  ]
}

resource "cd_release" "policy" {
  pipeline  = cd_pipeline.policy.name
  version   = "1.0.0-${lower(var.ticket)}"
  artifacts = { site = { uri = local.archive, digest = "sha256:${filesha256(local.archive)}" } }
  labels    = { ticket = var.ticket }
}

data "cd_readiness" "production" {
  pipeline   = cd_pipeline.policy.name
  version    = cd_release.policy.version
  stage      = "production"
  at         = var.at
  depends_on = [cd_release.policy, cd_policy.production]
}
