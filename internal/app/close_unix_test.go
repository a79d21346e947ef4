//go:build unix

package app

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// What does not listen when it is asked to end is killed while there is still time to give its lease up.
func TestCloseKillsWhatDoesNotEnd(t *testing.T) {
	dir := t.TempDir()
	path, page := filepath.Join(dir, "pipe"), filepath.Join(dir, "page")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	require.NoError(t, os.WriteFile(page, []byte("hello"), 0o600))
	a, err := Open(t.Context(), Config{Ledger: filepath.Join(dir, "ledger.db")})
	require.NoError(t, err)
	script := `exec 3>"$1"; trap "" TERM; (while :; do sleep 1000; done) & echo running >&3; while :; do wait; done`
	deploy := delivery.Command{Argv: []string{"/bin/sh", "-c", script, "sh", path}}
	_, err = a.plane.PutEnvironment(t.Context(), "ann", delivery.EnvironmentSpec{Name: "dev", Tier: delivery.TierOther,
		Target: &delivery.Target{Command: &delivery.CommandTarget{Deploy: deploy, Observe: delivery.Command{Argv: []string{"echo", `{"running": false}`}}}}})
	require.NoError(t, err)
	_, err = a.plane.PutPipeline(t.Context(), "ann", delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "development", Promotion: delivery.Automatic, Environments: []string{"dev"}}}})
	require.NoError(t, err)
	_, err = a.plane.PutRelease(t.Context(), "ann", delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0",
		Artifacts: map[string]delivery.Artifact{"page": {URI: page, Digest: "sha256:" + strings.Repeat("1", 64)}}}})
	require.NoError(t, err)
	pipe, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, pipe.Close()) }()
	text := bufio.NewReader(pipe)
	line, err := text.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "running\n", line)

	ctx, cancel := context.WithTimeout(t.Context(), 2700*time.Millisecond) // a program has 3 s to end by itself, otherwise
	defer cancel()
	require.NoError(t, a.Close(ctx))
	require.NoError(t, pipe.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = io.ReadAll(text) // ends only when the last of them is gone
	require.NoError(t, err)
}
