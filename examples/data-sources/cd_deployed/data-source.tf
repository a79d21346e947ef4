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

# What runs in staging, as observed there.
data "cd_deployed" "staging" {
  pipeline    = "shop"
  environment = "staging"
  depends_on  = [cd_release.shop] # read it after the release, if both are in one configuration
}

output "staging" {
  value = {
    version = data.cd_deployed.staging.version
    drifted = data.cd_deployed.staging.drifted
  }
}
