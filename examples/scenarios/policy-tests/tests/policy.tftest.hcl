# Each run applies the configuration to the ledger in CD_LEDGER (default: .cd/ledger.db) and checks the assertions. At the end, everything
# is destroyed. Use a separate ledger for tests: CD_LEDGER=.cd/test.db terraform test

run "wednesday_morning_is_open" {
  assert {
    condition     = data.cd_readiness.production.ready
    error_message = "a release with its ticket must pass on a Wednesday morning"
  }
}

run "friday_evening_is_closed_until_monday" {
  variables {
    at = "2027-03-05T18:00:00Z"
  }

  assert {
    condition     = !data.cd_readiness.production.ready
    error_message = "nothing may pass on a Friday evening"
  }
  assert {
    condition     = data.cd_readiness.production.ready_at == "2027-03-08T08:00:00Z"
    error_message = "Monday at nine in Berlin is the next chance, not ${coalesce(data.cd_readiness.production.ready_at, "never")}"
  }
}

run "a_release_without_ticket_never_passes" {
  variables {
    ticket = "none"
  }

  assert {
    condition     = [for g in data.cd_readiness.production.gates : g.verdict if g.name == "policy.production.expressions.ticket"] == ["failed"]
    error_message = "the policy must refuse a release without a ticket"
  }
}
