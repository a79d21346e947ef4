locals {
  office_hours = { days = ["mon", "tue", "wed", "thu"], start = "09:00", end = "16:00", time_zone = "Europe/Berlin" }
}

# "2027-03-08T08:00:00Z": after Thursday afternoon, the window opens again on Monday morning
output "next" {
  value = provider::cd::window_next(local.office_hours, "2027-03-04T16:00:00Z")
}
