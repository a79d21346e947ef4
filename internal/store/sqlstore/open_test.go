package sqlstore

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

func TestOpenMakesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ledger.db", "a/b/ledger.db", "with space.db", "100%.db", "what?mode=memory.db", "a#b&c=d.db", ":memory:", "file:x"} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		first := openLedger(t, path)
		putEnvironment(t, first, "staging")
		second := openLedger(t, path)
		requireEnvironments(t, second, "staging")
		_, err := os.Stat(path)
		require.NoError(t, err, name)
	}
}

func TestOpenTakesARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	l := openLedger(t, filepath.FromSlash(".cd/ledger.db"))
	t.Chdir(t.TempDir()) // later connections still find the file
	putEnvironment(t, l, "staging")
	requireEnvironments(t, l, "staging")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, example := range map[string]struct {
		make func(t *testing.T, path string)
		code delivery.Code
		says string
	}{
		"a directory":   {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, delivery.CodeInvalid, "is a directory"},
		"another file":  {func(t *testing.T, path string) { writeFile(t, path, `{"version": 4, "terraform_version": "1.14.0"}`) }, delivery.CodeInvalid, "is not a ledger"},
		"a link astray": {func(t *testing.T, path string) { require.NoError(t, os.Symlink(path+"-gone", path)) }, delivery.CodeInvalid, "symbolic link"},
		"a file below a file": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(filepath.Dir(path)))
			writeFile(t, filepath.Dir(path), "")
		}, delivery.CodeUnavailable, "cannot be reached"},
		"another program's database": {func(t *testing.T, path string) { change(t, path, `CREATE TABLE cookies (id INTEGER)`) }, delivery.CodeInvalid, "another program"},
		"a newer ledger": {func(t *testing.T, path string) {
			require.NoError(t, openAndClose(t.Context(), path))
			change(t, path, `INSERT INTO ledger_schema (version_id, is_applied) VALUES (9999, 1)`)
		}, delivery.CodeInvalid, "newer release"},
		"a damaged ledger": {func(t *testing.T, path string) {
			require.NoError(t, openAndClose(t.Context(), path))
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			for i := 100; i < len(whole); i++ {
				whole[i] = 0xff
			}
			require.NoError(t, os.WriteFile(path, whole, 0o600))
		}, delivery.CodeInternal, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sub", "ledger.db")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			example.make(t, path)
			_, err := Open(t.Context(), path)
			require.ErrorContains(t, err, example.says)
			require.ErrorContains(t, err, filepath.Base(path))
			require.Equal(t, example.code, delivery.CodeOf(err), "%v", err)
		})
	}
	_, err := Open(t.Context(), "")
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
	require.ErrorContains(t, err, "needs a path")
}

func TestOpenRefusesForeignDatabaseUnchanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cookies.db")
	writeFile(t, path, "")
	change(t, path, `CREATE TABLE cookies (id INTEGER)`)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Error(t, openAndClose(t.Context(), path))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestOpenTakesAnEmptyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	writeFile(t, path, "") // as after a crash between making the file and its tables
	putEnvironment(t, openLedger(t, path), "staging")
}

func TestOpeningAgainWritesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	first := openLedger(t, path)
	putEnvironment(t, first, "staging")
	require.NoError(t, first.Close())
	before, err := os.Stat(path)
	require.NoError(t, err)

	l := openLedger(t, path)
	requireEnvironments(t, l, "staging")
	require.Zero(t, l.write.Stats().OpenConnections, "a reader needs no writer")
	require.NoError(t, l.Close())
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
	require.Equal(t, before.Size(), after.Size())
}

func TestOpenByManyAtOnce(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		var group errgroup.Group
		for range 16 {
			group.Go(func() error { return openAndClose(t.Context(), address) })
		}
		require.NoError(t, group.Wait())
		requireEnvironments(t, openLedger(t, address))
	})
}

func TestOpenStopsWhenCanceled(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Open(ctx, address)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err))
	})
}

func TestJournalAndSafety(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000", "trusted_schema": "0"} {
		var got string
		require.NoError(t, l.write.QueryRow(`PRAGMA `+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	_, err := l.read.Exec(`DELETE FROM environments`)
	require.Error(t, err, "readers cannot write")
}

func putEnvironment(t testing.TB, l store.Store, name string) {
	t.Helper()
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
		spec := delivery.EnvironmentSpec{Name: name, Tier: delivery.TierTesting}
		data, err := json.Marshal(spec)
		require.NoError(t, err)
		_, err = tx.AppendEvents(t.Context(), delivery.Event{At: storedAt, Actor: "alice", Kind: delivery.EventEnvironmentDeclared, Subject: name, Data: data})
		require.NoError(t, err)
		return tx.PutEnvironment(t.Context(), spec)
	}))
}

func requireEnvironments(t testing.TB, l store.Store, want ...string) {
	t.Helper()
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		list, err := r.Environments(t.Context())
		require.Len(t, list, len(want))
		for i, spec := range list {
			require.Equal(t, want[i], spec.Name)
		}
		return err
	}))
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// change runs SQL on a database that nobody holds open, without the ledger's help.
func change(t *testing.T, path, statement string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		writeFile(t, path, "")
	}
	db, err := connectSQLite(path, forWriting, time.Second)
	require.NoError(t, err)
	_, err = db.Exec(statement)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func openAndClose(ctx context.Context, path string) error {
	s, err := open(ctx, path, busyTimeout)
	if err != nil {
		return err
	}
	return s.Close()
}
