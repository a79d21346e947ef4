# By the id that the ledger gave it: pipeline/version/suite/number. The next apply takes over the same text, in place.
terraform import cd_test_report.unit shop/1.4.2/unit/1
