resource "terraform_data" "path" {
  input = "/srv/late"
}

resource "cd_environment" "late" {
  name   = "late"
  tier   = "other"
  target = { directory = { path = terraform_data.path.output } }
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "late"
    environments = [cd_environment.late.name]
    promotion    = "manual"
    config       = { SRV = terraform_data.path.output }
  }]
}
