package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const repository = "../.."

// TestExamples applies every example as it is: with the real program, in a directory of its own, as a reader of the
// documentation would. A second plan is empty, and destroying works.
func TestExamples(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC=1 to run real Terraform")
	}
	settings := buildProvider(t)
	for _, pattern := range []string{"examples/resources/*", "examples/data-sources/*", "examples/scenarios/*"} {
		directories, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, directories, pattern)
		for _, directory := range directories {
			name, err := filepath.Rel(filepath.Join(repository, "examples"), directory)
			require.NoError(t, err)
			t.Run(filepath.ToSlash(name), func(t *testing.T) {
				t.Parallel()
				work := t.TempDir()
				require.NoError(t, os.CopyFS(work, os.DirFS(directory)))
				run := func(args ...string) string { return runProgram(t, settings, work, args...) }
				run("apply", "-auto-approve")
				require.Contains(t, run("plan"), "No changes.")
				run("destroy", "-auto-approve")
			})
		}
	}
}

// buildProvider builds the program and returns a Terraform settings file that has it used.
func buildProvider(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "terraform-provider-cd"), ".")
	build.Dir = repository
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	settings := filepath.Join(dir, "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"delivery-as-code/cd\" = %q\n  }\n  direct {}\n}\n", dir)
	require.NoError(t, os.WriteFile(settings, []byte(text), 0o600))
	return settings
}

// runProgram runs one command of Terraform, which has to go well, and returns what it printed.
func runProgram(t *testing.T, settings, dir string, args ...string) string {
	t.Helper()
	program := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if program == "" {
		program = "terraform"
	}
	cmd := exec.CommandContext(t.Context(), program, append(args, "-input=false", "-no-color")...)
	cmd.Dir = dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "CD_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "TF_CLI_CONFIG_FILE="+settings, "CHECKPOINT_DISABLE=1", "CD_ACTOR=alice@example.com")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "terraform %s: %s", strings.Join(args, " "), out)
	return string(out)
}
