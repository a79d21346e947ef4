//go:build unix

package cli

import (
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Under nohup a plugin outlives its terminal: a signal that is ignored stays so. One to end is heard.
func TestAnIgnoredHangupStaysIgnored(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP, syscall.SIGTERM) })
	gone := watchParent(t.Context())
	require.True(t, signal.Ignored(syscall.SIGHUP))
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM))
	<-gone
}
