import {
  to = cd_pipeline.shop
  identity = {
    name = "shop"
  }
}
