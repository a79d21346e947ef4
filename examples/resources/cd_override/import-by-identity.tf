import {
  to = cd_override.hotfix
  identity = {
    id = "shop/1.4.2/production/1"
  }
}
