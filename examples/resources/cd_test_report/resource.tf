resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "${abspath(path.module)}/srv/production" } }
  deletion_protection = false # so that you can destroy this example; production is protected by default
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "production"
    environments = [cd_environment.production.name]
    promotion    = "manual"
    gates        = { tests = { unit = { min_tests = 2 } } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

# The unit test report of exactly this release, as the test runner wrote it.
resource "cd_test_report" "unit" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  suite    = "unit"
  junit    = file("${path.module}/unit.xml")
}

resource "cd_promotion" "production" {
  pipeline = cd_pipeline.shop.name
  stage    = "production"
  version  = cd_test_report.unit.version
}
