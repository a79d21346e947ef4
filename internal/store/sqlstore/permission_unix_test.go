//go:build unix

package sqlstore

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "ledger.db")
	l := openLedger(t, path)
	putEnvironment(t, l, "staging")
	requireEnvironments(t, l, "staging")
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		requireMode(t, name, 0o600)
	}
	requireMode(t, dir, 0o700)
	requireMode(t, filepath.Dir(dir), 0o700)
}

func requireMode(t *testing.T, name string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm(), name)
}
