# Use the id that the ledger assigned: pipeline/version/stage/approver/number.
terraform import cd_approval.alice shop/1.4.2/production/alice@example.com/1
