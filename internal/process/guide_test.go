package process

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The guide "Programs that you provide" has the table of the variables, and names what programs inherit.
func TestTheGuideHasTheVariables(t *testing.T) {
	text, err := os.ReadFile("../../templates/guides/programs.md")
	require.NoError(t, err)
	table := "| variable | value |\n| --- | --- |\n"
	for _, variable := range Variables {
		table += "| `" + variable.Name + "` | " + variable.Meaning + " |\n"
	}
	require.Contains(t, string(text), table+"\n")

	_, inherits, ok := strings.Cut(string(text), "## What programs inherit")
	require.True(t, ok)
	list, not, ok := strings.Cut(inherits, "So `AWS_PROFILE`")
	require.True(t, ok)
	listed := regexp.MustCompile("`([A-Z_]+)`").FindAllStringSubmatch(list, -1)
	require.Greater(t, len(listed), 20)
	for _, found := range listed {
		if onlyOnWindows := []string{"SYSTEMROOT", "USERPROFILE", "LC_"}; !slices.Contains(onlyOnWindows, found[1]) {
			require.True(t, Inherited(found[1]), found[1])
		}
	}
	for _, secret := range []string{"AWS_PROFILE", "KUBECONFIG", "DOCKER_HOST", "SSH_AUTH_SOCK", "TF_VAR_…"} {
		require.Contains(t, "`AWS_PROFILE`"+not, "`"+secret+"`")
		require.False(t, Inherited(secret))
	}
}

// No guide and no example uses a variable that no program gets.
func TestGuidesAndExamplesUseOnlyVariablesThatProgramsGet(t *testing.T) {
	known := []string{"CD_ACTOR", "CD_ENDPOINT", "CD_LEDGER", "CD_TOKEN"} // settings of the provider
	for _, variable := range Variables {
		known = append(known, variable.Name)
	}
	name := regexp.MustCompile(`\bCD_[A-Z_]+\b`)
	used := 0
	for _, dir := range []string{"../../templates", "../../examples"} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range name.FindAllString(string(text), -1) {
				used++
				require.Contains(t, known, found, path)
			}
			return err
		}))
	}
	require.Greater(t, used, 50)
}
