# A customer finds a bug. It is reproduced in a replica of the customer's environment. The fix reaches the customer through a separate,
# automatic pipeline. In the normal pipeline, a person still decides.

terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}

provider "cd" {} # CD_ACTOR says who is acting: the person who registers a release may not approve it

variable "live" {
  description = "The version that the normal pipeline delivers to the customer, once alice has approved it."
  type        = string
  default     = "1.0.0"
}

variable "approved" {
  description = "The content that alice approves for the customer. The plan prints it, for her to copy."
  type        = string
  default     = null
}

variable "reproduce" {
  description = "Whether to create a replica of the customer's environment that runs the customer's version."
  type        = bool
  default     = false
}

variable "fix" {
  description = "The version that the hotfix pipeline delivers to the replica and then to the customer. Empty: there is no hotfix."
  type        = string
  default     = ""
}

locals {
  sites   = "${abspath(path.module)}/srv"
  scripts = abspath(path.module)
  fixing  = var.fix != ""

  # Users of an environment see what was delivered there last, by any pipeline.
  go_live    = { argv = ["/bin/sh", "${local.scripts}/go-live.sh", local.sites] }
  smoke      = { command = { argv = ["/bin/sh", "${local.scripts}/smoke.sh", local.sites], timeout = "10s" } }
  regression = { command = { argv = ["/bin/sh", "${local.scripts}/regression.sh", local.sites], timeout = "10s" } }
}

# The normal pipeline: to staging automatically, to the customer when a person decides.

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { CURRENCY = "EUR", LOG_LEVEL = "debug" }
  target = { directory = { path = "${local.sites}/staging", after_deploy = local.go_live } }
}

resource "cd_environment" "acme" {
  name                = "acme"
  tier                = "production"
  config              = { CURRENCY = "JPY", LOG_LEVEL = "info" }
  platform            = { postgres = "15.4" }
  target              = { directory = { path = "${local.sites}/acme", after_deploy = local.go_live } }
  deletion_protection = false # so that you can destroy this example; leave it out for a real customer
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = local.smoke }
    },
    {
      name         = "acme"
      environments = [cd_environment.acme.name]
      promotion    = "manual"
      gates        = { approvals = { required = 1, approvers = ["alice@example.com", "bob@example.com"] } }
      verify       = { smoke = local.smoke }
    },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = var.live
  artifacts = { shop = { uri = "${path.module}/shop-${var.live}.tar.gz", digest = "sha256:${filesha256("${path.module}/shop-${var.live}.tar.gz")}" } }
  source    = { revision = "v${var.live}", author = "dave@example.com" }
}

resource "cd_approval" "acme" {
  pipeline = cd_pipeline.shop.name
  stage    = "acme"
  version  = cd_release.shop.version
  decision = "approve"
  content  = var.approved
  comment  = "Seen on staging."
}

resource "cd_promotion" "acme" {
  pipeline   = cd_pipeline.shop.name
  stage      = "acme"
  version    = cd_release.shop.version
  depends_on = [cd_approval.acme]
}

# To reproduce the bug: a replica of the customer's environment that runs the customer's version.

resource "cd_environment" "acme_repro" {
  count = var.reproduce ? 1 : 0

  name       = "acme-repro"
  tier       = "testing"
  replica_of = cd_environment.acme.name
  config     = { LOG_LEVEL = "debug" }
  parity = {
    with  = cd_environment.acme.name
    allow = { LOG_LEVEL = { reason = "debug output while looking for the bug" } }
  }
  target = { directory = { path = "${local.sites}/acme-repro", after_deploy = local.go_live } }
}

data "cd_deployed" "acme" {
  count = var.reproduce ? 1 : 0

  pipeline    = cd_pipeline.shop.name
  environment = cd_environment.acme.name
  depends_on  = [cd_promotion.acme]
}

resource "cd_pipeline" "reproduce" {
  count = var.reproduce ? 1 : 0

  name   = "reproduce"
  stages = [{ name = "acme-repro", environments = [cd_environment.acme_repro[0].name], promotion = "automatic", verify = { smoke = local.smoke } }]
}

resource "cd_release" "reproduce" {
  count = var.reproduce ? 1 : 0

  pipeline  = cd_pipeline.reproduce[0].name
  version   = data.cd_deployed.acme[0].version
  artifacts = data.cd_deployed.acme[0].artifacts
}

# The hotfix pipeline: through the replica to the customer, with a test in both, and nobody has to decide.

resource "cd_pipeline" "hotfix" {
  count = local.fixing ? 1 : 0

  name = "hotfix"
  stages = [
    {
      name         = "acme-repro"
      environments = [cd_environment.acme_repro[0].name]
      promotion    = "automatic"
      verify       = { regression = local.regression, smoke = local.smoke }
      on_failure   = "halt" # no rollback, so that the bug can be examined
    },
    {
      name         = "acme"
      environments = [cd_environment.acme.name]
      promotion    = "automatic"
      gates        = { parity = {} } # the replica must have the customer's conditions
      verify       = { regression = local.regression, smoke = local.smoke }
    },
  ]
}

resource "cd_release" "hotfix" {
  count = local.fixing ? 1 : 0

  pipeline  = cd_pipeline.hotfix[0].name
  version   = var.fix
  artifacts = { shop = { uri = "${path.module}/shop-${var.fix}.tar.gz", digest = "sha256:${filesha256("${path.module}/shop-${var.fix}.tar.gz")}" } }
  source    = { revision = "v${var.fix}", author = "dave@example.com" }

  # If both pipelines have something to deliver, for example a changed configuration, the hotfix comes last and stays live.
  depends_on = [cd_promotion.acme, cd_release.reproduce]
}

output "versions" {
  value = {
    staging    = cd_release.shop.stages["staging"].version
    acme       = local.fixing ? cd_release.hotfix[0].stages["acme"].version : cd_promotion.acme.running_version
    acme_repro = local.fixing ? cd_release.hotfix[0].stages["acme-repro"].version : var.reproduce ? cd_release.reproduce[0].stages["acme-repro"].version : ""
  }
}
