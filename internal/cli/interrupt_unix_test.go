//go:build unix

package cli

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// waiting is standard input on which nothing ever comes, except for somebody who presses Ctrl-C.
type waiting struct {
	t    *testing.T
	over chan struct{}
}

// Read presses Ctrl-C and then waits.
func (w waiting) Read([]byte) (int, error) {
	require.NoError(w.t, syscall.Kill(syscall.Getpid(), syscall.SIGINT))
	<-w.over
	return 0, nil
}

func TestCtrlCEndsTheWork(t *testing.T) {
	var out, err bytes.Buffer
	over := make(chan struct{})
	defer close(over)
	status := ledgerCommand([]string{"verify", "-"}, streams{in: waiting{t, over}, out: &out, err: &err})
	require.Equal(t, 1, status)
	require.Equal(t, "terraform-provider-cd: ledger verify was interrupted; nothing was changed\n", err.String())
	require.Empty(t, out.String())
}
