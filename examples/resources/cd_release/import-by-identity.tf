import {
  to = cd_release.shop
  identity = {
    pipeline = "shop"
    version  = "1.4.2"
  }
}
