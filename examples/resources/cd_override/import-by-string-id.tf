import {
  to = cd_override.hotfix
  id = "shop/1.4.2/production/1"
}
