import {
  to = cd_promotion.production
  identity = {
    pipeline = "shop"
    stage    = "production"
  }
}
