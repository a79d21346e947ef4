package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// partVariable makes the test binary a test that is about to be killed.
const partVariable = "PGTEST_PART"

func TestMain(m *testing.M) {
	if os.Getenv(partVariable) != "" {
		c, err := newCluster(fast)
		if err == nil {
			err = c.start(removeAtEnd)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(c.dir)
		select {}
	}
	os.Exit(m.Run())
}

func TestEachTestHasAnEmptyLedgerOfItsOwn(t *testing.T) {
	first, second := URL(t), Shared(t).Database(t)
	for _, address := range []string{first, URL(t), second} {
		Shared(t).Exec(t, address, `CREATE TABLE mine (id INTEGER); INSERT INTO mine VALUES (1)`)
	}
}

func TestEveryRoleButOursNeedsItsPassword(t *testing.T) {
	c, database := Shared(t), Shared(t).Database(t)
	c.Exec(t, database, `CREATE ROLE pgtest_reader LOGIN PASSWORD 'open sesame'`)
	config, err := pgx.ParseConfig(database)
	require.NoError(t, err)
	c.Exec(t, c.URL("pgtest_reader", "open sesame", config.Database), `SELECT 1`)
	require.ErrorContains(t, run(t.Context(), c.URL("pgtest_reader", "guessed", config.Database), `SELECT 1`), "password authentication failed")
}

func TestAClusterThatIsStoppedKeepsWhatWasCommitted(t *testing.T) {
	c := New(t)
	database := c.Database(t)
	c.Exec(t, database, `CREATE TABLE kept (id INTEGER)`)
	c.Stop(t)
	require.Error(t, run(t.Context(), database, `SELECT 1`))
	c.Start(t)
	c.Exec(t, database, `SELECT id FROM kept`)
	c.Crash(t)
	require.Error(t, run(t.Context(), database, `SELECT 1`))
	c.Start(t)
	c.Exec(t, database, `SELECT id FROM kept`)
}

func TestAProgramsClusterIsGoneOnceItIsEnded(t *testing.T) {
	c, err := Begin()
	require.NoError(t, err)
	address, err := c.Schema()
	require.NoError(t, err)
	require.NoError(t, Run(t.Context(), address, `CREATE TABLE mine (id INTEGER); INSERT INTO mine VALUES (1)`))
	require.NoError(t, c.End())
	require.Error(t, Run(t.Context(), address, `SELECT 1`))
	require.NoDirExists(t, c.dir)
}

func TestTheServerEndsWithTheTestsHoweverTheyEnd(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), partVariable+"=killed"), os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	dir, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	dir = dir[:len(dir)-1]
	require.FileExists(t, dir+"/data/postmaster.pid")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	}, patience, 10*time.Millisecond, "the directory is removed after the server has ended")
}
