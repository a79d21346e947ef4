# By pipeline and stage. The ledger knows nothing of triggers: the first plan after an import runs the checks again if there are any.
terraform import cd_verification.production shop/production
