package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func sha256Of(text []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(text)) }

func TestPreflightSaysWhatDeployingWouldNotFind(t *testing.T) {
	content := []byte("the shop")
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Range")
		switch r.URL.Path {
		case "/gone":
			http.NotFound(w, r)
			return
		case "/empty":
			w.Header().Set("Content-Range", "bytes */0")
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	dir := t.TempDir()
	file, changed, folder := filepath.Join(dir, "app"), filepath.Join(dir, "changed"), filepath.Join(dir, "folder")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	require.NoError(t, os.WriteFile(changed, []byte("another shop"), 0o600))
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "index.html"), content, 0o600))
	ofFolder := sha256Of([]byte(folder))
	ofDirectory := func(_ context.Context, path string) (string, error) { return sha256Of([]byte(path)), nil }

	cases := map[string]struct {
		artifact delivery.Artifact
		why      string
	}{
		"a file":              {delivery.Artifact{URI: file, Digest: sha256Of(content)}, ""},
		"a directory":         {delivery.Artifact{URI: folder, Digest: ofFolder}, ""},
		"over http":           {delivery.Artifact{URI: server.URL + "/app", Digest: sha256Of(content)}, ""},
		"empty over http":     {delivery.Artifact{URI: server.URL + "/empty", Digest: sha256Of(nil)}, ""},
		"no file":             {delivery.Artifact{URI: filepath.Join(dir, "gone"), Digest: sha256Of(content)}, "there is no such file or directory"},
		"another file":        {delivery.Artifact{URI: changed, Digest: sha256Of(content)}, "it is not what was released"},
		"another directory":   {delivery.Artifact{URI: folder, Digest: sha256Of(content)}, "it is not what was released"},
		"not found over http": {delivery.Artifact{URI: server.URL + "/gone", Digest: sha256Of(content)}, "answered 404"},
		"nobody listens":      {delivery.Artifact{URI: "http://127.0.0.1:1/app", Digest: sha256Of(content)}, "cannot fetch it"},
		"a registry":          {delivery.Artifact{URI: "oci://registry.example.com/app", Digest: sha256Of(content)}, "oci:// is not supported"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := New(nil, 0).Preflight(t.Context(), c.artifact, ofDirectory)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.why)
		})
	}
	require.Equal(t, "bytes=0-0", asked, "planning downloads nothing")
}
