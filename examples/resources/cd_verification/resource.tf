resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  deletion_protection = false # so that you can destroy this example; production is protected by default
  # No target: Terraform itself deploys.
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "production"
    environments = [cd_environment.production.name]
    promotion    = "manual"
    verify       = { smoke = { command = { argv = ["/bin/sh", "-c", "test -n \"$CD_VERSION\""] } } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

resource "cd_promotion" "production" {
  pipeline = cd_pipeline.shop.name
  stage    = "production"
  version  = cd_release.shop.version
}

# This could also be a helm_release, an aws_ecs_service or a kubernetes_deployment.
resource "terraform_data" "shop" {
  input = cd_promotion.production.artifacts["page"]
}

resource "cd_verification" "production" {
  pipeline   = cd_pipeline.shop.name
  stage      = "production"
  version    = cd_promotion.production.running_version # the authorized version, also while another release waits
  triggers   = { deployment = terraform_data.shop.id } # a change runs the checks again
  timeouts   = { create = "10m", update = "10m" }
  depends_on = [terraform_data.shop]
}
