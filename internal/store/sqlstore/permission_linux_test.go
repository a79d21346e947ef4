package sqlstore

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

func TestLedgersThatMayNotBeWritten(t *testing.T) {
	for name, example := range map[string]struct{ file, dir os.FileMode }{
		"a read-only file":                          {0o444, 0o777},
		"a read-only file in a read-only directory": {0o444, 0o555},
		"a read-only directory":                     {0o666, 0o555},
	} {
		t.Run(name, func(t *testing.T) {
			path := filledLedger(t)
			protect(t, path, example.file, example.dir)
			asNobody(t)
			l := openLedger(t, path)
			requireEnvironments(t, l, "staging")
			err := l.Update(t.Context(), func(tx store.Tx) error { return tx.DeleteEnvironment(t.Context(), "staging") })
			require.Error(t, err)
			require.Contains(t, []delivery.Code{delivery.CodeConflict, delivery.CodeUnavailable}, delivery.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, "this user")
			requireEnvironments(t, l, "staging")
		})
	}
}

func TestLedgersThatMayNotBeRead(t *testing.T) {
	for name, example := range map[string]struct{ file, dir os.FileMode }{
		"the file":      {0o000, 0o777},
		"the directory": {0o644, 0o000},
	} {
		t.Run(name, func(t *testing.T) {
			path := filledLedger(t)
			protect(t, path, example.file, example.dir)
			asNobody(t)
			_, err := Open(t.Context(), path)
			require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, path)
		})
	}
	t.Run("a place to make one", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "sub")
		require.NoError(t, os.Mkdir(dir, 0o500))
		protect(t, dir, 0o555, 0o755)
		asNobody(t)
		l, err := Open(t.Context(), filepath.Join(dir, "ledger.db"))
		require.NoError(t, err, "it is made at the first write")
		defer func() { require.NoError(t, l.Close()) }()
		require.NoError(t, l.View(t.Context(), func(store.Reader) error { return nil }))
		err = l.Update(t.Context(), func(store.Tx) error { return nil })
		require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "permission denied")
	})
}

func TestAnOldLedgerThatMayNotBeWrittenIsRefused(t *testing.T) {
	for name, example := range map[string]struct{ file, dir os.FileMode }{
		"a read-only file":                          {0o444, 0o777},
		"a read-only file in a read-only directory": {0o444, 0o555},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sub", "ledger.db")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			firstLedger(t, path)
			protect(t, path, example.file, example.dir)
			asNobody(t)
			_, err := Open(t.Context(), path)
			require.Contains(t, []delivery.Code{delivery.CodeConflict, delivery.CodeUnavailable}, delivery.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, "this user")
		})
	}
}

// filledLedger makes a ledger with one environment, in a separate directory, and closes it.
func filledLedger(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sub", "ledger.db")
	l, err := open(t.Context(), path, busyTimeout)
	require.NoError(t, err)
	putEnvironment(t, l, "staging")
	require.NoError(t, l.Close())
	return path
}

// protect sets permissions of a file and its directory, and lets everyone pass through the directories above.
func protect(t *testing.T, path string, file, dir os.FileMode) {
	t.Helper()
	sub := filepath.Dir(path)
	for above := filepath.Dir(sub); above != filepath.Dir(os.TempDir()) && above != os.TempDir(); above = filepath.Dir(above) {
		require.NoError(t, os.Chmod(above, 0o755))
	}
	require.NoError(t, os.Chmod(path, file))
	require.NoError(t, os.Chmod(sub, dir))
	t.Cleanup(func() { require.NoError(t, os.Chmod(sub, 0o700)) })
}

// asNobody gives up root's right to read and write everything, for the rest of the test. Anyone but root has no such right.
func asNobody(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	runtime.LockOSThread() // the user for file access belongs to the thread
	require.NoError(t, syscall.Setfsuid(nobody))
	t.Cleanup(func() {
		require.NoError(t, syscall.Setfsuid(0))
		runtime.UnlockOSThread()
	})
}
