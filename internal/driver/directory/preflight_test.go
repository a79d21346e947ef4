package directory

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestPreflightLooksAtEveryArtifactAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), []byte("the shop"), 0o600))
	digest, err := Digest(dir)
	require.NoError(t, err)
	folder, gone := delivery.Artifact{URI: dir, Digest: digest}, delivery.Artifact{URI: filepath.Join(dir, "gone"), Digest: digest}
	for _, test := range []struct {
		artifacts map[string]delivery.Artifact
		why       string
	}{
		{map[string]delivery.Artifact{"a": folder, "b": folder}, ""},
		{map[string]delivery.Artifact{"a": folder, "b": gone}, `artifact "b" (` + gone.URI + "): there is no such file or directory"},
		{map[string]delivery.Artifact{"a": {URI: dir, Digest: sha256Of(nil)}}, "it is not what was released"},
	} {
		target := filepath.Join(t.TempDir(), "target")
		err := newTestDriver(nil).Preflight(t.Context(), requestTo(target, "d1", "1", test.artifacts))
		require.NoDirExists(t, target)
		if test.why == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, test.why)
		}
	}
}
