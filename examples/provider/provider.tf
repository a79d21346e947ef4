terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}

provider "cd" {
  ledger = ".cd/ledger.db"     # the default: a SQLite file beside the configuration
  actor  = "alice@example.com" # who is acting; by default CD_ACTOR, else git's user.email
}
