import {
  to = cd_policy.production
  id = "production"
}
