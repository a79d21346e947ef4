package sqlstore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
)

// The test binary is also the program that TestManyProcesses runs several times: with these variables it fights over a ledger.
const (
	contenderLedger = "SQLSTORE_TEST_LEDGER"
	contenderRounds = 10
)

func TestMain(m *testing.M) {
	if path := os.Getenv(contenderLedger); path != "" {
		if err := contend(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// contend waits until its standard input ends, so that all start together, and opens a ledger that nobody has made yet.
func contend(path string) error {
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	for round := range contenderRounds {
		if err := storetest.Contend(ctx, s, strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(round)); err != nil {
			return err
		}
	}
	return s.Close()
}

func TestManyProcesses(t *testing.T) {
	t.Parallel()
	const processes = 8
	path := filepath.Join(t.TempDir(), "ledger.db")
	commands := []*exec.Cmd{}
	gates := []io.Closer{}
	for range processes {
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = append(os.Environ(), contenderLedger+"="+path)
		command.Stderr = os.Stderr
		gate, err := command.StdinPipe()
		require.NoError(t, err)
		out, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		commands, gates = append(commands, command), append(gates, gate)
	}
	for _, gate := range gates {
		require.NoError(t, gate.Close())
	}
	for _, command := range commands {
		require.NoError(t, command.Wait())
	}
	storetest.RequireContended(t, openLedger(t, path), processes*contenderRounds)
}
