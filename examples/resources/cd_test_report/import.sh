# Use the id that the ledger assigned: pipeline/version/suite/number. The next apply adds the same text to the state, in place.
terraform import cd_test_report.unit shop/1.4.2/unit/1
