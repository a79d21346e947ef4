resource "cd_environment" "plain" {
  name = "simple"
  tier = "other"
}
