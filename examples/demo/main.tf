# The demo's delivery: three environments on this machine, and one pipeline through them.
# run.sh copies these files to .demo/work, applies them there and edits the copy as the story goes on.

terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}

# The ledger is .cd/ledger.db beside this file. The actor comes from CD_ACTOR.
provider "cd" {}

variable "ports" {
  description = "Loopback port of the shop in each environment: three that are free on this machine."
  type = object({
    development = number
    staging     = number
    production  = number
  })
}

locals {
  here    = abspath(path.root)
  run_dir = "${local.here}/run" # pid files and logs; outside the releases, so that these do not change
}

# The stages that the release enters automatically. The output for production comes with its promotion.
output "stages" {
  value = { for name in ["development", "staging"] : name => "${cd_release.shop.stages[name].version}, ${cd_release.shop.stages[name].status}" }
}
