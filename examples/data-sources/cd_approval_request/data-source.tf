variable "signature" {
  description = "The signature that Bob's ssh-keygen wrote."
  type        = string
  default     = null
}

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
    gates = { approvals = {
      required  = 1
      approvers = ["bob@example.com"]
      signed_by = ["bob@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHb7MJqdPyLaUPnP5MdzLnVpbmWg+CQDQtUoqzmzdWvz"]
    } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.4.2"
  artifacts = { page = { uri = "${path.module}/shop-1.4.2.html", digest = "sha256:${filesha256("${path.module}/shop-1.4.2.html")}" } }
}

data "cd_approval_request" "production" {
  pipeline   = "shop"
  version    = "1.4.2"
  stage      = "production"
  decision   = "approve"
  depends_on = [cd_release.shop] # read it after the release, if both are in one configuration
}

# Bob reads the payload and signs it on his own machine:
#
#   terraform output -raw payload > payload
#   ssh-keygen -Y sign -n cd-approval -f ~/.ssh/id_ed25519 payload    # writes payload.sig
output "payload" {
  value = data.cd_approval_request.production.payload
}

# Anyone who has the signature can apply this, with -var "signature=$(cat payload.sig)". The approval is Bob's.
resource "cd_approval" "bob" {
  count = var.signature == null ? 0 : 1

  pipeline  = cd_pipeline.shop.name
  version   = cd_release.shop.version
  stage     = "production"
  decision  = "approve"
  approver  = "bob@example.com"
  signature = var.signature
}
