# A pipeline without gates of its own, under a policy, while production is frozen or not.

variable "dir" {
  type = string
}

variable "frozen" {
  type = bool
}

# What the approval names.
variable "content" {
  type    = string
  default = null
}

variable "approved" {
  type = bool
}

resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "${var.dir}/srv/production" } }
  deletion_protection = false
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "production", environments = [cd_environment.production.name], promotion = "manual" }]
}

resource "cd_policy" "production" {
  name  = "production"
  tiers = ["production"]
  gates = {
    approvals   = { required = 1, approvers = ["bob@example.com", "alice@example.com"], allow_author = true }
    windows     = { weekdays = { days = ["mon", "tue", "wed", "thu", "fri"], time_zone = "Europe/Berlin" } }
    max_deploys = { count = 2, per = "24h" }
    expressions = { ticket = { condition = "release.labels['ticket'].startsWith('SHOP-')", message = "a release names its ticket" } }
  }
}

resource "cd_freeze" "inventory" {
  count = var.frozen ? 1 : 0

  name      = "inventory"
  reason    = "we count what is on the shelves"
  starts_at = "2027-03-01T08:00:00Z"
  ends_at   = "2027-03-01T18:00:00Z"
  pipelines = [cd_pipeline.shop.name]
}

resource "cd_release" "shop" {
  pipeline   = cd_pipeline.shop.name
  version    = "1.0.0"
  artifacts  = { page = { uri = "${var.dir}/shop-1.0.0.html", digest = "sha256:${filesha256("${var.dir}/shop-1.0.0.html")}" } }
  source     = { revision = "v1.0.0", author = "dave@example.com" }
  labels     = { ticket = "SHOP-42" }
  depends_on = [cd_policy.production, cd_freeze.inventory]
}

resource "cd_approval" "shop" {
  count = var.approved ? 1 : 0

  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  stage    = "production"
  decision = "approve"
  content  = var.content
}

resource "cd_promotion" "production" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "pend"
  depends_on   = [cd_approval.shop]
}

data "cd_readiness" "now" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  stage    = "production"

  depends_on = [cd_approval.shop]
}

data "cd_readiness" "saturday" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  stage    = "production"
  at       = "2027-03-06T12:00:00Z"

  depends_on = [cd_approval.shop]
}
