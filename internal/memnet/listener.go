// Package memnet is a network inside one process: a net.Listener, and buffered connections to it. An http.Server and an
// http.Transport talk over it as they do over TCP, without a port that other programs could reach.
package memnet

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Listener accepts connections from its own process. Make one with Listen.
type Listener struct {
	dialed chan net.Conn
	closed chan struct{}
	close  func()
}

// Listen returns a listener that nothing but its own DialContext reaches.
func Listen() *Listener {
	closed := make(chan struct{})
	return &Listener{dialed: make(chan net.Conn), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// Accept waits for a connection. After Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, fmt.Errorf("accept: %w", net.ErrClosed)
	case c := <-l.dialed:
		return c, nil
	}
}

// DialContext connects to the listener, whatever the address. After Close it fails with net.ErrClosed.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := Pipe()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, fmt.Errorf("dial: %w", net.ErrClosed)
	case l.dialed <- there:
		return here, nil
	}
}

// Close stops accepting connections. Those that were accepted stay open.
func (l *Listener) Close() error {
	l.close()
	return nil
}

// Addr returns the address of every connection's ends.
func (l *Listener) Addr() net.Addr { return address{} }

type address struct{}

// Network returns the name of the network.
func (address) Network() string { return "memory" }

// String returns the address.
func (address) String() string { return "memory" }
