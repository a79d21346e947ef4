// Terraform-provider-cd models delivery pipelines as infrastructure.
package main

import (
	"os"

	"github.com/delivery-as-code/terraform-provider-cd/internal/cli"
)

// version is set by the release build.
var version = "dev"

func main() { os.Exit(cli.Main(version, os.Args[1:])) }
