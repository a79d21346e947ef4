package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPackGivesTheSameDigestWhateverTheTimesAndTheOrder(t *testing.T) {
	dir := t.TempDir()
	program, page := filepath.Join(dir, "shop"), filepath.Join(dir, "page.txt")
	require.NoError(t, os.WriteFile(program, []byte("program"), 0o755))
	require.NoError(t, os.WriteFile(page, []byte("page"), 0o600))
	var first, second bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"pack", filepath.Join(dir, "a.tar.gz"), program, page}, &first))

	later := time.Unix(2_000_000_000, 0)
	require.NoError(t, os.Chtimes(page, later, later))
	require.NoError(t, os.Chmod(page, 0o644))
	require.NoError(t, run(context.Background(), []string{"pack", filepath.Join(dir, "b.tar.gz"), page, program}, &second))
	require.Equal(t, first.String(), second.String())
	require.Regexp(t, `^sha256:[0-9a-f]{64}\n$`, first.String())
}

func TestPortsDiffer(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"ports", "3"}, &out))
	ports := strings.Fields(out.String())
	require.Len(t, ports, 3)
	require.NotEqual(t, ports[0], ports[1])
	require.NotEqual(t, ports[1], ports[2])
	require.NotEqual(t, ports[0], ports[2])
}
