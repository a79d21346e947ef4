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

// frame matches what Terraform draws around the lines of an error, and its line breaks. No test should depend on them.
var frame = regexp.MustCompile(`[\s│╷╵]+`)

// unwrapped returns a text without Terraform's own line breaks.
func unwrapped(output string) string { return frame.ReplaceAllString(output, " ") }

// background is a Terraform command that runs while the test does something else.
type background struct {
	*workspace
	cmd    *exec.Cmd
	output *outputBuffer
	done   chan error
}

// start starts a Terraform command in a new process group, as a shell does.
func (w *workspace) start(args ...string) *background {
	w.t.Helper()
	b := &background{workspace: w, cmd: w.terraform(args...), output: &outputBuffer{}, done: make(chan error, 1)}
	b.cmd.Stdout, b.cmd.Stderr = b.output, b.output
	ownGroup(b.cmd)
	require.NoError(w.t, b.cmd.Start())
	go func() { b.done <- b.cmd.Wait() }()
	return b
}

// wait returns what the command printed and its exit status.
func (b *background) wait() (output string, status int) {
	b.t.Helper()
	status = exitStatus(b.t, <-b.done)
	return b.output.String(), status
}

// outputBuffer collects what a program prints. It can be read at the same time.
type outputBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write collects.
func (o *outputBuffer) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

// String returns everything so far.
func (o *outputBuffer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitFor waits until the command has printed a text.
func (b *background) waitFor(text string) {
	b.t.Helper()
	deadline := time.After(waitLimit)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !strings.Contains(b.output.String(), text) {
		select {
		case <-look.C:
		case <-deadline:
			require.Fail(b.t, "it never printed "+text, b.output.String())
		}
	}
}

// ownGroup makes a command the leader of a process group, as a shell does with what it runs in the foreground.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
