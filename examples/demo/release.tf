# A build writes these to release.auto.tfvars: what it packed, and its digest.
variable "shop_version" {
  type = string
}

variable "shop_digest" {
  type = string
}

resource "cd_release" "shop" {
  pipeline = cd_pipeline.shop.name
  version  = var.shop_version

  artifacts = {
    app = { uri = "dist/shop-${var.shop_version}.tar.gz", digest = var.shop_digest }
  }

  source = {
    repository = "https://git.example.com/shop"
    revision   = "v${var.shop_version}"
    author     = "dave@example.com"
  }
}
