package directory

import (
	"os"
	"path/filepath"
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
		p, err := makeSiteDir(r)
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
	left, err := filepath.Glob(file + ".*")
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left beside it")
}
