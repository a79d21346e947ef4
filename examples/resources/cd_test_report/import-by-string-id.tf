import {
  to = cd_test_report.unit
  id = "shop/1.4.2/unit/1"
}
