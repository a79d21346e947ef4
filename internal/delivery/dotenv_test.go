package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDotenvValue(t *testing.T) {
	for value, want := range map[string]string{
		"": `""`, "a b": `"a b"`, `{"a": "b\n"}`: `'{"a": "b\n"}'`, "pa$w0rd`": "'pa$w0rd`'", "it's": `"it's"`, `\`: "two backslashes in a row or ends with one",
		`a\\b`: "two backslashes in a row", "a ${B}": "the value holds ${", "a\r\nb": "carriage return", `it's "it"`: "a single quote together with",
		"it's $x": "a single quote together with", "it's `x`": "a single quote together with", `it's \n`: "a single quote together with",
	} {
		got, err := DotenvValue(value)
		if strings.HasSuffix(want, "'") || strings.HasSuffix(want, `"`) {
			require.NoError(t, err, value)
			require.Equal(t, want, got)
			continue
		}
		require.ErrorContains(t, err, want, value)
	}
}

// An error says nothing of the value: it may be one that is not printed.
func TestDotenvErrorsRepeatNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z0-9]{12}`).Draw(t, "word")
		_, err := DotenvValue(word + rapid.SampledFrom([]string{"\r", `\`, "${", `'"`}).Draw(t, "problem"))
		require.Error(t, err)
		require.NotContains(t, err.Error(), word)
	})
}

// What cannot be written for all readers of .env is refused where it is declared, and only for a directory.
func TestConfigurationThatEnvFilesCannotHold(t *testing.T) {
	directory := &Target{Directory: &DirectoryTarget{Path: "/srv/a"}}
	command := &Target{Command: &CommandTarget{Deploy: Command{Argv: []string{"a"}}, Observe: Command{Argv: []string{"b"}}}}
	source := EnvironmentSpec{Name: "source", Tier: TierTesting, Config: map[string]string{"BAD": "${A}", "GOOD": "$A"}, Target: command}
	require.Empty(t, source.Validate())
	source.Target = directory
	requireErrors(t, source.Validate(), map[string]string{`config["BAD"]`: "the value holds ${, which a shell, Docker Compose, Node.js and python-dotenv read from .env in different ways"})

	replica := EnvironmentSpec{Name: "replica", Tier: TierTesting, ReplicaOf: "source", Target: directory}
	known := map[string]EnvironmentSpec{"source": source, "replica": replica}
	requireErrors(t, CheckEnvironment(replica, known, time.Now()), map[string]string{"replica_of": `BAD, which environment "source" sets, cannot be taken over`})
	replica.Target = command
	require.Empty(t, CheckEnvironment(replica, known, time.Now()))
	replica.Target = directory
	replica.Config = map[string]string{"BAD": "fine"}
	replica.Parity = &Parity{With: "source", Allow: map[string]Allowance{"BAD": {Reason: "another"}}}
	require.Empty(t, CheckEnvironment(replica, known, time.Now()))

	pipeline := PipelineSpec{Name: "shop", Stages: []Stage{{Name: "testing", Environments: []string{"replica"}, Promotion: Automatic, Config: map[string]string{"X": `a\`}}}}
	require.Empty(t, pipeline.Validate())
	known["replica"] = replica
	requireErrors(t, pipeline.ValidateEnvironments(known), map[string]string{`stages[0].config["X"]`: `the directory target of environment "replica" cannot take it: the value holds two backslashes`})
	replica.Target = command
	known["replica"] = replica
	require.Empty(t, pipeline.ValidateEnvironments(known))
}
