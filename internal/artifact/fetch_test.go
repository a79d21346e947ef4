package artifact

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// most is the limit of the tests, in bytes.
const most = 1000

func copied(t *testing.T, transport http.RoundTripper, uri string, to io.Writer) error {
	t.Helper()
	from, err := Locate(uri)
	require.NoError(t, err)
	_, _, err = New(transport, 0).Copy(t.Context(), from, most, to)
	return err
}

func TestAnArtifactMayHaveSoManyBytes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", most+len(r.URL.Path)-len("/x")))
	}))
	defer server.Close()
	dir := t.TempDir()
	write := func(name string, bytes int) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, make([]byte, bytes), 0o600))
		return path
	}
	for uri, allowed := range map[string]bool{
		server.URL + "/x": true, server.URL + "/xx": false, write("file", most): true, write("larger", most+1): false,
	} {
		var got bytes.Buffer
		err := copied(t, nil, uri, &got)
		if allowed {
			require.NoError(t, err, uri)
			require.Equal(t, most, got.Len(), uri)
		} else {
			require.ErrorContains(t, err, "it has more than 1000 bytes, the most that one artifact may have", uri)
		}
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
		"/huge":                  {"more than 1000 bytes", 1},
	} {
		t.Run(path, func(t *testing.T) {
			asked.Store(0)
			err := copied(t, secure.Client().Transport, secure.URL+path, io.Discard)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.Equal(t, c.asked, asked.Load())
		})
	}
	t.Run("nobody answers", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		err := copied(t, nil, gone.URL+"/x?token=hunter2", io.Discard)
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
	var got bytes.Buffer
	require.NoError(t, copied(t, nil, server.URL+"/x", &got))
	require.Equal(t, "hello", got.String())
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
