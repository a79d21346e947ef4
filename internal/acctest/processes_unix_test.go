//go:build unix

package acctest_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// frame is what Terraform draws around the lines of an error, and the line breaks in it: no test should depend on where they are.
var frame = regexp.MustCompile(`[\s│╷╵]+`)

// unwrapped is a text without Terraform's own line breaks.
func unwrapped(said string) string { return frame.ReplaceAllString(said, " ") }

// background is Terraform at work while the test does something else.
type background struct {
	*workspace
	cmd  *exec.Cmd
	said *output
	done chan error
}

// start begins a Terraform command in a process group of its own, as a shell does.
func (w *workspace) start(args ...string) *background {
	w.t.Helper()
	b := &background{workspace: w, cmd: w.terraform(args...), said: &output{}, done: make(chan error, 1)}
	b.cmd.Stdout, b.cmd.Stderr = b.said, b.said
	ownGroup(b.cmd)
	require.NoError(w.t, b.cmd.Start())
	go func() { b.done <- b.cmd.Wait() }()
	return b
}

// wait returns what the command printed and its exit status.
func (b *background) wait() (said string, status int) {
	b.t.Helper()
	status = exitStatus(b.t, <-b.done)
	return b.said.String(), status
}

// output collects what a program prints, to be read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write collects.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

// String is everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// says waits until the command has printed a text.
func (b *background) says(text string) {
	b.t.Helper()
	deadline := time.After(patience)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !strings.Contains(b.said.String(), text) {
		select {
		case <-look.C:
		case <-deadline:
			require.Fail(b.t, "it never said "+text, b.said.String())
		}
	}
}

// ownGroup makes a command the leader of a process group, as a shell does with what it runs in the foreground.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
