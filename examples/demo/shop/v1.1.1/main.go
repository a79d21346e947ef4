// Command shop is the demo's shop, version 1.1.1. Run it without arguments to see its modes.
package main

import (
	"os"

	"github.com/delivery-as-code/terraform-provider-cd/examples/demo/shop/program"
)

func main() { os.Exit(program.Main("1.1.1", total)) }
