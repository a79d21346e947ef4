terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}
