package pgtest

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// pooled is how many connections to the server a pooler shares among its clients: two are enough to never give a client the same one
// twice in a row while it is alone.
const pooled = 4

// passedOn are the settings that a pooler accepts from a client when it connects. It refuses all others, as PgBouncer does by default.
var passedOn = []string{"user", "database", "client_encoding", "datestyle", "timezone", "standard_conforming_strings", "application_name"}

// Pooler stands between clients and a cluster as PgBouncer does in transaction mode: for each transaction, or statement outside of one,
// a client gets another connection to the server, and nothing it leaves there is there for the next one. It is not PgBouncer, whose
// rules it plays: it knows no users, no limits in time, and no COPY.
type Pooler struct {
	listener net.Listener
	server   *pgconn.Config
	idle     chan *pgconn.HijackedConn // nil: not connected yet
	work     sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]bool // to clients and to the server
}

// NewPooler makes a pooler to an address that URL or Database gave, which ends with the test. The settings of that address are the ones
// that the role or the database has for everybody.
func NewPooler(t testing.TB, address string) *Pooler {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Pooler{listener: listener, idle: make(chan *pgconn.HijackedConn, pooled), open: map[net.Conn]bool{}}
	p.server, err = pgconn.ParseConfig(address)
	require.NoError(t, err)
	for range pooled {
		p.idle <- nil
	}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		p.cut()
		p.work.Wait()
		for range pooled {
			<-p.idle // everybody has given theirs back
		}
	})
	return p
}

// URL is the pooler's address, with settings.
func (p *Pooler) URL(settings string) string {
	at := url.URL{Scheme: "postgres", User: url.User(p.server.User), Host: p.listener.Addr().String(), Path: "/" + p.server.Database, RawQuery: "sslmode=disable&" + settings}
	return at.String()
}

func (p *Pooler) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			p.cut() // closed, and nobody comes anymore
			return
		}
		p.keep(client)
		p.work.Go(func() {
			_ = p.serve(client) // until the client leaves, or its connection is cut
			_ = client.Close()
		})
	}
}

func (p *Pooler) keep(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = true
}

// cut closes every connection, so that nobody waits for an answer any longer.
func (p *Pooler) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

// serve lets a client in and then passes its messages on, up to where it waits for an answer.
func (p *Pooler) serve(client net.Conn) error {
	if err := p.greet(client); err != nil {
		return err
	}
	var server *pgconn.HijackedConn
	defer func() {
		if server != nil { // in the middle of a transaction: nobody else may have this connection
			_ = server.Conn.Close()
			p.idle <- nil
		}
	}()
	asked := []byte{}
	for {
		message, err := read(client, false)
		if err != nil {
			return err
		}
		asked = append(asked, message...)
		if kind := message[0]; kind == 'X' {
			return nil
		} else if kind != 'Q' && kind != 'S' {
			continue
		}
		if server == nil {
			if server, err = p.take(); err != nil {
				return err
			}
		}
		inTransaction, err := answer(client, server, asked)
		if err != nil {
			return err
		}
		asked = asked[:0]
		if !inTransaction {
			p.idle <- server
			server = nil
		}
	}
}

// greet lets everybody in who asks for nothing that a pooler cannot give.
func (p *Pooler) greet(client net.Conn) error {
	backend := pgproto3.NewBackend(client, client)
	first, err := backend.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	startup, ok := first.(*pgproto3.StartupMessage)
	if !ok {
		return errCut // it would rather have TLS
	}
	for setting := range startup.Parameters {
		if !slices.Contains(passedOn, strings.ToLower(setting)) {
			backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: " + setting})
			return backend.Flush()
		}
	}
	server, err := p.take()
	if err != nil {
		return err
	}
	defer func() { p.idle <- server }()
	backend.Send(&pgproto3.AuthenticationOk{})
	for name, value := range server.ParameterStatuses {
		backend.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	backend.Send(&pgproto3.BackendKeyData{ProcessID: server.PID, SecretKey: server.SecretKey})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	return backend.Flush()
}

// take waits for a connection to the server: the one that was used longest ago.
func (p *Pooler) take() (*pgconn.HijackedConn, error) {
	server := <-p.idle
	if server != nil {
		return server, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, p.server)
	if err == nil {
		server, err = conn.Hijack()
	}
	if err != nil {
		p.idle <- nil
		return nil, err
	}
	p.keep(server.Conn)
	return server, nil
}

// answer passes messages to the server, and what it says to the client until it is ready again.
func answer(client net.Conn, server *pgconn.HijackedConn, asked []byte) (inTransaction bool, err error) {
	if _, err := server.Conn.Write(asked); err != nil {
		return false, err
	}
	for {
		message, err := read(server.Conn, false)
		if err != nil {
			return false, err
		}
		if _, err := client.Write(message); err != nil {
			return false, err
		}
		if message[0] == 'Z' { // ReadyForQuery
			return message[len(message)-1] != 'I', nil
		}
	}
}
