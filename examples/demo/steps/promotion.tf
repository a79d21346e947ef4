resource "cd_promotion" "production" {
  pipeline   = cd_pipeline.shop.name
  stage      = "production"
  version    = "1.0.0"
  depends_on = [cd_release.shop]
}
