resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${abspath(path.module)}/srv/staging" } }
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" }]
}

locals {
  version = "1.4.2" # change it to deliver another release; an older version rolls back
  page    = "${path.module}/shop-${local.version}.html"
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = local.version
  artifacts = { page = { uri = local.page, digest = "sha256:${filesha256(local.page)}" } }

  source = {
    repository   = "https://git.example.com/shop"
    revision     = "3f2c9a7d"
    author       = "dave@example.com"
    committed_at = "2026-11-20T10:00:00Z"
  }

  labels   = { ticket = "SHOP-42" }
  attempt  = 1 # raise it to try a failed release again
  timeouts = { create = "10m", update = "10m" }
}

output "staging" {
  value = cd_release.shop.stages["staging"].version
}
