# Terraform deploys: a promotion authorizes a release, a resource of your choice deploys it, and a verification records the result.

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

locals {
  version = "1.0.0" # an older version rolls back
  site    = "${abspath(path.module)}/srv/site"
  archive = "${path.module}/site-${local.version}.tar.gz"
}

resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = "info" }
  deletion_protection = false # so that you can destroy this example; leave it out for a real production
  # No target: Terraform itself deploys.
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "production"
    environments = [cd_environment.production.name]
    promotion    = "manual"
    gates        = { checks = { not_on_hold = { command = { argv = ["/bin/sh", "-c", "test ! -e '${local.site}/../hold'"] } } } }
    verify       = { smoke = { command = { argv = ["/bin/sh", "${abspath(path.module)}/smoke.sh", local.site], timeout = "10s" } } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = local.version
  artifacts = { site = { uri = local.archive, digest = "sha256:${filesha256(local.archive)}" } }
}

# Authorizes the release once every gate has passed. Its version is that of the release, so it follows every release automatically.
resource "cd_promotion" "production" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "pend" # while a gate is closed, the artifacts do not change, and neither does anything below
}

# Deploys the release. Here this is a script. It could also be a helm_release, an aws_ecs_service or a kubernetes_deployment.
resource "terraform_data" "site" {
  triggers_replace = cd_promotion.production.artifacts["site"]

  provisioner "local-exec" {
    command     = "/bin/sh '${abspath(path.module)}/deploy.sh' '${local.site}'"
    environment = { ARTIFACT = self.triggers_replace.uri }
  }
}

# Checks that it works.
resource "cd_verification" "production" {
  pipeline   = cd_pipeline.shop.name
  stage      = "production"
  version    = cd_promotion.production.running_version
  depends_on = [terraform_data.site]
}

output "versions" {
  value = { production = cd_promotion.production.running_version }
}
