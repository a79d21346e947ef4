import {
  to = cd_release.shop
  id = "shop/1.4.2"
}
