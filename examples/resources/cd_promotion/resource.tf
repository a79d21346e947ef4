resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "${abspath(path.module)}/srv/production" } }
  deletion_protection = false # so that you can destroy this example; production is protected by default
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "production", environments = [cd_environment.production.name], promotion = "manual" }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

resource "cd_promotion" "production" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "fail" # the default; or "wait" until the gates pass, or "pend" to succeed with status "waiting"
  timeouts     = { create = "10m", update = "10m" }
}

output "production" {
  value = cd_promotion.production.running_version
}
