resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${abspath(path.module)}/srv/staging" } }
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" }]
}

# Reads the pipeline from the ledger, wherever it is declared.
data "cd_pipeline" "shop" {
  name = cd_pipeline.shop.name
}

output "stages" {
  value = data.cd_pipeline.shop.stages[*].name
}
