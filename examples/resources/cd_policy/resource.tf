# For every pipeline, production requires two approvals, passed unit tests, and office hours.
resource "cd_policy" "production" {
  name  = "production"
  tiers = ["production"]

  gates = {
    approvals = { required = 2, approvers = ["*"], expires_after = "72h" }
    tests     = { unit = { min_tests = 1, max_failures = 0, max_age = "24h" } }
    windows = {
      office_hours = {
        days      = ["mon", "tue", "wed", "thu"]
        start     = "09:00"
        end       = "16:00"
        time_zone = "Europe/Berlin"
      }
    }
    max_deploys = { count = 5, per = "24h" }
    expressions = {
      ticket = {
        condition = "'ticket' in release.labels"
        message   = "a production release names its ticket"
      }
    }
  }
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
  labels    = { ticket = "SHOP-42" }
}

# Whatever delivers in the same configuration depends on the policy. Otherwise the apply could deliver first, and the plan is an error.
resource "cd_promotion" "production" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "pend" # it waits until the gates of the policy pass
  depends_on   = [cd_policy.production]
}
