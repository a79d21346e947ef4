//go:build unix

package process

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// witness is a pipe that a program and all that it started hold open for writing, so that its end tells that all of them are gone. It
// waits no longer than a test may take, and kills what is left when the test ends.
type witness struct {
	path string
	read *os.File
	hold *os.File // a writer of the test's own, until the program has the pipe
	text *bufio.Reader
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	w := &witness{path: filepath.Join(t.TempDir(), "pipe")}
	require.NoError(t, syscall.Mkfifo(w.path, 0o600))
	var err error
	w.read, err = os.OpenFile(w.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	w.hold, err = os.OpenFile(w.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	require.NoError(t, w.read.SetReadDeadline(time.Now().Add(long)))
	w.text = bufio.NewReader(w.read)
	t.Cleanup(func() { require.NoError(t, w.read.Close()) })
	return w
}

// running waits until the program says "running" and the number of its process group.
func (w *witness) running(t *testing.T) {
	t.Helper()
	line, err := w.text.ReadString('\n')
	require.NoError(t, w.hold.Close())
	require.NoError(t, err)
	number, ok := strings.CutPrefix(strings.TrimSpace(line), "running ")
	require.True(t, ok, line)
	group, err := strconv.Atoi(number)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(-group, syscall.SIGKILL) }) // an error means that nothing is left
}

// rest is what is written until the last writer is gone.
func (w *witness) rest(t *testing.T) string {
	t.Helper()
	text, err := io.ReadAll(w.text)
	require.NoError(t, err, "something still runs")
	return string(text)
}

// within is what comes from a channel, or a failure when nothing comes.
func within[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(long):
		require.FailNow(t, "nothing came in time")
	}
	return value
}
