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

// SQLite keeps its log beside the file that a link leads to.
func TestTheLogOfALinkedLedgerIsFound(t *testing.T) {
	t.Parallel()
	file, link := filepath.Join(t.TempDir(), "ledger.db"), filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Symlink(file, link))
	require.False(t, logged(file) || logged(link))
	require.NoError(t, os.WriteFile(file+"-wal", []byte("committed"), 0o600))
	require.True(t, logged(file) && logged(link))
}

func requireMode(t *testing.T, name string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm(), name)
}
