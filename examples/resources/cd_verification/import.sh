# Use pipeline/stage. The ledger does not store triggers: if there are any, the first apply after an import runs the checks again.
terraform import cd_verification.production shop/production
