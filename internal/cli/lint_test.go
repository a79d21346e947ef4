package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
)

func lint(args ...string) output {
	var out, err bytes.Buffer
	status := lintCommand(args, streams{out: &out, err: &err})
	return output{out.String(), err.String(), status}
}

func TestLint(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600))
	}
	write(`resource "cd_pipeline" "p" {
  stages = [{ name = "s", gate = { soak = {} }, gates = { aprovals = {} } }]
}
data "cd_readiness" "r" {}
`)
	found := lint(dir)
	require.Equal(t, 1, found.status)
	require.Empty(t, found.err)
	require.Equal(t, `error: cd_pipeline.p, main.tf:2: stages.gates has no key "aprovals", and Terraform drops it without a word, with all that it says. Did you mean "approvals"? The keys are: approvals, checks, cooldown, expressions, max_deploys, none, parity, soak, tests, windows.
error: cd_pipeline.p, main.tf:2: stages has no key "gate", and Terraform drops it without a word, with all that it says. Did you mean "gates"? The keys are: config, environments, gates, name, on_failure, overridable, promotion, rollout, verify.
`, found.out)

	write("locals {\n  gates = { aprovals = {} }\n}\nresource \"cd_policy\" \"p\" {\n  gates = local.gates\n}\n")
	found = lint(dir)
	require.Zero(t, found.status)
	require.Contains(t, found.out, `warning: cd_policy.p, main.tf:2, in local.gates: gates has no key "aprovals"`)

	write("")
	require.Equal(t, output{"No unknown keys.\n", "", 0}, lint(dir))
	write("resource {")
	require.Equal(t, 2, lint(dir).status)
	require.Contains(t, lint(t.TempDir()).err, "the directory holds no configuration files")
	for _, args := range [][]string{{"a", "b"}, {"-help"}} {
		require.Contains(t, lint(args...).err, "usage: terraform-provider-cd lint [DIRECTORY]")
		require.Equal(t, 2, lint(args...).status)
	}
}

// TestLintFindsNothingInTheExamples also keeps false alarms away: the examples use whatever the documentation shows.
func TestLintFindsNothingInTheExamples(t *testing.T) {
	read := 0
	require.NoError(t, filepath.WalkDir("../../examples", func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		files, err := configuration.Read(path, "")
		if errors.Is(err, configuration.ErrNoFiles) {
			return nil
		}
		require.NoError(t, err, path)
		read++
		require.Empty(t, unknownKeys(files), path)
		return nil
	}))
	require.Greater(t, read, 20)
}
