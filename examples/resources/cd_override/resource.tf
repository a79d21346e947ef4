resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "${path.module}/srv/production" } }
  deletion_protection = false # so that you can destroy this example; production is protected by default
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "production"
    environments = [cd_environment.production.name]
    promotion    = "manual"
    gates        = { windows = { office_hours = { days = ["mon", "tue", "wed", "thu"], start = "09:00", end = "16:00", time_zone = "Europe/Berlin" } } }
    overridable  = ["windows"]
  }]
}

resource "cd_release" "hotfix" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

# Checkout is down tonight, and the fix cannot wait until the morning. All other gates are still evaluated. The plan prints the line with the
# content, for you to copy.
resource "cd_override" "hotfix" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.hotfix.version
  stage    = "production"
  content  = "c17ebd2ea92f"
  gates    = ["windows"]
  reason   = "Checkout is down for everybody."
  ticket   = "https://incidents.example.com/INC-7"
  duration = "2h"
}

resource "cd_promotion" "production" {
  pipeline = cd_pipeline.shop.name
  stage    = "production"
  version  = cd_override.hotfix.version
}
