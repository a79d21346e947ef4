import {
  to = cd_environment.staging
  identity = {
    name = "staging"
  }
}
