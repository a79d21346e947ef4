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

// The guide "Programs that you provide" says exactly what a program is given: the fields of the request, and the variables.
func TestTheGuideSaysWhatProgramsAreGiven(t *testing.T) {
	text, err := os.ReadFile("../../../templates/guides/programs.md")
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
	delete(given, "secrets") // what deploy alone is given, the guide says in prose
	require.ElementsMatch(t, slices.Collect(maps.Keys(given)), slices.Collect(maps.Keys(shown)))

	_, err = command.New(nil).Deploy(t.Context(), request(commandTarget(self(t, "fail", dir), self(t, "observe", dir))))
	require.Error(t, err)
	var got []string
	for _, found := range regexp.MustCompile(`(?m)^(CD_[A-Z_]+)=`).FindAllStringSubmatch(err.Error(), -1) {
		if !strings.HasPrefix(found[1], "CD_TEST_") {
			got = append(got, found[1])
		}
	}
	var listed []string
	for _, variable := range process.Variables {
		listed = append(listed, variable.Name)
	}
	require.ElementsMatch(t, listed, got)
}
