//go:build unix

package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// What does not listen when it is asked to end is killed while there is still time to give its lease up: whatever runs a program of the user.
func TestCloseKillsWhatDoesNotEnd(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page")
	require.NoError(t, os.WriteFile(page, []byte("hello"), 0o600))
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("hello")))
	nothing := delivery.Command{Argv: []string{"echo", `{"running": false}`}}
	for name, declare := range map[string]func(stubborn delivery.Command) (delivery.Target, map[string]delivery.Check){
		"deploy": func(stubborn delivery.Command) (delivery.Target, map[string]delivery.Check) {
			return delivery.Target{Command: &delivery.CommandTarget{Deploy: stubborn, Observe: nothing}}, nil
		},
		"after_deploy": func(stubborn delivery.Command) (delivery.Target, map[string]delivery.Check) {
			return delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(dir, "site"), AfterDeploy: &stubborn}}, nil
		},
		"verify": func(stubborn delivery.Command) (delivery.Target, map[string]delivery.Check) {
			return delivery.Target{Command: &delivery.CommandTarget{Deploy: nothing, Observe: nothing}},
				map[string]delivery.Check{"smoke": {Command: &delivery.CommandCheck{Command: stubborn}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pipe")
			require.NoError(t, syscall.Mkfifo(path, 0o600))
			script := `exec 3>"$1"; trap "" TERM; (while :; do sleep 1000; done) & echo running >&3; while :; do wait; done`
			target, verify := declare(delivery.Command{Argv: []string{"/bin/sh", "-c", script, "sh", path}})
			a, err := Open(t.Context(), Config{Ledger: filepath.Join(t.TempDir(), "ledger.db")})
			require.NoError(t, err)
			_, err = a.plane.PutEnvironment(t.Context(), "ann", delivery.EnvironmentSpec{Name: "dev", Tier: delivery.TierOther, Target: &target})
			require.NoError(t, err)
			_, err = a.plane.PutPipeline(t.Context(), "ann", delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
				{Name: "development", Promotion: delivery.Automatic, Environments: []string{"dev"}, Verify: verify}}})
			require.NoError(t, err)
			_, err = a.plane.PutRelease(t.Context(), "ann", delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0",
				Artifacts: map[string]delivery.Artifact{"page": {URI: page, Digest: digest}}}})
			require.NoError(t, err)
			pipe, err := os.Open(path)
			require.NoError(t, err)
			defer func() { require.NoError(t, pipe.Close()) }()
			text := bufio.NewReader(pipe)
			line, err := text.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "running\n", line)

			ctx, cancel := context.WithTimeout(t.Context(), 2700*time.Millisecond) // a program has 3 s to end, otherwise
			defer cancel()
			require.NoError(t, a.Close(ctx))
			require.NoError(t, pipe.SetReadDeadline(time.Now().Add(time.Minute)))
			_, err = io.ReadAll(text) // ends only when the last of them is gone
			require.NoError(t, err)
		})
	}
}
