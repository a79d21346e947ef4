# Use the id that the ledger assigned: pipeline/version/stage/number.
terraform import cd_override.hotfix shop/1.4.2/production/1
