package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/delivery-as-code/terraform-provider-cd/internal/memnet"
)

// The suite of golang.org/x/net for every net.Conn: deadlines, closing, and use from many goroutines.
func TestConnectionsAreConnections(t *testing.T) {
	nettest.TestConn(t, func() (here, there net.Conn, stop func(), err error) {
		l := memnet.Listen()
		accepted := make(chan net.Conn, 1)
		go func() {
			c, _ := l.Accept() // a nil connection fails the suite
			accepted <- c
		}()
		here, err = l.DialContext(t.Context(), "tcp", "anything:80")
		there = <-accepted
		stop = func() { require.NoError(t, errors.Join(here.Close(), there.Close(), l.Close())) }
		return here, there, stop, err
	})
}

func TestWritesDoNotWaitForAReaderUntilThePipeIsFull(t *testing.T) {
	here, there := memnet.Pipe()
	full := bytes.Repeat([]byte("x"), 64<<10)
	n, err := here.Write(full)
	require.NoError(t, err)
	require.Len(t, full, n)

	written := make(chan error, 1)
	go func() {
		_, err := here.Write([]byte("y"))
		written <- err
	}()
	read := make([]byte, len(full)+1)
	_, err = io.ReadFull(there, read)
	require.NoError(t, err)
	require.NoError(t, <-written)
	require.Equal(t, append(full, 'y'), read)
}

func TestWhatWasWrittenBeforeClosingIsRead(t *testing.T) {
	here, there := memnet.Pipe()
	_, err := here.Write([]byte("last words"))
	require.NoError(t, err)
	require.NoError(t, here.Close())
	text, err := io.ReadAll(there)
	require.NoError(t, err)
	require.Equal(t, "last words", string(text))

	_, err = there.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = here.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = here.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
}

// A writer that waits for a reader hears that the reader is gone.
func TestClosingEndsAWriteThatWaits(t *testing.T) {
	here, there := memnet.Pipe()
	written := make(chan error, 1)
	go func() {
		_, err := here.Write(make([]byte, 1<<20))
		written <- err
	}()
	_, err := there.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, there.Close())
	require.ErrorIs(t, <-written, io.ErrClosedPipe)
}

func TestAClosedListenerIsNotReached(t *testing.T) {
	l := memnet.Listen()
	require.Equal(t, "memory", l.Addr().Network())
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err := l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.DialContext(t.Context(), "tcp", "memory")
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestDialingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := memnet.Listen().DialContext(ctx, "tcp", "memory")
	require.ErrorIs(t, err, context.Canceled)
}
