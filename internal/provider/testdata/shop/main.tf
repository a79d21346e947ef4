# A small shop: each release goes to staging by itself, and to production when a person decides.

variable "dir" {
  type = string
}

variable "release" {
  type = object({ version = string, attempt = optional(number), page = optional(string), author = optional(string, "dave@example.com"), labels = optional(map(string)) })
}

variable "approvals" {
  type    = list(object({ version = string, decision = optional(string, "approve"), comment = optional(string), approver = optional(string), signature = optional(string) }))
  default = []
}

# What every approval and override names.
variable "content" {
  type    = string
  default = null
}

variable "reports" {
  type    = list(object({ version = optional(string, "1.0.0"), suite = optional(string, "unit"), stage = optional(string), junit = optional(string) }))
  default = []
}

variable "overrides" {
  type = list(object({
    version    = optional(string, "1.0.0")
    stage      = optional(string, "production")
    gates      = list(string)
    reason     = optional(string, "checkout is down")
    ticket     = optional(string, "INC-7")
    expires_at = optional(string, "2027-03-01T18:00:00Z")
  }))
  default = []
}

variable "promotion" {
  type    = object({ version = string, when_blocked = optional(string), attempt = optional(number), timeout = optional(string) })
  default = null
}

variable "staging_promotion" {
  type    = string
  default = "automatic"
}

variable "gates" {
  type    = any
  default = {}
}

variable "overridable" {
  type    = list(string)
  default = null
}

variable "log_level" {
  type    = string
  default = "info"
}

locals {
  page = coalesce(var.release.page, "${var.dir}/shop-${var.release.version}.html")
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug" }
  target = { directory = { path = "${var.dir}/srv/staging" } }
}

resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = var.log_level }
  target              = { directory = { path = "${var.dir}/srv/production" } }
  deletion_protection = false
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    { name = "staging", environments = [cd_environment.staging.name], promotion = var.staging_promotion },
    { name = "production", environments = [cd_environment.production.name], promotion = "manual", gates = var.gates, overridable = var.overridable },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = var.release.version
  artifacts = { page = { uri = local.page, digest = "sha256:${filesha256(local.page)}" } }
  source    = { revision = "v${var.release.version}", author = var.release.author }
  labels    = var.release.labels
  attempt   = var.release.attempt
}

resource "cd_approval" "of" {
  count = length(var.approvals)

  pipeline   = cd_pipeline.shop.name
  version    = var.approvals[count.index].version
  stage      = "production"
  decision   = var.approvals[count.index].decision
  content    = var.content
  comment    = var.approvals[count.index].comment
  approver   = var.approvals[count.index].approver
  signature  = var.approvals[count.index].signature
  depends_on = [cd_release.shop]
}

resource "cd_test_report" "of" {
  count = length(var.reports)

  pipeline   = cd_pipeline.shop.name
  version    = var.reports[count.index].version
  suite      = var.reports[count.index].suite
  stage      = var.reports[count.index].stage
  junit      = var.reports[count.index].junit
  depends_on = [cd_release.shop]
}

resource "cd_override" "of" {
  count = length(var.overrides)

  pipeline   = cd_pipeline.shop.name
  version    = var.overrides[count.index].version
  stage      = var.overrides[count.index].stage
  content    = var.content
  gates      = var.overrides[count.index].gates
  reason     = var.overrides[count.index].reason
  ticket     = var.overrides[count.index].ticket
  expires_at = var.overrides[count.index].expires_at
  depends_on = [cd_release.shop]
}

resource "cd_promotion" "production" {
  count = var.promotion == null ? 0 : 1

  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = var.promotion.version
  when_blocked = var.promotion.when_blocked
  attempt      = var.promotion.attempt
  timeouts     = var.promotion.timeout == null ? null : { create = var.promotion.timeout, update = var.promotion.timeout }
  depends_on   = [cd_release.shop, cd_approval.of, cd_test_report.of, cd_override.of]
}

# Whatever deploys what the promotion says: it moves only when the promotion does.
resource "terraform_data" "downstream" {
  count = var.promotion == null ? 0 : 1
  input = cd_promotion.production[0].artifacts
}
