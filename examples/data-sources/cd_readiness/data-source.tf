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
    gates        = { approvals = { required = 1, approvers = ["alice@example.com", "bob@example.com"] } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

# Could the release enter production on Friday evening?
data "cd_readiness" "friday" {
  pipeline   = "shop"
  version    = "1.4.2"
  stage      = "production"
  at         = "2027-06-04T18:00:00Z"
  depends_on = [cd_release.shop] # read it after the release, if both are in one configuration
}

output "missing" {
  value = [for gate in data.cd_readiness.friday.gates : "${gate.name}: ${gate.reason}" if gate.verdict != "passed"]
}
