package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// misspelt are addresses that mean something else than a file, each with what the refusal says.
var misspelt = map[string]string{
	"host=127.0.0.1 user=u password=hunter2 dbname=db": "keyword=value",
	"password=hunter2":                                      "keyword=value",
	"dbname = db password = hunter2":                        "keyword=value",
	"service=hunter2":                                       "keyword=value",
	"Host=db;Database=cd;Password=hunter2":                  "keyword=value",
	"Server=db;User Id=u;Password=hunter2":                  "keyword=value",
	"postgres//u:hunter2@h/db":                              "postgres://",
	"postgres/?user=u&password=hunter2":                     "keyword=value",
	"postgres:/u:hunter2@h/db":                              "postgres://",
	"postgres:u:hunter2@h/db":                               "postgres://",
	"postgresql:u:hunter2@h/db":                             "postgres://",
	"postgre://u:hunter2@h/db":                              "unknown kind",
	"POSTGRES://u:hunter2@h/db":                             "small letters",
	"jdbc:postgresql://h/db?user=u&password=hunter2":        "keyword=value",
	"mysql://u:hunter2@h/db":                                "unknown kind",
	"http://u:hunter2@h/db":                                 "unknown kind",
	"file:///srv/hunter2.db":                                "path alone",
	"sqlite:///srv/hunter2.db":                              "path alone",
	"file:hunter2.db?mode=ro":                               "misspelt",
	":memory:":                                              "misspelt",
	"db.example.com:5432/hunter2":                           "misspelt",
	"u:hunter2@db.example.com/cd":                           "without postgres://",
	"/u:hunter2@db.example.com/cd":                          "without postgres://",
	"//u:hunter2@db.example.com/cd":                         "without postgres://",
	"hunter2@db.example.com/cd":                             "without postgres://",
	"//hunter2@db.example.com/cd":                           "without postgres://",
	" .cd/hunter2.db":                                       "space",
	"hunter2.db\n":                                          "line break",
	"postgres://u:hunter2@h/db ":                            "space",
	" postgres://u:hunter2@h/db":                            "space",
	"postgres:\\\\u:hunter2@h\\db":                          "postgres://",
	"hunter2\x00.db":                                        "control character",
	"'host=127.0.0.1 user=u password=hunter2'":              "keyword=value",
	"postgres;//u:hunter2@h/db":                             "postgres://",
	"host=h user=u password=hunter2 dbname=cd sslmode=full": "keyword=value",
}

func TestMisspeltAddressesAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for address, says := range misspelt {
		for name, open := range map[string]func(context.Context, string) error{
			"Open":         func(ctx context.Context, a string) error { _, err := Open(ctx, a); return err },
			"OpenExisting": func(ctx context.Context, a string) error { _, err := OpenExisting(ctx, a); return err },
			"Fill": func(ctx context.Context, a string) error {
				return Fill(ctx, a, func(*Filling) error { return nil })
			},
		} {
			err := open(t.Context(), address)
			require.Error(t, err, "%s %q", name, address)
			require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), "%s %q: %v", name, address, err)
			require.ErrorContains(t, err, says, "%s %q", name, address)
			require.NotContains(t, err.Error(), "hunter2", "%s %q", name, address)
			require.ErrorContains(t, err, "postgres://user@", "%s %q: it says what to write", name, address)
		}
	}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestPathsAreTakenForFiles(t *testing.T) {
	t.Parallel()
	for _, path := range []string{".cd/ledger.db", "ledger.db", "/srv/cd/ledger.db", "./a:b.db", "./u@h/ledger.db", "/home/alice@example.com/ledger.db", "../x/ledger.db",
		"dir/a:b.db", `C:\cd\ledger.db`, "C:/cd/ledger.db", "my ledger.db", "/mnt/k=v/ledger.db", "prod=eu.db", "postgres/ledger.db", "postgres.db", "team-host/ledger.db", "//server/share/ledger.db", "~/ledger.db"} {
		require.True(t, IsPath(path), path)
		d, name, err := dialectOf(path)
		require.NoError(t, err, path)
		require.NotEmpty(t, d.file, path)
		require.Equal(t, path, name)
	}
	require.False(t, IsPath("postgres://user@db.example.com/cd"))
}

// A plan reads, and nothing more: it leaves a missing ledger missing.
func TestReadingAMissingFileFindsAnEmptyLedgerAndMakesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := Open(t.Context(), "a/b/ledger.db")
	require.NoError(t, err)
	elsewhere := t.TempDir()
	for range 2 {
		requireEnvironments(t, l)
		files, err := os.ReadDir(".")
		require.NoError(t, err)
		require.Empty(t, files)
	}
	before, err := os.Getwd()
	require.NoError(t, err)
	t.Chdir(elsewhere) // the path is the one that was meant when it was opened
	putEnvironment(t, l, "staging")
	requireEnvironments(t, l, "staging")
	require.NoError(t, l.Close())
	requireEnvironments(t, openLedger(t, filepath.Join(before, "a", "b", "ledger.db")), "staging")
}

func TestAMissingFileThatAnotherProcessMakesIsUsed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	requireEnvironments(t, l)
	putEnvironment(t, openLedger(t, path), "staging")
	requireEnvironments(t, l, "staging")
}

func TestManyReadAMissingFileAtOnce(t *testing.T) {
	t.Parallel()
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	failures := make(chan error)
	for range 20 {
		go func() {
			failures <- l.View(t.Context(), func(r store.Reader) error {
				_, err := r.Environments(t.Context())
				return err
			})
		}()
	}
	for range 20 {
		require.NoError(t, <-failures)
	}
}

func TestAMissingFileThatCannotBeMadeIsReadAsEmpty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Open(t.Context(), filepath.Join(dir, "sub", "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	requireEnvironments(t, l)
	writeFile(t, filepath.Join(dir, "sub"), "") // a file where the directory would be
	err = l.Update(t.Context(), func(store.Tx) error { return nil })
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err))
	require.ErrorContains(t, err, "cannot be reached")
}
