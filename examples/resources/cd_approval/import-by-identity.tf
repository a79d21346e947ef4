import {
  to = cd_approval.alice
  identity = {
    id = "shop/1.4.2/production/alice@example.com/1"
  }
}
