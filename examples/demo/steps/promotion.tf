resource "cd_promotion" "production" {
  pipeline   = cd_pipeline.shop.name
  stage      = "production"
  version    = "1.0.0"
  depends_on = [cd_release.shop]
}

output "production" {
  value = "${cd_promotion.production.running_version}, ${cd_promotion.production.status}"
}
