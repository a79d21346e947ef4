package directory

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func newTestDriver(transport http.RoundTripper) *directoryDriver {
	return newDriver(Options{Transport: transport, FetchPause: time.Nanosecond, Limits: Limits{ArtifactBytes: 1000}})
}

func remote(uri string, content []byte) map[string]delivery.Artifact {
	return map[string]delivery.Artifact{"app": {URI: uri, Digest: sha256Of(content)}}
}

func TestArtifactsAreFetched(t *testing.T) {
	content := tarGz(t, packed{name: "x", text: "hello"})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/app.tar.gz?signature=hunter2", http.StatusFound)
		default:
			_, err := w.Write(content)
			if err != nil {
				panic(err)
			}
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	for name, uri := range map[string]string{
		"https": secure.URL + "/app.tar.gz?token=1", "loopback": plain.URL + "/app.tar.gz", "redirected": secure.URL + "/moved",
	} {
		t.Run(name, func(t *testing.T) {
			target := t.TempDir()
			d := newTestDriver(secure.Client().Transport)
			r := deployed(t, d, requestTo(target, "d1", "1", remote(uri, content)))
			file := "x"
			if name == "redirected" {
				file = "moved" // the name is that of the address, so this is no archive
				require.Equal(t, string(content), read(t, target, "shop", "current", file))
			} else {
				require.Equal(t, "hello", read(t, target, "shop", "current", file))
			}
			seen, err := d.Observe(t.Context(), r)
			require.NoError(t, err)
			require.False(t, seen.Drifted())
		})
	}
}

func TestAFetchCanBeCanceled(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	target := t.TempDir()
	ended := make(chan error, 1)
	go func() {
		_, err := newTestDriver(nil).Deploy(ctx, requestTo(target, "d1", "1", remote(server.URL+"/x", nil)))
		ended <- err
	}()
	<-asked
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, names(t, target, "shop", "staging"))
}

func TestWhatIsFetchedAndIsNotWhatWasReleasedLeavesNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", len(r.URL.Path)*500))
	}))
	defer server.Close()
	for path, says := range map[string]string{"/": "its digest is", "/x": "its digest is", "/xx": "more than 1000 bytes"} {
		target := t.TempDir()
		_, err := newTestDriver(nil).Deploy(t.Context(), requestTo(target, "d1", "1", remote(server.URL+path+"?token=hunter2", nil)))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
		require.Empty(t, names(t, target, "shop", "staging"))
	}
}
