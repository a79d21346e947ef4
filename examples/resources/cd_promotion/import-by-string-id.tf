import {
  to = cd_promotion.production
  id = "shop/production"
}
