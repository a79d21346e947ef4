package delivery

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJUnitFileOfACheck(t *testing.T) {
	for file, want := range map[string]string{
		"":                       "",
		"report.xml":             "",
		"build/unit/report.xml":  "",
		"build/../report.xml":    "",
		"../report.xml":          `command.junit: "../report.xml" leaves the command's directory`,
		"build/../../report.xml": `leaves the command's directory`,
		"report\x00.xml":         "command.junit: a path cannot hold a NUL byte",
	} {
		p := newProblems()
		Check{Command: &CommandCheck{Command: Command{Argv: []string{"test"}}, JUnit: file}}.validate(p)
		if want == "" {
			require.Empty(t, p.errors(), file)
			continue
		}
		require.Len(t, p.errors(), 1, file)
		require.ErrorContains(t, p.errors().Err(), want)
	}
}

// A check that names no file is written as it was before there were such files.
func TestChecksWithoutAJUnitFileAreWrittenAsEver(t *testing.T) {
	text, err := json.Marshal(Check{Command: &CommandCheck{Command: Command{Argv: []string{"test"}}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"command": {"argv": ["test"]}}`, string(text))
	text, err = json.Marshal(CheckResult{Name: "unit", Detail: "no"})
	require.NoError(t, err)
	require.JSONEq(t, `{"name": "unit", "passed": false, "detail": "no"}`, string(text))
}
