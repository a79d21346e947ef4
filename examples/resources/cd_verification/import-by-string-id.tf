import {
  to = cd_verification.production
  id = "shop/production"
}
