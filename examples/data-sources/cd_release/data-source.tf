resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${abspath(path.module)}/srv/staging" } }
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

# Reads the release from the ledger, wherever it was registered.
data "cd_release" "shop" {
  pipeline   = "shop"
  version    = "1.4.2"
  depends_on = [cd_release.shop] # read it after the release, if both are in one configuration
}

output "stages" {
  value = { for name, stage in data.cd_release.shop.stages : name => stage.status }
}
