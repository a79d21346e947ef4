//go:build unix

package directory

import (
	"context"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const diskFull = syscall.ENOSPC

// limitFileSize makes the disk look full to this process: no file can grow beyond the limit.
func limitFileSize(bytes uint64) {
	if bytes == 0 {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}

func TestAFileThatTheSystemDoesNotLetGrow(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	before := deployed(t, d, requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
	r := requestTo(target, "d2", "2", artifactFile(t, "a.tgz", tarGz(t, packed{name: "big", text: strings.Repeat("a", 300_000)})))
	out, err := deployInChild(t, "", savedRequest{Request: r, FileSize: 100_000})
	require.Error(t, err)
	require.Contains(t, out, "the disk is full")
	require.Empty(t, names(t, target, "shop", "staging"))
	seen, err := d.Observe(t.Context(), before)
	require.NoError(t, err)
	require.False(t, seen.Drifted())
}

func TestADaemonThatAHookLeavesBehindDelaysNothingAndLivesOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	self, err := os.Executable()
	require.NoError(t, err)
	// The daemon inherits the hook's output.
	hook := &delivery.Command{
		Argv:        []string{"/bin/sh", "-c", `"$0" & echo started`, self},
		Environment: roleEnvironment("stall=" + listener.Addr().String()),
	}
	deployed(t, New(Options{}), requestWithHook(t, "d1", hook))
	conn, err := listener.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.Close()) // which ends it
}

func TestWhatATimedOutHookStartedIsEnded(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	self, err := os.Executable()
	require.NoError(t, err)
	hook := &delivery.Command{
		Argv:        []string{"/bin/sh", "-c", `"$0" & wait`, self},
		Environment: roleEnvironment("stall=" + listener.Addr().String()),
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	r := requestWithHook(t, "d1", hook)
	go func() {
		_, err := New(Options{}).Deploy(ctx, r)
		ended <- err
	}()
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	_, err = conn.Read(make([]byte, 1)) // the child of the hook is gone, so its connection ends
	require.Error(t, err)
}

func TestAPipeIsNoArtifact(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	digest := sha256Of(nil)
	requireRefused(t, Limits{}, map[string]delivery.Artifact{"app": {URI: pipe, Digest: digest}}, "not a regular file")
	requireRefused(t, Limits{}, map[string]delivery.Artifact{"app": {URI: dir, Digest: digest}}, `"pipe"`, "devices and pipes")
	_, err := Digest(dir)
	require.ErrorContains(t, err, "devices and pipes")
}

func TestAPipeInPlaceOfAFileIsSeen(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	r := deployed(t, d, requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
	for _, name := range []string{"x", ".env", ".cd-manifest.json"} {
		file := filepath.Join(target, "shop", "current", name)
		require.NoError(t, os.Remove(file))
		require.NoError(t, syscall.Mkfifo(file, 0o600))
		seen, err := d.Observe(t.Context(), r)
		require.NoError(t, err)
		require.True(t, seen.Drifted())
	}
}

func TestWhatCannotBeReadIsUnknownUnlessSomethingElseIsSure(t *testing.T) {
	hidden := unreadable(".env", &os.PathError{Op: "open", Path: ".env", Err: syscall.EACCES})
	require.Equal(t, delivery.Observation{Unknown: ".env cannot be read: permission denied; run Terraform as the user who deploys"},
		conclude("1", []finding{hidden}))
	require.Equal(t, delivery.Observation{Running: true, Version: "1", Differences: []string{"file x was changed"}},
		conclude("1", []finding{hidden, foundf("file x was changed")}))
}

func TestUnreadableArtifactsAreRefused(t *testing.T) {
	if os.Getuid() != 0 {
		file := filepath.Join(t.TempDir(), "secret.txt")
		require.NoError(t, os.WriteFile(file, []byte("x"), 0o000))
		requireRefused(t, Limits{}, map[string]delivery.Artifact{"app": {URI: file, Digest: sha256Of([]byte("x"))}}, "permission denied", "give the user")
		return
	}
	require.ErrorContains(t, failed("read", "/srv/app.zip", &os.PathError{Op: "open", Path: "app.zip", Err: syscall.EACCES}),
		"cannot read /srv/app.zip: permission denied; give the user who runs Terraform access to it")
}
