# A customer finds a bug. It is reproduced in a replica of the customer's environment, and the fix reaches the customer by a pipeline of
# its own that asks nobody, while the normal pipeline keeps asking a person.

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

variable "live" {
  description = "What the normal pipeline brings to the customer, once alice has approved it."
  type        = string
  default     = "1.0.0"
}

variable "reproduce" {
  description = "Whether to have a replica of the customer's environment that runs what the customer runs."
  type        = bool
  default     = false
}

variable "fix" {
  description = "What the hotfix pipeline brings to the replica and then to the customer. Empty: there is no hotfix."
  type        = string
  default     = ""
}

locals {
  sites   = "${abspath(path.module)}/srv"
  scripts = abspath(path.module)
  fixing  = var.fix != ""

  # An environment shows what was delivered there last, whichever pipeline brought it.
  go_live    = { argv = ["/bin/sh", "${local.scripts}/go-live.sh", local.sites] }
  smoke      = { command = { argv = ["/bin/sh", "${local.scripts}/smoke.sh", local.sites], timeout = "10s" } }
  regression = { command = { argv = ["/bin/sh", "${local.scripts}/regression.sh", local.sites], timeout = "10s" } }
}

# What normally happens: staging by itself, the customer when a person decides.

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
  comment  = "Seen on staging."
}

resource "cd_promotion" "acme" {
  pipeline   = cd_pipeline.shop.name
  stage      = "acme"
  version    = cd_release.shop.version
  depends_on = [cd_approval.acme]
}

# The bug, reproduced: a replica of the customer's environment, and in it what the customer runs.

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

# The fix: through the replica to the customer, tested on the way, and nobody is asked.

resource "cd_pipeline" "hotfix" {
  count = local.fixing ? 1 : 0

  name = "hotfix"
  stages = [
    {
      name         = "acme-repro"
      environments = [cd_environment.acme_repro[0].name]
      promotion    = "automatic"
      verify       = { regression = local.regression, smoke = local.smoke }
      on_failure   = "halt" # whoever looks for the bug wants to see it
    },
    {
      name         = "acme"
      environments = [cd_environment.acme.name]
      promotion    = "automatic"
      gates        = { parity = true } # what passed in the replica passed under the customer's conditions
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

  # Where both pipelines have something to deliver, for a changed configuration say, the hotfix comes last and is what stays.
  depends_on = [cd_promotion.acme, cd_release.reproduce]
}

output "versions" {
  value = {
    staging    = cd_release.shop.stages["staging"].version
    acme       = local.fixing ? cd_release.hotfix[0].stages["acme"].version : cd_promotion.acme.running_version
    acme_repro = local.fixing ? cd_release.hotfix[0].stages["acme-repro"].version : var.reproduce ? cd_release.reproduce[0].stages["acme-repro"].version : ""
  }
}
