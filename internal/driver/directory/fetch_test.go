package directory

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func newTestDriver(transport http.RoundTripper) *directoryDriver {
	d := newDriver(Options{Transport: transport, Limits: Limits{ArtifactBytes: 1000}})
	d.fetcher.pause = 0
	return d
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

func TestFetchesThatFail(t *testing.T) {
	var asked atomic.Int32
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/less-safe":
			http.Redirect(w, r, plain.URL+"/x?signature=hunter2", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "too short")
		case "/trouble":
			http.Error(w, "later", http.StatusServiceUnavailable)
		case "/other":
			fmt.Fprint(w, "something else")
		case "/huge":
			fmt.Fprint(w, strings.Repeat("x", 1001))
		default:
			http.NotFound(w, r)
		}
	}))
	defer secure.Close()
	for path, c := range map[string]struct {
		says  string
		asked int32
	}{
		"/missing?token=hunter2": {"answered 404 Not Found", 1},
		"/trouble":               {"answered 503 Service Unavailable", 3},
		"/less-safe":             {"less safe", 3},
		"/loop":                  {"redirected more than 10 times", 30},
		"/short":                 {"unexpected EOF", 1},
		"/other":                 {"its digest is", 1},
		"/huge":                  {"more than 1000 bytes", 1},
	} {
		t.Run(path, func(t *testing.T) {
			asked.Store(0)
			target := t.TempDir()
			r := requestTo(target, "d1", "1", remote(secure.URL+path, nil))
			_, err := newTestDriver(secure.Client().Transport).Deploy(t.Context(), r)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.Equal(t, c.asked, asked.Load())
			require.Empty(t, names(t, target, "shop", "staging"))
		})
	}
	t.Run("nobody answers", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		_, err := newTestDriver(nil).Deploy(t.Context(), requestTo(t.TempDir(), "d1", "1", remote(gone.URL+"/x?token=hunter2", nil)))
		require.ErrorContains(t, err, "refused")
		require.NotContains(t, err.Error(), "hunter2")
	})
}

func TestAFetchIsTriedAgain(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			http.Error(w, "later", http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	target := t.TempDir()
	deployed(t, newTestDriver(nil), requestTo(target, "d1", "1", remote(server.URL+"/x", []byte("hello"))))
	require.Equal(t, "hello", read(t, target, "shop", "current", "x"))
}

func TestAFetchCanBeCancelled(t *testing.T) {
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

func TestRedirectsToOtherMachines(t *testing.T) {
	from := &http.Request{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:80"}}
	for to, ok := range map[string]bool{
		"https://example.com/x": true, "http://localhost/x": true, "http://[::1]:80/x": true, "http://example.com/x": false, "ftp://localhost/x": false,
	} {
		address, err := url.Parse(to)
		require.NoError(t, err)
		err = safeRedirect(&http.Request{URL: address}, []*http.Request{from})
		require.Equal(t, ok, err == nil, "%s: %v", to, err)
	}
}
