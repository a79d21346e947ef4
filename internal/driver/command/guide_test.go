package command_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/command"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// The guide "Target: command" says exactly what a program is given: the fields of the request, and the variables.
func TestTheGuideSaysWhatProgramsAreGiven(t *testing.T) {
	text, err := os.ReadFile("../../../templates/guides/target-command.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, block)
	var shown, given map[string]any
	require.NoError(t, json.Unmarshal(block[1], &shown))

	dir := t.TempDir()
	r := request(commandTarget(self(t, "write down", dir), self(t, "observe", dir)))
	_, err = command.New(nil).Deploy(t.Context(), r)
	require.NoError(t, err)
	stdin, err := os.ReadFile(filepath.Join(dir, r.Pipeline+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(stdin, &given))
	delete(given, "secrets") // what deploy alone is given, the guide says in words
	require.ElementsMatch(t, slices.Collect(maps.Keys(given)), slices.Collect(maps.Keys(shown)))

	_, err = command.New(nil).Deploy(t.Context(), request(commandTarget(self(t, "fail", dir), self(t, "observe", dir))))
	require.Error(t, err)
	variables := regexp.MustCompile(`(?m)^(CD_[A-Z_]+)=`).FindAllStringSubmatch(err.Error(), -1)
	named := 0
	for _, found := range variables {
		if !strings.HasPrefix(found[1], "CD_TEST_") {
			named++
			require.Contains(t, string(text), "`"+found[1]+"`")
		}
	}
	require.Equal(t, 7, named)

	_, inherited, ok := strings.Cut(string(text), "### What they do not inherit")
	require.True(t, ok)
	list, not, ok := strings.Cut(inherited, "So `AWS_PROFILE`")
	require.True(t, ok)
	name := regexp.MustCompile("`([A-Z_]+)`")
	listed := name.FindAllStringSubmatch(list, -1)
	require.Greater(t, len(listed), 20)
	for _, found := range listed {
		if found[1] == "SYSTEMROOT" || found[1] == "USERPROFILE" || found[1] == "LC_" || process.Inherited(found[1]) {
			continue
		}
		require.Fail(t, "the guide says that a program gets a variable that it does not get", found[1])
	}
	for _, secret := range []string{"AWS_PROFILE", "KUBECONFIG", "DOCKER_HOST", "SSH_AUTH_SOCK", "TF_VAR_…"} {
		require.Contains(t, "`AWS_PROFILE`"+not, "`"+secret+"`")
		require.False(t, process.Inherited(secret))
	}
}
