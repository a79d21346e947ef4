# Nothing is deployed to production over the holidays. To freeze one pipeline only, add: pipelines = [cd_pipeline.shop.name]
resource "cd_freeze" "holidays" {
  name      = "holidays"
  reason    = "few people are here to fix problems"
  starts_at = "2026-12-20T00:00:00Z"
  ends_at   = "2027-01-04T06:00:00Z"
  tiers     = ["production"]
}
