package acctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// examples is the directory of the examples.
var examples = filepath.FromSlash("../../examples")

// TestExamples applies every example as a user would, with the real provider: copied to a new directory, applied, planned without changes,
// imported as its import.sh says, and destroyed.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"resources", "data-sources", "functions", "scenarios"} {
		dirs, err := os.ReadDir(filepath.Join(examples, kind))
		require.NoError(t, err)
		require.NotEmpty(t, dirs)
		for _, dir := range dirs {
			t.Run(kind+"/"+dir.Name(), func(t *testing.T) {
				t.Parallel()
				example := filepath.Join(examples, kind, dir.Name())
				if dir.Name() == "hotfix" { // the only scenario that no other test runs on each kind of ledger
					acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) { exercise(t, example, "CD_LEDGER="+h.Ledger) })
					return
				}
				exercise(t, example)
			})
		}
	}
	t.Run("provider", func(t *testing.T) {
		t.Parallel()
		exercise(t, filepath.Join(examples, "provider"))
	})
}

func exercise(t *testing.T, example string, env ...string) {
	t.Helper()
	w := newWorkspace(t, "", env...)
	require.NoError(t, os.CopyFS(w.dir, os.DirFS(example)))
	for _, file := range []string{"import-by-identity.tf", "import-by-string-id.tf"} { // what they import does not exist yet
		require.NoError(t, os.RemoveAll(filepath.Join(w.dir, file)))
	}
	w.applyByTwo()
	w.requireEmptyPlan()
	if command := importCommand(t, w.dir); command != nil {
		w.run("state", "rm", command[1])
		w.run(command...)
		w.run("apply") // only Terraform has timeouts, so an import cannot know them
		w.requireEmptyPlan()
	}
	switch tests, err := os.Stat(filepath.Join(example, "tests")); {
	case err == nil && tests.IsDir():
		require.Regexp(t, ` [1-9][0-9]* passed, 0 failed\.`, w.run("test"))
	case filepath.Base(example) == "hotfix":
		w.hotfix()
	case filepath.Base(filepath.Dir(example)) == "scenarios":
		w.upgrade()
	}
	require.Contains(t, w.run("destroy"), "Destroy complete!")
}

// upgrade delivers version 1.1.0, as the README of each scenario proposes.
func (w *workspace) upgrade() {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
	require.NoError(w.t, err)
	require.Contains(w.t, string(text), `"1.0.0"`)
	w.write("main.tf", strings.ReplaceAll(string(text), `"1.0.0"`, `"1.1.0"`))
	w.register()
	if strings.Contains(string(text), `resource "cd_approval"`) {
		w.decide()
	}
	w.run("apply")
	require.Regexp(w.t, `production\W+1\.1\.0`, w.run("output", "versions"))
	w.requireEmptyPlan()
}

// importCommand returns the arguments of terraform in the example's import.sh; nil if the example has none.
func importCommand(t *testing.T, dir string) []string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(dir, "import.sh"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(script)) {
		if command, ok := strings.CutPrefix(line, "terraform import "); ok {
			return append([]string{"import"}, strings.Fields(command)...)
		}
	}
	require.Fail(t, "import.sh has no terraform import")
	return nil
}

// TestImportExamplesAgree compares the three ways to import that the documentation shows with each other and with the identity schema.
// Terraform supports identities since 1.12.
func TestImportExamplesAgree(t *testing.T) {
	t.Parallel()
	schemas, err := acctest.New(t).Server().GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	require.NoError(t, err)
	quoted := regexp.MustCompile(`(?m)^ +(\w+) += "?([^"\n{]+)"?$`)
	read := func(typ, file string) (values map[string]string, order []string) {
		text, err := os.ReadFile(filepath.Join(examples, "resources", typ, file))
		require.NoError(t, err, "show how a %s is imported", typ)
		values = map[string]string{}
		for _, match := range quoted.FindAllStringSubmatch(string(text), -1) {
			values[match[1]] = match[2]
			order = append(order, match[2])
		}
		return values, order
	}
	for typ, schema := range schemas.IdentitySchemas {
		command := importCommand(t, filepath.Join(examples, "resources", typ))
		require.Len(t, command, 3, typ)
		byID, _ := read(typ, "import-by-string-id.tf")
		require.Equal(t, map[string]string{"to": command[1], "id": command[2]}, byID, typ)
		byIdentity, order := read(typ, "import-by-identity.tf")
		require.Equal(t, command[1]+" "+command[2], order[0]+" "+strings.Join(order[1:], "/"), typ)
		for _, part := range schema.IdentityAttributes {
			require.Contains(t, byIdentity, part.Name, typ)
		}
		require.Len(t, order, 1+len(schema.IdentityAttributes), typ)
	}
}
