package sqlstore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
)

// The test binary is also the other processes of these tests: with these variables it plays a part on a ledger.
const (
	partVariable   = "SQLSTORE_TEST_PART"
	ledgerVariable = "SQLSTORE_TEST_LEDGER"
)

const contenderRounds = 10

var parts = map[string]func(ctx context.Context, address string) error{"contend": contend, "contend for many": contendForMany, "die": die}

func TestMain(m *testing.M) {
	if play, ok := parts[os.Getenv(partVariable)]; ok {
		if err := play(context.Background(), os.Getenv(ledgerVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ready tells the parent, and waits until it ends our standard input.
func ready() error {
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// contend starts together with the others, on a ledger that nobody has made yet, for one pipeline of all.
func contend(ctx context.Context, address string) error {
	return fight(ctx, address, func(int) string { return "shop" })
}

// contendForMany is the same for many pipelines: each process goes from one to the next, and begins with another one.
func contendForMany(ctx context.Context, address string) error {
	return fight(ctx, address, func(round int) string { return fmt.Sprintf("p%d", (os.Getpid()+round)%5) })
}

func fight(ctx context.Context, address string, pipeline func(round int) string) error {
	if err := ready(); err != nil {
		return err
	}
	s, err := openTrusting(ctx, address)
	if err != nil {
		return err
	}
	for round := range contenderRounds {
		if err := storetest.Contend(ctx, s, pipeline(round), strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(round)); err != nil {
			return err
		}
	}
	return s.Close()
}

// die waits for its end in the middle of a write.
func die(ctx context.Context, path string) error {
	s, err := openTrusting(ctx, path)
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx store.Tx) error {
		if err := tx.PutEnvironment(ctx, fullEnvironment()); err != nil {
			return err
		}
		return ready()
	})
}

// start runs this program once more, in a part, and waits until it is ready. Closing the gate lets it go on.
func start(t *testing.T, part, path string) (process *exec.Cmd, gate io.Closer) {
	t.Helper()
	process = exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), partVariable+"="+part, ledgerVariable+"="+path)
	process.Stderr = os.Stderr
	gate, err := process.StdinPipe()
	require.NoError(t, err)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return process, gate
}

// Many processes at once: none loses what another recorded, no two are at the same thing, and none waits for ever.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]int{"sqlite": 8, "postgres": 16} {
		for _, part := range []string{"contend", "contend for many"} {
			t.Run(name+" "+part, func(t *testing.T) {
				t.Parallel()
				address := databases[name](t)
				processes, gates := make([]*exec.Cmd, count), make([]io.Closer, count)
				for i := range count {
					processes[i], gates[i] = start(t, part, address)
				}
				for _, gate := range gates {
					require.NoError(t, gate.Close())
				}
				for _, process := range processes {
					require.NoError(t, process.Wait())
				}
				storetest.RequireContended(t, openLedger(t, address), count*contenderRounds)
			})
		}
	}
}

func TestAProcessThatDiesWhileWritingLeavesNothing(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		process, _ := start(t, "die", address)
		require.NoError(t, process.Process.Kill())
		require.Error(t, process.Wait())
		l := openLedger(t, address)
		requireEnvironments(t, l)
		putEnvironment(t, l, "staging")
	})
}
