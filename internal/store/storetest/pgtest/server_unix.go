//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What becomes of the cluster's directory once its server has ended.
const (
	removeAtEnd = "remove"
	keepAtEnd   = "keep"
)

// supervise runs the server, with the settings that follow, until standard input ends, or asks for it to be killed, with all of its
// processes. This process holds the other end, so the server ends with it, even when it is killed. It is a process group of its
// own: Ctrl-C has to reach this process only.
const supervise = `
postgres=$1 dir=$2 end=$3
shift 3
"$postgres" -D "$dir/data" -k "$dir" "$@" >> "$dir/log" 2>&1 &
server=$!
read -r signal
if [ "$signal" = KILL ]; then
	kill -STOP "$server" # it starts no more processes
	of=$(ps -A -o pid=,ppid= | awk -v of="$server" '$2 == of { printf " %s", $1 }')
	kill -KILL "$server" $of
	# As long as one of them lives, no other server takes the data over.
	while ps -A -o pid=,stat= | awk -v of="$of " '$2 !~ /^Z/ && index(of, " " $1 " ") { found = 1 } END { exit !found }'; do :; done
else
	kill -INT "$server"
fi
wait "$server"
[ "$end" = keep ] || rm -rf "$dir"
`

// usualPort is in the name of a server's socket, whether it is on the network or not.
const usualPort = 5432

// server is a running server.
type server struct {
	hold  io.WriteCloser // ends it
	ended chan struct{}  // closed when it has ended
}

// newCluster makes a cluster that is not running yet.
func newCluster(settings []string) (*Cluster, error) {
	dir, err := os.MkdirTemp("/tmp", "cdpg")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, settings: settings}
	if err := c.initialize(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *Cluster) initialize() error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	who, err := ordinary()
	if err != nil {
		return err
	}
	if who != nil {
		if err := os.Chown(c.dir, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	initialize := exec.CommandContext(context.Background(), initdb, "-D", filepath.Join(c.dir, "data"), "-U", Superuser, "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")
	initialize.Dir, initialize.SysProcAttr = "/", &syscall.SysProcAttr{Credential: who}
	if said, err := initialize.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, said)
	}
	// Every role but ours has to know its password, as it has in earnest.
	rules := "local all " + Superuser + " trust\nlocal all all scram-sha-256\n"
	return os.WriteFile(filepath.Join(c.dir, "data", "pg_hba.conf"), []byte(rules), 0o600)
}

// own writes a file of the server's own.
func (c *Cluster) own(t testing.TB, name string, text []byte) {
	t.Helper()
	at := filepath.Join(c.dir, name)
	require.NoError(t, os.WriteFile(at, text, 0o600))
	who, err := ordinary()
	require.NoError(t, err)
	if who != nil {
		require.NoError(t, os.Chown(at, int(who.Uid), int(who.Gid)))
	}
}

// start starts the server and waits until it answers.
func (c *Cluster) start(atEnd string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	postgres, err := program("postgres")
	if err != nil {
		return err
	}
	who, err := ordinary()
	if err != nil {
		return err
	}
	host, port := "", usualPort
	if c.port != 0 {
		host, port = "127.0.0.1", c.port
	}
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", supervise, "sh", postgres, c.dir, atEnd, "-h", host, "-p", strconv.Itoa(port))
	for _, setting := range c.settings {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.server = &server{hold: hold, ended: make(chan struct{})}
	ended := c.server.ended
	go func() {
		defer close(ended)
		_ = cmd.Wait() // a test that waits for the end looks at what it left behind
	}()
	return c.answers()
}

// stop ends the server, by killing it if how says so, and waits for its end.
func (c *Cluster) stop(how string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	_, err := io.WriteString(c.server.hold, how)
	err = errors.Join(err, c.server.hold.Close())
	<-c.server.ended
	c.server = nil
	return err
}

// ordinary is a user for the server, which refuses to run as root; nil, meaning this user, unless this one is root.
func ordinary() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var all error
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user for it: %w", all)
}
