# What can be read of a delivery: the release, what runs, and what the next stage waits for.

variable "dir" {
  type = string
}

variable "at" {
  type    = string
  default = null
}

locals {
  page = "${var.dir}/shop-1.0.0.html"
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${var.dir}/srv/staging" } }
}

resource "cd_environment" "production" {
  name   = "production"
  tier   = "other"
  target = { directory = { path = "${var.dir}/srv/production" } }
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    { name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" },
    {
      name         = "production"
      environments = [cd_environment.production.name]
      promotion    = "manual"
      gates        = { soak = { stage = "staging", duration = "1h" } }
    },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = local.page, digest = "sha256:${filesha256(local.page)}" } }
  source    = { revision = "v1.0.0" }
  labels    = { ticket = "SHOP-42" }
}

data "cd_release" "shop" {
  pipeline   = "shop"
  version    = "1.0.0"
  depends_on = [cd_release.shop]
}

data "cd_deployed" "all" {
  count = 2

  pipeline    = "shop"
  environment = ["staging", "production"][count.index]
  depends_on  = [cd_release.shop]
}

data "cd_readiness" "production" {
  pipeline   = "shop"
  version    = "1.0.0"
  stage      = "production"
  at         = var.at
  depends_on = [cd_release.shop]
}

output "readiness" {
  value = data.cd_readiness.production
}
