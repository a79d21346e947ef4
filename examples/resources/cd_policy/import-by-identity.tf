import {
  to = cd_policy.production
  identity = {
    name = "production"
  }
}
