//go:build unix

package acctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// workspaceWithLog returns a workspace whose provider writes its standard error to a file.
func workspaceWithLog(t *testing.T, env ...string) (w *workspace, log string) {
	t.Helper()
	w = newWorkspace(t, required+`
resource "cd_environment" "lab" {
  name = "lab"
  tier = "testing"
}
`, env...)
	log = filepath.Join(w.dir, "provider.log")
	wrapper := w.write("bin/terraform-provider-cd", fmt.Sprintf("#!/bin/sh\nexec %q \"$@\" 2>>%q\n", filepath.Join(pluginDir(t), "terraform-provider-cd"), log))
	require.NoError(t, os.Chmod(wrapper, 0o700))
	config := w.write("cli.tfrc", overrides(filepath.Dir(wrapper)))
	w.env = append(w.env, "TF_CLI_CONFIG_FILE="+config)
	return w, log
}

// TestRequestsAreNotLoggedUnlessAsked: writing the framework's records takes more than half of a plan's time. The records that the plugin
// library writes once, when it starts, cost nothing.
func TestRequestsAreNotLoggedUnlessAsked(t *testing.T) {
	t.Parallel()
	w, log := workspaceWithLog(t)
	w.run("plan")
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.NotContains(t, string(text), "sdk.")
	require.NotContains(t, string(text), "tf_rpc")
	require.NotContains(t, string(text), `"trace"`)
}

// TestLogsAreCompleteWhenAsked: with any setting that turns logs on, the framework's own records are logged too.
func TestLogsAreCompleteWhenAsked(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"TF_LOG=trace", "TF_LOG_PROVIDER=trace", "TF_LOG=json"} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			w, log := workspaceWithLog(t, asked)
			w.run("plan")
			text, err := os.ReadFile(log)
			require.NoError(t, err)
			for _, record := range []string{"sdk.framework", "sdk.proto", "ConfigureProvider", "PlanResourceChange", "ValidateResourceConfig"} {
				require.Contains(t, string(text), record)
			}
		})
	}
	t.Run("through Terraform", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t, "", "TF_LOG=trace")
		log := filepath.Join(w.dir, "terraform.log")
		w.env = append(w.env, "TF_LOG_PATH="+log)
		w.write("main.tf", required+"resource \"cd_environment\" \"lab\" {\n  name = \"lab\"\n  tier = \"testing\"\n}\n")
		w.run("plan")
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		require.Regexp(t, `\[TRACE\] provider\.terraform-provider-cd: .*tf_rpc=PlanResourceChange`, string(text))
		require.Regexp(t, `\[TRACE\] provider\.terraform-provider-cd: .*@module=sdk\.framework`, string(text))
	})
}
