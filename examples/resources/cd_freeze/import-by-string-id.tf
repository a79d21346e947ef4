import {
  to = cd_freeze.holidays
  id = "holidays"
}
