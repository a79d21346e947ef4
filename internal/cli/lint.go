package cli

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

const lintUsage = `usage: terraform-provider-cd lint [DIRECTORY]

Looks for misspelt keys in the files of a configuration: the root module in DIRECTORY (default: here) and its installed modules. Terraform drops
the unknown keys of nested objects without a word, such as a gate whose name is misspelt. A plan says the same. This command needs no
Terraform, no state and no ledger.

It ends with 0 if it finds no error, with 1 if it finds one, and with 2 if it cannot read the files. An unknown key in a local value is only a
warning, because the value may have other uses.
`

// lintCommand runs "lint".
func lintCommand(args []string, s streams) int {
	dir := strings.Join(args, " ")
	if len(args) > 1 || strings.HasPrefix(dir, "-") {
		s.printError("lint takes one directory at most\n\n" + strings.TrimSuffix(lintUsage, "\n"))
		return 2
	}
	dir = cmp.Or(dir, ".")
	files, err := configuration.Read(dir, os.Getenv("TF_DATA_DIR"))
	if err != nil {
		s.printError(fmt.Sprintf("unable to lint %s: %v", dir, err))
		return 2
	}
	found, status := unknownKeys(files), 0
	for _, key := range found {
		severity := "error"
		if key.Local != "" {
			severity = "warning"
		} else {
			status = 1
		}
		if _, err = fmt.Fprintf(s.out, "%s: %s, %s\n", severity, key.Block.Address(), provider.DescribeUnknownKey(key)); err != nil {
			break
		}
	}
	if err == nil && len(found) == 0 {
		_, err = fmt.Fprintln(s.out, "No unknown keys.")
	}
	if err != nil {
		s.printError(err.Error())
		return 2
	}
	return status
}

// unknownKeys lists those of all resources and data sources.
func unknownKeys(files *configuration.Configuration) (found []configuration.UnknownKey) {
	resources, dataSources := provider.Shapes()
	for _, typ := range slices.Sorted(maps.Keys(resources)) {
		found = append(found, files.UnknownKeys(configuration.Resource, typ, resources[typ])...)
	}
	for _, typ := range slices.Sorted(maps.Keys(dataSources)) {
		found = append(found, files.UnknownKeys(configuration.Data, typ, dataSources[typ])...)
	}
	return found
}
