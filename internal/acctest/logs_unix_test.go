//go:build unix

package acctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// eavesdropped is a workspace whose provider's standard error goes to a file as well.
func eavesdropped(t *testing.T, env ...string) (w *workspace, log string) {
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

// TestRequestsAreNotLoggedUnlessAsked: writing the framework's records is more than half of a plan's time. What the plugin
// library says once, when it starts, costs nothing.
func TestRequestsAreNotLoggedUnlessAsked(t *testing.T) {
	t.Parallel()
	w, log := eavesdropped(t)
	w.run("plan")
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.NotContains(t, string(text), "sdk.")
	require.NotContains(t, string(text), "tf_rpc")
	require.NotContains(t, string(text), `"trace"`)
}

// TestLogsAreCompleteWhenAsked: whoever asks for logs, in whichever way, gets the framework's own records too.
func TestLogsAreCompleteWhenAsked(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"TF_LOG=trace", "TF_LOG_PROVIDER=trace", "TF_LOG=json"} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			w, log := eavesdropped(t, asked)
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
