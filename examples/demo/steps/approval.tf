resource "cd_approval" "alice" {
  pipeline   = cd_pipeline.shop.name
  stage      = "production"
  version    = "1.0.0"
  decision   = "approve"
  content    = "…"
  comment    = "Seen on staging: the prices are right."
  depends_on = [cd_release.shop]
}
