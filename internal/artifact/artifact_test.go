package artifact

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocate(t *testing.T) {
	for uri, want := range map[string]Source{
		"dist/app.tgz":              {Path: "dist/app.tgz", Base: "app.tgz"},
		"file:///srv/app.tgz":       {Path: "/srv/app.tgz", Base: "app.tgz"},
		"file://localhost/srv/a":    {Path: "/srv/a", Base: "a"},
		"https://example.com/d/app": {Base: "app"},
	} {
		got, err := Locate(uri)
		require.NoError(t, err, uri)
		require.Equal(t, strings.HasPrefix(uri, "https"), got.Remote(), uri)
		got.address = nil
		require.Equal(t, want, got, uri)
	}
	for uri, words := range map[string]string{
		"file://server/srv/app": `"server" would be another machine`, "https:///app": "the address names no host", "http://example.com/app": "plain http:// is only for this machine",
		"oci://registry/app": "oci:// is not supported", "https://ann:hunter2@exa mple.com/": "this is no valid address",
	} {
		_, err := Locate(uri)
		require.ErrorContains(t, err, words, uri)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestWhatAnErrorShowsOfAnAddress(t *testing.T) {
	for uri, want := range map[string]string{
		"dist/app": "dist/app", "https://ann:hunter2@example.com/app?signature=x#y": "https://example.com/app", "https://ann:hunter2@exa mple.com/app": "https://…",
	} {
		require.Equal(t, want, Shown(uri))
	}
}

func TestOnlyFilesAndDirectoriesAreArtifacts(t *testing.T) {
	_, err := Source{Path: os.DevNull}.Stat()
	require.ErrorIs(t, err, ErrNotRegular)
	info, err := Source{Path: t.TempDir()}.Stat()
	require.NoError(t, err)
	require.True(t, info.IsDir())
	denied := Source{Path: "/srv/app"}.unreadable(&fs.PathError{Op: "open", Path: "/srv/app", Err: fs.ErrPermission})
	require.EqualError(t, denied, "cannot read /srv/app: permission denied; give the user who runs Terraform access to it")
	require.ErrorIs(t, denied, fs.ErrPermission)
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1 << 10: "1 KiB", 1536: "1.5 KiB", 1 << 20: "1 MiB", 1 << 30: "1 GiB", MaxBytes: "4 GiB"} {
		require.Equal(t, want, Size(n))
	}
}

func TestAReaderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := Reader{ctx, strings.NewReader("text")}
	n, err := r.Read(make([]byte, 2))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	cancel()
	n, err = r.Read(make([]byte, 2))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, n)
}

func TestItsOwnerMayExecuteIt(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{0o700: true, 0o500: true, 0o644: false, 0o601: false} {
		path := filepath.Join(t.TempDir(), "app")
		require.NoError(t, os.WriteFile(path, []byte("app"), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		executable, n, err := New(nil, 0).Copy(t.Context(), Source{Path: path}, most, io.Discard)
		require.NoError(t, err)
		require.Equal(t, int64(3), n)
		require.Equal(t, want, executable, mode)
	}
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	for status, times := range map[int]int32{http.StatusTooManyRequests: 3, http.StatusInternalServerError: 3, http.StatusForbidden: 1} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			http.Error(w, "no", status)
		}))
		err := copied(t, nil, server.URL+"/x", io.Discard)
		server.Close()
		require.Error(t, err)
		require.Equal(t, times, asked.Load(), status)
		require.NotErrorIs(t, err, context.Canceled)
	}
}
