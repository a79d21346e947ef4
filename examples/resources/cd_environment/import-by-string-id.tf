import {
  to = cd_environment.staging
  id = "staging"
}
