//go:build unix

package command_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/command"
)

// observe has a program that prints the text, and then what a script adds to it.
func observe(t *testing.T, text, script string) delivery.Observation {
	t.Helper()
	looking := delivery.Command{
		Argv:        []string{"sh", "-c", `printf %s "$TEXT"; ` + script},
		Environment: map[string]string{"TEXT": text},
		Timeout:     "1m",
	}
	r := request(commandTarget(delivery.Command{}, looking))
	r.Receipt = `{"deployment": "d1", "config_revision": "sha256:11"}`
	seen, err := command.New(nil).Observe(t.Context(), r)
	require.NoError(t, err)
	return seen
}

func TestWhatIsPrintedIsCompared(t *testing.T) {
	for text, want := range map[string]delivery.Observation{
		`{"running": true, "version": "1.4.2"}`: {Running: true, Version: "1.4.2"},
		`{"running": true, "version": "1.4.2", "deployment": "d1", "config_revision": "sha256:11", "extra": {"a": [1]}}`: {
			Running: true, Version: "1.4.2",
		},
		`{"running": true, "version": "1.4.1", "deployment": "d0", "config_revision": "sha256:10"}`: {
			Running: true, Version: "1.4.1", Differences: []string{
				`configuration revision is "sha256:10", deployed was "sha256:11"`,
				`deployment is "d0", deployed was "d1"`,
				`version is "1.4.1", deployed was "1.4.2"`,
			},
		},
		`{"running": true, "version": "1.4.2", "differences": ["two\n\u001b[31mlines", "a file", "a file", ""]}`: {
			Running: true, Version: "1.4.2", Differences: []string{"a difference without words", "a file", "two lines"},
		},
		`{"running": false}`:                     {},
		`{"running": false, "version": "1.4.2"}`: {},
	} {
		require.Equal(t, want, observe(t, text, ""), text)
	}
}

func TestWhatIsNoAnswerLeavesThePlaceUnknown(t *testing.T) {
	for name, test := range map[string]struct{ text, script, want string }{
		"nothing":              {"", "", "what it printed is empty"},
		"no JSON":              {"all fine", "", "not the JSON object that is needed"},
		"no object":            {"[]", "", "not the JSON object that is needed"},
		"two objects":          {`{"running": true, "version": "1"} {}`, "", "not the JSON object that is needed"},
		"a wrong type":         {`{"running": "yes", "version": "1"}`, "", "not the JSON object that is needed"},
		"null":                 {"null", "", "does not say whether anything is running"},
		"running is missing":   {`{"version": "1.4.2"}`, "", "does not say whether anything is running"},
		"version is missing":   {`{"running": true}`, "", `not its "version"`},
		"a failure":            {`{"running": true, "version": "1.4.2"}`, "echo no way in >&2; exit 3", "no way in"},
		"too much":             {`{"running": true, "version": "1.4.2"}`, `head -c 1100000 /dev/zero | tr '\0' ' '`, "more than 1048576 bytes"},
		"ended by a signal":    {`{"running": true, "version": "1.4.2"}`, "kill -KILL $$", "signal: killed"},
		"output after the end": {`{"running": true, "version": "1.4.2"}`, "echo done", "not the JSON object that is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := observe(t, test.text, test.script)
			require.Contains(t, seen.Unknown, test.want)
			require.False(t, seen.Running)
			require.False(t, seen.Drifted())
			require.Less(t, len(seen.Unknown), 8<<10)
		})
	}
}

func TestAnObserverThatDoesNotRunLeavesThePlaceUnknown(t *testing.T) {
	for want, looking := range map[string]delivery.Command{
		"install it, or give its path":  {Argv: []string{"no-such-program"}},
		"still running after 100ms and": {Argv: []string{"sleep", "1000"}, Timeout: "100ms"},
	} {
		seen, err := command.New(nil).Observe(t.Context(), request(commandTarget(delivery.Command{}, looking)))
		require.NoError(t, err)
		require.Contains(t, seen.Unknown, want)
	}
}

func TestADeploymentWithoutReceiptIsComparedByItself(t *testing.T) {
	looking := delivery.Command{Argv: []string{"echo", `{"running": true, "version": "1.4.2", "deployment": "d0"}`}}
	r := request(commandTarget(delivery.Command{}, looking))
	seen, err := command.New(nil).Observe(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, []string{`deployment is "d0", deployed was "d1"`}, seen.Differences)

	r.Receipt = "not ours"
	seen, err = command.New(nil).Observe(t.Context(), r)
	require.NoError(t, err)
	require.Contains(t, seen.Unknown, "receipt of deployment d1 cannot be read")
}

func TestDifferencesAreBounded(t *testing.T) {
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprintf("%q", fmt.Sprintf("%03d ", i)+strings.Repeat("ö", 2<<10)))
	}
	text := `{"running": true, "version": "1.4.2", "differences": [` + strings.Join(many, ",") + `]}`
	// Too large for one argument: through a file.
	path := t.TempDir() + "/report.json"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	looking := delivery.Command{Argv: []string{"cat", path}}
	seen, err := command.New(nil).Observe(t.Context(), request(commandTarget(delivery.Command{}, looking)))
	require.NoError(t, err)
	require.Empty(t, seen.Unknown)
	require.Len(t, seen.Differences, 101)
	require.Contains(t, seen.Differences, "… and 150 more")
	require.IsIncreasing(t, seen.Differences)
	for _, difference := range seen.Differences {
		require.LessOrEqual(t, len(difference), 1<<10)
	}
}
