// Package pgtest gives tests a real PostgreSQL: one cluster for each test binary, started at first use, and an empty schema in it
// for each test, or a database where a test needs one. The server listens on a socket in a separate directory, and on the loopback network
// only where a test asks for TLS; it ends with the test binary, however that ends. Only speed is bought with safety: nothing is synced to disk.
// A program that is no test, such as a benchmark, begins one with Begin.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Superuser is the role that owns the cluster, and everything that URL gives. It needs no password; every other role does.
const Superuser = "cd_test"

// patience is how long the server may take to answer.
const patience = 30 * time.Second

var (
	// calm is set for every server: what it does unasked, and when, would make one run unlike the next.
	calm = []string{"max_connections=200", "autovacuum=off", "max_wal_size=4GB", "log_min_messages=warning", "log_min_error_statement=panic"}
	// fast is set for tests, which lose nothing that anybody needs.
	fast = append([]string{"fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB"}, calm...)
)

// shared is the cluster of this test binary.
var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// URL makes a new, empty schema for a test, in the cluster of this test binary, and gives its address. That is what a ledger
// needs, and takes a hundredth of the time of a database. Where there is no PostgreSQL the test fails: none of its kind may be left out.
func URL(t testing.TB) string {
	t.Helper()
	address, err := Shared(t).Schema()
	require.NoError(t, err)
	return address
}

// Begin starts a cluster for a program that is no test. It keeps what is committed as a server in earnest does, and ends with this
// process, however that ends, if End has not ended it before; nothing is left behind.
func Begin() (*Cluster, error) {
	c, err := newCluster(calm)
	if err != nil {
		return nil, err
	}
	if err := c.start(removeAtEnd); err != nil {
		return nil, errors.Join(err, c.End())
	}
	return c, nil
}

// End ends a cluster that Begin started, and removes it.
func (c *Cluster) End() error { return errors.Join(c.stop(""), os.RemoveAll(c.dir)) }

// Schema makes a new, empty schema and gives its address.
func (c *Cluster) Schema() (address string, err error) {
	name := newName()
	return c.URL(Superuser, "", "postgres") + "&search_path=" + name, c.administer(`CREATE SCHEMA ` + name)
}

// Run runs SQL, of any number of statements, on a database. It may take as long as ctx lasts.
func Run(ctx context.Context, address, statements string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what was run has been run
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	return err
}

// Shared gives the cluster of this test binary.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	shared.once.Do(func() {
		if shared.cluster, shared.err = newCluster(fast); shared.err == nil {
			shared.err = shared.cluster.start(removeAtEnd)
		}
	})
	require.NoError(t, shared.err)
	return shared.cluster
}

// New makes a cluster for one test, which may stop and start it.
func New(t testing.TB) *Cluster {
	t.Helper()
	c := newOne(t)
	require.NoError(t, c.start(keepAtEnd))
	return c
}

// newOne makes a cluster for one test that is not running yet.
func newOne(t testing.TB) *Cluster {
	t.Helper()
	c, err := newCluster(fast)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(c.dir)) })
	t.Cleanup(func() { require.NoError(t, c.stop("")) })
	return c
}

// Cluster is a PostgreSQL server with its databases.
type Cluster struct {
	dir      string   // holds the data, the log and the socket; short, because a socket's path is limited to 107 bytes
	settings []string // of the server
	port     int      // at 127.0.0.1; 0: it is not on the network

	mu     sync.Mutex
	server *server // nil while it is stopped

	administering sync.Mutex
	administrator *pgx.Conn // kept, because connecting takes longer than most of what it does
}

// Database makes a new, empty database and gives its address.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	name := newName()
	require.NoError(t, c.administer(`CREATE DATABASE `+name))
	return c.URL(Superuser, "", name)
}

func newName() string { return "cd_" + strings.ToLower(rand.Text()[:12]) }

// URL is the address of a database for a role; an empty password is left out.
func (c *Cluster) URL(role, password, database string) string {
	who := url.User(role)
	if password != "" {
		who = url.UserPassword(role, password)
	}
	settings := url.Values{"host": {c.Socket()}}
	if c.port != 0 {
		settings.Set("port", strconv.Itoa(c.port)) // names the socket, too
	}
	at := url.URL{Scheme: "postgres", User: who, Path: "/" + database, RawQuery: settings.Encode()}
	return at.String()
}

// Socket is the directory of the server's socket.
func (c *Cluster) Socket() string { return c.dir }

// Exec runs SQL, of any number of statements, on a database.
func (c *Cluster) Exec(t testing.TB, address, statements string) {
	t.Helper()
	require.NoError(t, run(t.Context(), address, statements))
}

// administer runs one statement on the cluster.
func (c *Cluster) administer(statement string) (err error) {
	c.administering.Lock()
	defer c.administering.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.administrator == nil || c.administrator.IsClosed() {
		if c.administrator, err = pgx.Connect(ctx, c.URL(Superuser, "", "postgres")); err != nil {
			return err
		}
	}
	_, err = c.administrator.Exec(ctx, statement)
	return err
}

// Stop ends the server at once, as an administrator does: connections are cut, and what was committed is kept.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.end(t, "")
}

// Crash kills the server, as losing its machine does, except for the disk: what was committed is kept.
func (c *Cluster) Crash(t testing.TB) {
	t.Helper()
	c.end(t, "KILL\n")
}

func (c *Cluster) end(t testing.TB, how string) {
	t.Helper()
	require.NoError(t, c.stop(how))
	c.administering.Lock()
	defer c.administering.Unlock()
	c.administrator = nil // its connection was cut
}

// Start starts a server that was stopped.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	require.NoError(t, c.start(keepAtEnd))
}

// run is Run for what takes no time.
func run(ctx context.Context, address, statements string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return Run(ctx, address, statements)
}

// answers waits until the server lets somebody in.
func (c *Cluster) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		err := run(ctx, c.URL(Superuser, "", "postgres"), `SELECT 1`)
		if err == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-c.server.ended:
			return fmt.Errorf("the PostgreSQL server has ended: %s", c.log())
		case <-ctx.Done():
			return fmt.Errorf("the PostgreSQL server does not answer: %w: %s", err, c.log())
		}
	}
}

// log is what the server wrote, for a test that fails.
func (c *Cluster) log() string {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// program finds one of PostgreSQL's programs: on PATH, or where Debian and others put the newest.
func program(name string) (string, error) {
	if found, err := exec.LookPath(name); err == nil {
		return found, nil
	}
	places := []string{}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, err := filepath.Glob(filepath.Join(pattern, name))
		if err != nil {
			return "", err
		}
		places = append(places, found...)
	}
	if len(places) == 0 {
		return "", fmt.Errorf("no PostgreSQL here: %s is neither on PATH nor in /usr/lib/postgresql; install a PostgreSQL server", name)
	}
	return slices.Max(places), nil
}
