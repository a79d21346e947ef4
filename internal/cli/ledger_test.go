package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/app"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// said is what a command printed, and its exit status.
type output struct {
	out, err string
	status   int
}

func run(in string, args ...string) output {
	var out, err bytes.Buffer
	status := ledgerCommand(args, streams{in: strings.NewReader(in), out: &out, err: &err})
	return output{out.String(), err.String(), status}
}

// someLedger makes a ledger that knows one environment.
func someLedger(t *testing.T, address string) string {
	t.Helper()
	opened, err := app.Open(t.Context(), app.Config{Ledger: address})
	require.NoError(t, err)
	api := client.New(client.Config{Address: "http://embedded", Transport: opened.Transport(), Actor: "alice@example.com", UserAgent: "test"})
	_, err = api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging", Tier: delivery.TierStaging})
	require.NoError(t, err)
	require.NoError(t, opened.Close(t.Context()))
	return address
}

func TestLedgerCommandLine(t *testing.T) {
	require.Equal(t, 2, Main("test", []string{"ledger"}))
	require.Equal(t, 0, Main("test", []string{"ledger", "help"}))
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "a command is needed"},
		{[]string{"burn", "x.db"}, `unknown command "burn"`},
		{[]string{"verify"}, "takes one ledger"},
		{[]string{"verify", "a", "b"}, "takes one ledger"},
		{[]string{"copy", "a"}, "takes two ledgers"},
		{[]string{"adopt", "a", "1", "b"}, "takes the id of the lost ledger"},
		{[]string{"export", "-x", "a"}, "ledger export: flag provided but not defined: -x"},
		{[]string{"copy", "-o", "f", "a", "b"}, "ledger copy: flag provided but not defined: -o"},
		{[]string{"export", "a", "-o"}, "flag needs an argument: -o"},
		{[]string{"verify", "-anchor", "abc", "a"}, "-anchor is the hash"},
		{[]string{"init"}, "takes one ledger"},
		{[]string{"help", "me"}, "takes nothing more"},
	} {
		got := run("", c.args...)
		require.Equal(t, 2, got.status, "%v", c.args)
		require.Contains(t, got.err, c.says)
		require.Contains(t, got.err, "usage: terraform-provider-cd ledger verify")
		require.Empty(t, got.out)
	}
}

func TestLedgerMovesIsVerifiedAndExported(t *testing.T) {
	dir := t.TempDir()
	one, two, file := someLedger(t, filepath.Join(dir, "one.db")), pgtest.URL(t), filepath.Join(dir, "one.ndjson")

	copied := run("", "copy", one, two, "-keep-open")
	require.Equal(t, output{copied.out, "", 0}, copied)
	require.Contains(t, copied.out, "copied 1 events and 1 rows")
	require.Equal(t, 1, run("", "copy", one, two).status)
	require.Contains(t, run("", "copy", one, two).err, "is not empty")

	verified := run("", "verify", two)
	require.Equal(t, output{verified.out, "", 0}, verified, "nothing but the result, where no terminal is")
	_, anchor, found := strings.Cut(strings.TrimSpace(verified.out), "anchor: ")
	require.True(t, found)
	require.Zero(t, run("", "verify", one, "--anchor="+anchor).status)
	cut := run("", "verify", "-anchor", "sha256:00", one)
	require.Equal(t, 1, cut.status)
	require.Contains(t, cut.err, "no event has the hash")

	require.Zero(t, run("", "export", "-o", file, one).status)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(text), run("", "export", two).out)
	require.Contains(t, run("", "export", "-o", file, one).err, "exists already")
	require.Zero(t, run("", "verify", file, "-anchor", anchor).status)
	require.Zero(t, run(string(text), "verify", "-").status)
	broken := run(strings.Replace(string(text), "alice", "mallory", 1), "verify", "-")
	require.Equal(t, 1, broken.status)
	require.Contains(t, broken.err, "event 1 (environment.declared staging) was changed after it was written")
	require.Empty(t, broken.out)

	three := filepath.Join(dir, "three.db")
	moved := run("", "copy", two, three)
	require.Equal(t, output{moved.out, "", 0}, moved)
	require.Contains(t, moved.out, "is sealed: it takes no more changes")
	require.Contains(t, run("", "copy", two, filepath.Join(dir, "four.db")).err, "it was moved to "+three)
}

func TestLedgerIsMade(t *testing.T) {
	for _, address := range []string{filepath.Join(t.TempDir(), "sub", "ledger.db"), pgtest.URL(t)} {
		require.Contains(t, run("", "verify", address).err, "there is no ledger")
		first := run("", "init", address)
		require.Equal(t, output{first.out, "", 0}, first)
		require.Contains(t, first.out, "is ready: 0 events\nledger: ")
		require.Equal(t, first, run("", "init", address), "it is the same ledger")
		require.Zero(t, run("", "verify", address).status)
		someLedger(t, address)
		require.Contains(t, run("", "init", address).out, "is ready: 1 events")
	}
	require.Equal(t, 1, run("", "init", t.TempDir()).status)
}

func TestLedgerClock(t *testing.T) {
	path := someLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	clock := run("", "clock", path)
	require.Equal(t, output{clock.out, "", 0}, clock)
	require.Contains(t, clock.out, " (event 1)\nthe clock is not behind it\n")
	require.Contains(t, run("", "clock", "-correct", path).err, "there is nothing to correct")
	require.Equal(t, 2, run("", "clock").status)
	require.Equal(t, 1, run("", "clock", filepath.Join(t.TempDir(), "none.db")).status)
}

func TestLedgerIsAdopted(t *testing.T) {
	dir := t.TempDir()
	one, next := someLedger(t, filepath.Join(dir, "one.db")), filepath.Join(dir, "next", "ledger.db")
	verified := run("", "verify", one).out
	_, rest, found := strings.Cut(verified, "ledger: ")
	require.True(t, found, verified)
	id, anchor, _ := strings.Cut(strings.TrimSpace(rest), "\nanchor: ")
	for range 2 {
		adopted := run("", "adopt", id, "1", anchor, next)
		require.Equal(t, output{adopted.out, "", 0}, adopted)
		require.Contains(t, adopted.out, "replaces ledger "+id+" up to event 1")
	}
	require.Contains(t, run("", "verify", next).out, "1 events")
	for _, wrong := range [][]string{{"LEDGER", "1", anchor}, {id, "one", anchor}, {id, "1", "sha256:12"}} {
		got := run("", append(append([]string{"adopt"}, wrong...), next)...)
		require.Equal(t, 1, got.status)
		require.Contains(t, got.err, "copy the three words from the message of terraform plan")
	}
}

// A misspelt address is never taken for the name of a file, and a look at a ledger makes none.
func TestLedgerRefusesMisspeltAddresses(t *testing.T) {
	one := someLedger(t, filepath.Join(t.TempDir(), "one.db"))
	t.Chdir(t.TempDir())
	for _, wrong := range []string{"host=127.0.0.1 user=u password=hunter2 dbname=db", "postgres:/u:hunter2@h/db", "postgresql:u:hunter2@h/db", "mysql://u:hunter2@h/db", "u:hunter2@h/db.ndjson"} {
		for _, args := range [][]string{{"verify", wrong}, {"export", wrong}, {"copy", wrong, "two.db"}, {"copy", one, wrong}} {
			got := run("", args...)
			require.Equal(t, 1, got.status, "%v", args)
			require.NotContains(t, got.err+got.out, "hunter2")
			require.Contains(t, got.err, "postgres://user@", "%v: it says what to write", args)
		}
	}
	require.Contains(t, run("", "verify", "missing/ledger.db").err, "there is no ledger missing/ledger.db")
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, files)
}

// What fails says so without a password, and leaves nothing behind.
func TestLedgerFailuresAreClean(t *testing.T) {
	dir := t.TempDir()
	secret := "postgres://cd:Hush7k3vb9Q@/cd?host=" + dir
	file := filepath.Join(dir, "x.ndjson")
	one := someLedger(t, filepath.Join(dir, "one.db"))
	for _, args := range [][]string{
		{"verify", secret}, {"export", "-o", file, secret}, {"copy", secret, one}, {"copy", one, secret}, {"verify", file}, {"verify", filepath.Join(dir, "no.db")},
	} {
		got := run("", args...)
		require.Equal(t, 1, got.status, "%v", args)
		require.NotContains(t, got.err+got.out, "Hush7k3vb9Q")
		require.Equal(t, 1, strings.Count(got.err, "\n"), got.err)
		require.NoFileExists(t, file)
	}
}

func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	var out bytes.Buffer
	for _, shown := range []bool{false, true} {
		b := &bars{out: &out, shown: shown}
		for i := range int64(3) {
			b.progress("copying", i+1, 3)
		}
		b.end()
		require.Equal(t, shown, strings.Contains(out.String(), "copying"))
	}
}
