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
