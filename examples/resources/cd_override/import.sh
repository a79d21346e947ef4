# By the id that the ledger gave it: pipeline/version/stage/number.
terraform import cd_override.hotfix shop/1.4.2/production/1
