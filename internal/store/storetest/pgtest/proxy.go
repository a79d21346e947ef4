package pgtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Fate is what a proxy does with a message of a client.
type Fate int

// What may become of a message.
const (
	Passed    Fate = iota // it goes on to the server, as does the answer to the client
	Lost                  // the connection is cut before the server sees it
	Abandoned             // the connection is cut at once after the server got it: it may see to it or not
	Unheard               // the server answers it, and the connection is cut before the client hears that
	Silenced              // the server gets it, and from then on the client hears nothing: the connection stays, and is silent
)

// Proxy stands between clients and a cluster, on the network, and spoils connections.
type Proxy struct {
	listener net.Listener
	socket   string
	work     sync.WaitGroup

	mu     sync.Mutex
	decide func(statement string) Fate
	open   map[net.Conn]bool
	closed bool
}

// NewProxy makes a proxy to the cluster, which ends with the test.
func (c *Cluster) NewProxy(t testing.TB) *Proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{listener: listener, socket: filepath.Join(c.Socket(), ".s.PGSQL.5432"), open: map[net.Conn]bool{}}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.Cut()
		p.work.Wait()
	})
	return p
}

// Through is an address that URL or Database gave, by way of the proxy.
func (p *Proxy) Through(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	settings := u.Query()
	settings.Del("host")
	settings.Set("sslmode", "disable")
	u.Host, u.RawQuery = p.listener.Addr().String(), settings.Encode()
	return u.String()
}

// Decide lets f choose the fate of each message of the clients from now on, by the SQL in it. Nil passes everything.
func (p *Proxy) Decide(f func(statement string) Fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = f
}

// Cut cuts every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *Proxy) fate(statement string) Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decide == nil {
		return Passed
	}
	return p.decide(statement)
}

// keep remembers a connection until the returned function closes it.
func (p *Proxy) keep(conn net.Conn) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = true
	if p.closed {
		_ = conn.Close()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, conn)
		_ = conn.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.work.Go(func() { p.serve(client) })
	}
}

// serve passes messages between one client and the server until either leaves, or the connection is cut.
func (p *Proxy) serve(client net.Conn) {
	defer p.keep(client)()
	server, err := new(net.Dialer).DialContext(context.Background(), "unix", p.socket)
	if err != nil {
		return // as if the server did not run, which it may not
	}
	defer p.keep(server)()
	back := &answers{to: client}
	p.work.Go(func() {
		_, _ = io.Copy(back, server)
		_ = client.Close()
		_ = server.Close()
	})
	_ = p.forward(client, server, back)
}

// forward reads the client's messages: the first has no kind, all others a kind of one byte before their length.
func (p *Proxy) forward(client io.Reader, server io.Writer, back *answers) error {
	for first := true; ; first = false {
		message, err := read(client, first)
		if err != nil {
			return err
		}
		fate := Passed
		if !first {
			fate = p.fate(string(bytes.Trim(message[5:], "\x00")))
		}
		if fate == Lost {
			return errCut
		}
		if fate == Unheard || fate == Silenced {
			back.spoil(fate)
		}
		if _, err := server.Write(message); err != nil {
			return err
		}
		if fate == Abandoned {
			return errCut
		}
	}
}

var errCut = errors.New("cut")

// longest bounds a message.
const longest = 64 << 20

func read(from io.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	if length < 4 || length > longest {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	body := make([]byte, length-4)
	_, err := io.ReadFull(from, body)
	return slices.Concat(head, body), err
}

// answers is the way back to the client.
type answers struct {
	to net.Conn

	mu   sync.Mutex
	fate Fate
}

func (a *answers) spoil(fate Fate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fate = fate
}

// Write passes an answer on, or does what was decided instead.
func (a *answers) Write(text []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.fate {
	case Silenced:
		return len(text), nil
	case Unheard:
		return 0, errCut
	}
	return a.to.Write(text)
}
