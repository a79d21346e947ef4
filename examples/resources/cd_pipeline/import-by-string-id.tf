import {
  to = cd_pipeline.shop
  id = "shop"
}
