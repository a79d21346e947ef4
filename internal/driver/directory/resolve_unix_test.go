//go:build unix

package directory

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "srv"), 0o755))
	require.NoError(t, os.Symlink("srv", filepath.Join(dir, "link")))
	t.Chdir(dir)
	want := filepath.Join(dir, "srv", "shop")
	for _, name := range []string{want, filepath.Join(dir, "link", "shop"), filepath.Join("link", "shop"), filepath.Join("srv", ".", "x", "..", "shop"), want + string(filepath.Separator)} {
		require.Equal(t, want, Resolve(name), "it need not exist yet")
	}
	require.NoError(t, os.Mkdir(want, 0o755))
	require.Equal(t, want, Resolve(filepath.Join("link", "shop")))
	require.NotEqual(t, want, Resolve(filepath.Join("link", "blog")))
	missing := filepath.Join(string(filepath.Separator), "no-such-directory", "shop")
	require.Equal(t, filepath.Base(missing), filepath.Base(Resolve(missing)))
}
