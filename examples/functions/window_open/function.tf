locals {
  office_hours = { days = ["mon", "tue", "wed", "thu"], start = "09:00", end = "16:00", time_zone = "Europe/Berlin" }
}

# false: at this time it is 17:00 in Berlin
output "open" {
  value = provider::cd::window_open(local.office_hours, "2027-03-01T16:00:00Z")
}
