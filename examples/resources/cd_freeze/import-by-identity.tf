import {
  to = cd_freeze.holidays
  identity = {
    name = "holidays"
  }
}
