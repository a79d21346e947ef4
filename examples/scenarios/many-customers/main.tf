# One pipeline for many customers. Each customer has an environment. Those who agreed to go first get a release first, then all others.

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
  sites     = "${abspath(path.module)}/srv"
  release   = "1.0.0"
  archive   = "${path.module}/site-${local.release}.tar.gz"
  smoke     = { command = { argv = ["/bin/sh", "${abspath(path.module)}/smoke.sh", local.sites], timeout = "10s" } }
  customers = { for customer in csvdecode(file("${path.module}/customers.csv")) : customer.name => customer }
}

resource "cd_environment" "customer" {
  for_each = local.customers

  name                = each.key
  tier                = "production"
  config              = { CUSTOMER = each.key, REGION = each.value.region, CHECKOUT = "on" }
  target              = { directory = { path = "${local.sites}/${each.key}" } }
  deletion_protection = false # so that you can destroy this example; leave it out for a real production
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "pilot"
      environments = [for name, customer in local.customers : cd_environment.customer[name].name if customer.pilot == "yes"]
      promotion    = "automatic"
      gates        = { none = "pilot customers have agreed to get every release" } # production without a gate has to say why
      verify       = { smoke = local.smoke }
    },
    {
      name         = "production"
      environments = [for name, customer in local.customers : cd_environment.customer[name].name if customer.pilot != "yes"]
      promotion    = "automatic"
      gates        = { none = "what every pilot customer runs verified may go to all" }
      verify       = { smoke = local.smoke }
      # Ten at a time. If the release fails in an environment, it is rolled back there. After the third failure, it is rolled back everywhere.
      rollout = { max_parallel = 10, max_failures = 2 }
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
