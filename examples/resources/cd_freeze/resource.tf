# Nothing is deployed to production over the holidays. To freeze one pipeline only, add: pipelines = [cd_pipeline.shop.name]
resource "cd_freeze" "holidays" {
  name      = "holidays"
  reason    = "few people are here to fix problems"
  starts_at = "2026-12-20T00:00:00Z"
  ends_at   = "2027-01-04T06:00:00Z"
  tiers     = ["production"]
}

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

# Whatever delivers in the same configuration depends on the freeze. Otherwise the apply could deliver first, and the plan is an error.
resource "cd_promotion" "production" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "pend" # over the holidays, it waits
  depends_on   = [cd_freeze.holidays]
}
