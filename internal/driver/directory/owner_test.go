package directory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

func TestADirectoryRemembersItsLedger(t *testing.T) {
	t.Parallel()
	here, other := strings.Repeat("ab", 16), strings.Repeat("cd", 16)
	dir := t.TempDir()
	file := filepath.Join(dir, ownerName)
	request := driver.Request{ID: "d1", Pipeline: "shop", Version: "1", Target: delivery.Target{Directory: &delivery.DirectoryTarget{Path: dir}}}
	claimed := func(ledger string, replaced ...string) error {
		r := request
		r.Ledger, r.Replaced = ledger, replaced
		p, err := makeSiteDir(t.Context(), r)
		if err == nil {
			p.close()
		}
		return err
	}
	require.NoError(t, claimed(""), "a request without a ledger claims nothing")
	require.NoFileExists(t, file)
	require.NoError(t, os.WriteFile(file, nil, 0o644), "as a crash may leave it")
	for range 2 {
		require.NoError(t, claimed(here), "a directory from before is taken over by the next deployment")
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.JSONEq(t, `{"ledger":"`+here+`"}`, string(text))
	require.ErrorContains(t, claimed(other), "belongs to ledger "+here+", and this is ledger "+other)
	require.ErrorContains(t, claimed(other), "remove "+file)
	require.NoError(t, claimed(other, other, here), "a ledger that replaces it takes it over")
	require.ErrorContains(t, claimed(here), "belongs to ledger "+other)

	for _, broken := range []string{"{", `{"ledger":""}`, `{"ledger":"` + strings.Repeat("x", 5000) + `"}`} {
		require.NoError(t, os.WriteFile(file, []byte(broken), 0o644))
		require.ErrorContains(t, claimed(here), file)
	}
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), file))
	require.Error(t, claimed(here), "a link leads out of the directory")
	require.NoFileExists(t, filepath.Join(dir, freshName), "nothing is left half written")
}

// claimAtOnce makes a ledger the owner of a directory as soon as standard input ends. The argument is the ledger and the directory.
func claimAtOnce(argument string) error {
	ledger, dir, _ := strings.Cut(argument, ":")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	p, err := makeSiteDir(context.Background(), driver.Request{ID: "d1", Pipeline: "shop", Version: "1", Ledger: ledger,
		Target: delivery.Target{Directory: &delivery.DirectoryTarget{Path: dir}}})
	if err == nil {
		p.close()
	}
	return err
}

// TestOneOfManyLedgersClaimsADirectory has processes of several ledgers deploy into one new directory at once. One ledger becomes its owner,
// and all others are refused.
func TestOneOfManyLedgersClaimsADirectory(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for range 10 {
		dir := filepath.Join(t.TempDir(), "new", "target")
		start, end, err := os.Pipe()
		require.NoError(t, err)
		children, outputs := make([]*exec.Cmd, 4), make([]bytes.Buffer, 4)
		for i := range children {
			child := exec.CommandContext(t.Context(), self)
			child.Env = append(os.Environ(), fmt.Sprintf("%s=claim=%s:%s", roleVariable, strings.Repeat(strconv.Itoa(i), 32), dir), "GORACE=atexit_sleep_ms=0")
			child.Stdin, child.Stdout, child.Stderr = start, &outputs[i], &outputs[i]
			require.NoError(t, child.Start())
			children[i] = child
		}
		require.NoError(t, start.Close())
		require.NoError(t, end.Close())
		owners := []string{}
		for i, child := range children {
			if child.Wait() == nil {
				owners = append(owners, strings.Repeat(strconv.Itoa(i), 32))
			} else {
				require.Contains(t, outputs[i].String(), "belongs to ledger ")
			}
		}
		require.Len(t, owners, 1)
		require.JSONEq(t, `{"ledger":"`+owners[0]+`"}`, read(t, dir, ownerName))
	}
}

// TestClaimedSaysWhoOwnsADirectory: a plan says what the deployment would say, and changes nothing.
func TestClaimedSaysWhoOwnsADirectory(t *testing.T) {
	t.Parallel()
	here, other := strings.Repeat("ab", 16), strings.Repeat("cd", 16)
	dir := filepath.Join(t.TempDir(), "target")
	claimed := func(ledger string, replaced ...string) error {
		r := requestTo(dir, "d1", "1", nil)
		r.Ledger, r.Replaced = ledger, replaced
		return newTestDriver(nil).Claimed(t.Context(), r)
	}
	require.NoError(t, claimed(here))
	require.NoDirExists(t, dir)
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, claimed(here))
	require.Empty(t, names(t, dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ownerName), []byte(`{"ledger":"`+other+`"}`), 0o644))
	require.NoError(t, claimed(other))
	require.NoError(t, claimed(here, other))
	require.ErrorContains(t, claimed(here), dir+" belongs to ledger "+other+", and this is ledger "+here)
	require.ErrorContains(t, claimed(""), dir+" belongs to ledger "+other+", and this one is new")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ownerName), []byte("{"), 0o644))
	require.ErrorContains(t, claimed(here), "does not say which ledger owns this directory")
}
