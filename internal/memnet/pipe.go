package memnet

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// bufferSize bounds what was written to a pipe and not read yet. A writer waits when the pipe is full.
const bufferSize = 64 << 10

// Pipe returns the two ends of a connection. Unlike net.Pipe it is buffered: a write does not wait for the other end to read.
func Pipe() (net.Conn, net.Conn) {
	there, back := newPipe(), newPipe()
	return &conn{in: back, out: there}, &conn{in: there, out: back}
}

// conn is one end of a connection.
type conn struct{ in, out *pipe }

// Read reads what the other end wrote.
func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

// Write writes to the other end.
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close closes both directions. The other end can still read what was written before.
func (c *conn) Close() error {
	c.in.set(func(p *pipe) { p.readerGone = true })
	c.out.set(func(p *pipe) { p.writerGone = true })
	return nil
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	c.in.set(func(p *pipe) { p.readUntil = t })
	c.out.set(func(p *pipe) { p.writeUntil = t })
	return nil
}

// SetReadDeadline sets the time after which reads fail.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.set(func(p *pipe) { p.readUntil = t })
	return nil
}

// SetWriteDeadline sets the time after which writes fail.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.set(func(p *pipe) { p.writeUntil = t })
	return nil
}

// LocalAddr returns the network's only address.
func (*conn) LocalAddr() net.Addr { return address{} }

// RemoteAddr returns the network's only address.
func (*conn) RemoteAddr() net.Addr { return address{} }

// pipe is one direction of a connection.
type pipe struct {
	writing sync.Mutex // held for a whole write, so that two writes do not mix

	mu                     sync.Mutex
	changed                sync.Cond // any of the fields below
	unread                 bytes.Buffer
	readUntil, writeUntil  time.Time // zero: no deadline
	readerGone, writerGone bool
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

func (p *pipe) set(change func(*pipe)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
	p.changed.Broadcast()
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.readerGone:
			return 0, net.ErrClosed
		case passed(p.readUntil):
			return 0, os.ErrDeadlineExceeded
		case p.unread.Len() > 0:
			n, err := p.unread.Read(b)
			p.changed.Broadcast()
			return n, err
		case p.writerGone:
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		p.wait(p.readUntil)
	}
}

func (p *pipe) write(b []byte) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for {
		free := bufferSize - p.unread.Len()
		switch {
		case p.writerGone:
			return written, net.ErrClosed
		case passed(p.writeUntil):
			return written, os.ErrDeadlineExceeded
		case p.readerGone:
			return written, io.ErrClosedPipe
		case free > 0 || len(b) == written:
			n, err := p.unread.Write(b[written:min(written+free, len(b))])
			written += n
			p.changed.Broadcast()
			if err != nil || written == len(b) {
				return written, err
			}
		default:
			p.wait(p.writeUntil)
		}
	}
}

// wait returns when a field changed or the deadline passed. The timer lives only while somebody waits, so a deadline that is
// set for each request and never reached costs nothing.
func (p *pipe) wait(deadline time.Time) {
	if !deadline.IsZero() {
		timer := time.AfterFunc(time.Until(deadline), func() { p.set(func(*pipe) {}) })
		defer timer.Stop()
	}
	p.changed.Wait()
}

func passed(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }
