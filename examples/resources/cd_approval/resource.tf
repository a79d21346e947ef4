resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "${path.module}/srv/production" } }
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
  source    = { revision = "3f2c9a7d", author = "dave@example.com" }
}

# Alice approves exactly this content, and applies this herself (CD_ACTOR=alice@example.com), after somebody else registered the release.
# The plan prints the line with the content, for her to copy. If the content changes, her approval is void, and only she can approve again.
resource "cd_approval" "alice" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  stage    = "production"
  decision = "approve"
  content  = "e330c83d6850"
  comment  = "Seen on staging."
}

resource "cd_promotion" "production" {
  pipeline = cd_pipeline.shop.name
  stage    = "production"
  version  = cd_approval.alice.version
}
