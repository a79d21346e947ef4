package sqlstore

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// wire stands between a ledger and its server, and can be cut.
type wire struct {
	t        *testing.T
	listener net.Listener
	server   string

	mu    sync.Mutex
	armed string // cut the connection that sends this text; empty: none
	after bool   // let the server see the text, and withhold its answer
	dead  bool   // cut for good: nobody is connected any more
}

// throughWire gives the address of a new ledger behind a wire.
func throughWire(t *testing.T) (*wire, string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cdwire") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	require.NoError(t, err)
	address := pgtest.URL(t)
	socket := pgtest.Shared(t).Socket()
	w := &wire{t: t, listener: listener, server: filepath.Join(socket, ".s.PGSQL.5432")}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			serving.Go(func() { w.carry(client) })
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	escaped := strings.NewReplacer("/", "%2F")
	return w, strings.Replace(address, escaped.Replace(socket), escaped.Replace(dir), 1)
}

// cut arms the wire: the next connection that sends the text is cut, before or after the server has seen it.
func (w *wire) cut(text string, after, forGood bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.after = text, after
	if forGood {
		w.armed += "!"
	}
}

// trips reports whether what the client sends cuts its connection, and when.
func (w *wire) trips(sent []byte) (cut, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, forGood := strings.CutSuffix(w.armed, "!")
	if text == "" || !bytes.Contains(sent, []byte(text)) {
		return false, false
	}
	w.armed, w.dead = "", forGood
	return true, w.after
}

func (w *wire) isDead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

// carry passes on what both sides say, until one of them hangs up or the wire is cut.
func (w *wire) carry(client net.Conn) {
	defer client.Close() //nolint:errcheck // being cut is what it is for
	if w.isDead() {
		return
	}
	server, err := net.Dial("unix", w.server)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // as above
	var mute sync.Mutex  // held while an answer is withheld
	var carrying sync.WaitGroup
	carrying.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			mute.Lock()
			if err == nil {
				_, err = client.Write(buffer[:n])
			}
			mute.Unlock()
			if err != nil {
				client.Close() //nolint:errcheck // as above
				return
			}
		}
	})
	defer carrying.Wait()
	defer server.Close() //nolint:errcheck // as above
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		cut, after := w.trips(buffer[:n])
		if cut && !after {
			client.Close() //nolint:errcheck // as above
			return
		}
		if cut {
			client.Close() //nolint:errcheck // it gets no answer, and the server does what it was told
		}
		if _, err := server.Write(buffer[:n]); err != nil || cut {
			return
		}
	}
}

// count raises a number by one, with an event, and tells how often it was tried.
func count(ctx context.Context, l *ledger) (runs int, err error) {
	err = l.Update(ctx, func(tx store.Tx) error {
		runs++
		spec, err := tx.Environment(ctx, "counted")
		if delivery.IsNotFound(err) {
			spec, err = delivery.EnvironmentSpec{Name: "counted", Config: map[string]string{"N": "0"}}, nil
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(spec.Config["N"])
		if err != nil {
			return err
		}
		spec.Config["N"] = strconv.Itoa(n + 1)
		if err := tx.PutEnvironment(ctx, spec); err != nil {
			return err
		}
		_, err = tx.AppendEvent(ctx, delivery.Event{At: storedAt, Kind: "counted", Subject: spec.Config["N"]})
		return err
	})
	return runs, err
}

// requireCounted demands that nothing was lost and nothing done twice.
func requireCounted(t *testing.T, l *ledger, want int) {
	t.Helper()
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		spec, err := r.Environment(t.Context(), "counted")
		require.Equal(t, strconv.Itoa(want), spec.Config["N"])
		return err
	}))
	events, err := storetest.VerifyEvents(t.Context(), l)
	require.NoError(t, err)
	require.Equal(t, want, events)
}

func TestALostConnectionLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for name, example := range map[string]struct {
		at    string
		after bool
		runs  int
	}{
		"before the turn":                      {"begin isolation level read committed", false, 1},
		"while waiting for the turn":           {"LOCK TABLE", true, 1},
		"before a statement":                   {"ON CONFLICT (name)", false, 2},
		"after a statement":                    {"ON CONFLICT (name)", true, 2},
		"before the commit reached the server": {"commit\x00", false, 2},
		"after the commit reached the server":  {"commit\x00", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, address := throughWire(t)
			l := openLedger(t, address)
			w.cut(example.at, example.after, false)
			runs, err := count(t.Context(), l)
			require.NoError(t, err)
			require.Equal(t, example.runs, runs)
			requireCounted(t, l, 1)
			_, err = count(t.Context(), l)
			require.NoError(t, err)
			requireCounted(t, l, 2)
		})
	}
}

func TestAReaderThatIsCutReadsAgain(t *testing.T) {
	t.Parallel()
	w, address := throughWire(t)
	l := openLedger(t, address)
	putEnvironment(t, l, "staging")
	for _, text := range []string{"begin isolation level repeatable read", "ledger_schema", "FROM environments"} {
		w.cut(text, false, false)
		requireEnvironments(t, l, "staging")
	}
}

func TestWhatBecameOfACommitCannotBeFoundOut(t *testing.T) {
	t.Parallel()
	w, address := throughWire(t)
	l, err := open(t.Context(), address, 50*time.Millisecond)
	require.NoError(t, err)
	w.cut("commit\x00", true, true)
	runs, err := count(t.Context(), l)
	require.Equal(t, 1, runs)
	require.ErrorContains(t, err, "whether it was recorded cannot be found out")
	require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err), "whoever sees it must not simply try again")
	_, err = count(t.Context(), l)
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
	require.NoError(t, l.Close())
}

// The server is stopped and started while many write: they wait, and go on.
func TestAServerThatIsRestartedLosesNothing(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 40
	c := pgtest.New(t)
	address := c.Database(t)
	l := openLedger(t, address)
	begun := make(chan struct{}, writers*each)
	var group errgroup.Group
	for range writers {
		own := openLedger(t, address)
		group.Go(func() error {
			for range each {
				begun <- struct{}{}
				if _, err := count(t.Context(), own); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range writers * each {
		<-begun
		if i == writers*each/4 || i == writers*each/2 {
			c.Stop(t)
			c.Start(t)
		}
	}
	require.NoError(t, group.Wait())
	requireCounted(t, l, writers*each)
}
