package sqlstore

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// withSilenceLimit bounds how long a server may be silent on a connection while it is asked something. A network that swallows everything
// and says nothing could otherwise block for as long as the operating system likes, which may be forever. The limit has to be
// longer than a writer waits for its turn, or the server could not say that the turn does not come.
//
// It goes below TLS: who signs in looks at the TLS connection itself, to bind the password to the server's certificate.
func withSilenceLimit(dial pgconn.DialFunc, limit time.Duration) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &boundedConn{Conn: conn, limit: limit}, nil
	}
}

// boundedConn is a connection on which no single read or write takes longer than the limit.
type boundedConn struct {
	net.Conn
	limit time.Duration

	mu  sync.Mutex
	set bool // the caller has set a deadline; that of a canceled context is in the past
}

// Read implements net.Conn.
func (l *boundedConn) Read(into []byte) (int, error) {
	if err := l.begin(l.Conn.SetReadDeadline); err != nil {
		return 0, err
	}
	return l.Conn.Read(into)
}

// Write implements net.Conn.
func (l *boundedConn) Write(text []byte) (int, error) {
	if err := l.begin(l.Conn.SetWriteDeadline); err != nil {
		return 0, err
	}
	return l.Conn.Write(text)
}

func (l *boundedConn) begin(limit func(time.Time) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set {
		return nil
	}
	return limit(time.Now().Add(l.limit))
}

// SetDeadline implements net.Conn.
func (l *boundedConn) SetDeadline(at time.Time) error { return l.take(at, l.Conn.SetDeadline) }

// SetReadDeadline implements net.Conn.
func (l *boundedConn) SetReadDeadline(at time.Time) error { return l.take(at, l.Conn.SetReadDeadline) }

// SetWriteDeadline implements net.Conn.
func (l *boundedConn) SetWriteDeadline(at time.Time) error {
	return l.take(at, l.Conn.SetWriteDeadline)
}

func (l *boundedConn) take(at time.Time, set func(time.Time) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set = !at.IsZero()
	return set(at)
}
