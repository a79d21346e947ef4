//go:build unix

package process

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownerVariable makes the test binary a process that runs the script in it, says so, and may be killed meanwhile.
const ownerVariable = "COMMAND_TEST_OWNER"

func TestMain(m *testing.M) {
	script, ok := os.LookupEnv(ownerVariable)
	if !ok {
		// Programs inherit an ignored SIGHUP, as under nohup and some CI services. Those that tests start get the default again,
		// because this process handles the signal: it still does nothing here.
		if signal.Ignored(syscall.SIGHUP) {
			signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
		}
		os.Exit(m.Run())
	}
	s := shell(script)
	s.Grace = time.Second
	p, err := start(context.Background(), s, newCapture(100, nil))
	if err == nil {
		fmt.Println("watched")
		err = p.wait()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A process that is killed ends nothing itself. What it was running is gone all the same, also what does not listen.
func TestAKilledProcessLeavesNothingRunning(t *testing.T) {
	for name, test := range map[string]struct{ script, says string }{
		"all listen":            {`sleep 1000 & echo running $$ >&3; wait`, ""},
		"it cleans up":          {`exec 2>/dev/null; trap "echo cleaned up >&3; exit" TERM; echo running $$ >&3; while :; do sleep 0.01; done`, "cleaned up\n"},
		"nobody listens":        {`trap "" TERM; (while :; do sleep 1000; done) & echo running $$ >&3; while :; do wait; done`, ""},
		"the child is detached": {`(trap "" TERM; echo running $$ >&3; while :; do sleep 1000; done) >/dev/null 2>&1 & wait`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWitness(t)
			owner := exec.CommandContext(t.Context(), os.Args[0])
			owner.Env = append(os.Environ(), ownerVariable+"=exec 3>"+w.path+"; "+test.script)
			owner.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := owner.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, owner.Start())
			t.Cleanup(func() { _ = syscall.Kill(-owner.Process.Pid, syscall.SIGKILL) })
			w.running(t)
			watched := make(chan string, 1)
			go func() {
				line, _ := bufio.NewReader(out).ReadString('\n') // less than the line when it fails
				watched <- line
			}()
			require.Equal(t, "watched\n", within(t, watched))

			require.NoError(t, syscall.Kill(-owner.Process.Pid, syscall.SIGKILL)) // the watcher is not of its group
			require.EqualError(t, owner.Wait(), "signal: killed")
			require.Equal(t, test.says, w.rest(t))
		})
	}
}

func TestAWatcher(t *testing.T) {
	for name, test := range map[string]struct {
		dismissed bool
		grace     time.Duration
		want      string
	}{
		"ends the group at once":        {false, 0, "signal: killed"},
		"asks the group to end":         {false, time.Hour, "signal: terminated"},
		"that is dismissed ends nobody": {true, 0, "signal: hangup"},
	} {
		t.Run(name, func(t *testing.T) {
			program := exec.CommandContext(t.Context(), "sleep", "1000")
			separate(program)
			require.NoError(t, program.Start())
			t.Cleanup(func() { kill(program.Process) })
			w, err := startWatcher(test.grace)
			require.NoError(t, err)
			w.tell(fmt.Sprint(program.Process.Pid))
			if test.dismissed {
				w.tell("")
			}
			w.leave()
			if test.dismissed {
				within(t, w.gone)
				require.NoError(t, program.Process.Signal(syscall.SIGHUP))
			}
			require.EqualError(t, within(t, ended(program)), test.want)
			within(t, w.gone)
		})
	}
	t.Run("that nobody tells anything ends", func(t *testing.T) {
		w, err := startWatcher(time.Hour)
		require.NoError(t, err)
		w.leave()
		within(t, w.gone)
	})
	t.Run("that was killed stops nobody", func(t *testing.T) {
		program := exec.CommandContext(t.Context(), "true")
		separate(program)
		dismiss, err := StartWatched(program, 0)
		require.NoError(t, err)
		require.NoError(t, program.Wait())
		dismiss()
		dismiss() // telling it fails now, as it does when it is gone
	})
}

// The tests do not depend on whether they were started under nohup.
func TestAnIgnoredHangupIsNotInherited(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := exec.CommandContext(ctx, "/bin/sh", "-c", `trap "" HUP; exec "$0" -test.run '^TestAWatcher$/^that_is_dismissed'`, self)
	said, err := again.CombinedOutput()
	require.NoError(t, err, string(said))
}

// ended waits for the program, which a test must not do for ever.
func ended(program *exec.Cmd) <-chan error {
	result := make(chan error, 1)
	go func() { result <- program.Wait() }()
	return result
}

// A program that was asked to end is killed once there is no time left; one that nobody asked goes on.
func TestKillNowEndsTheGrace(t *testing.T) {
	killNow := make(chan struct{})
	w := newWitness(t)
	s := shell(`exec 3>"$FIFO"; trap "" TERM; (while :; do sleep 1000; done) & echo running $$ >&3; while :; do wait; done`)
	s.Env, s.Grace, s.KillNow = map[string]string{"FIFO": w.path}, time.Hour, killNow
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, err := Run(ctx, s)
		result <- err
	}()
	w.running(t)
	cancel()
	close(killNow)
	require.ErrorIs(t, within(t, result), context.Canceled)
	require.Empty(t, w.rest(t))

	calm := shell("echo done")
	calm.KillNow = killNow
	out, err := Run(t.Context(), calm)
	require.NoError(t, err)
	require.Equal(t, "done\n", string(out.Stdout))
}
