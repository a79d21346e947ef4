import {
  to = cd_verification.production
  identity = {
    pipeline = "shop"
    stage    = "production"
  }
}
