// Command testreport runs `go test -json` with the arguments it is given and prints a report a person can read: a line
// per package, the whole output of whatever failed, the name and reason of every skipped test, and last, alone on its
// line, "N passed, N failed, N skipped".
//
// It starts `go test` itself rather than reading a pipe, because a pipe loses the exit status, and with it the failures
// that come without a test event: a module that cannot be loaded, a wrong flag, a crash of the go command.
//
// With CI set in the environment, a skipped test is a failure: there every tool that tests look for is installed, so a
// skip means that something is no longer checked. So is a run in which no test passed.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, onCI(os.Getenv("CI"))))
}

// run returns the exit status: that of `go test` when it failed, else 1 when the report holds a failure.
func run(args []string, stdout, stderr io.Writer, ci bool) int {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...) //nolint:noctx // ended by the forwarded signals, so that go test can stop its own children
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fault(stderr, "open the output of go test", err)
	}
	stop := forwardSignals(cmd)
	defer stop()
	if err := cmd.Start(); err != nil {
		return fault(stderr, "start go test", err)
	}

	report := newReport(stdout)
	readErr := report.read(events)
	if readErr != nil {
		// Without a reader go test would block on a full pipe.
		_, _ = io.Copy(io.Discard, events)
	}
	waitErr := cmd.Wait()
	status, err := exitStatus(waitErr)
	if err != nil {
		return fault(stderr, "run go test", err)
	}
	passed := report.finish(status, ci)
	if readErr != nil {
		return fault(stderr, "read the output of go test", readErr)
	}
	if status == 0 && !passed {
		return 1
	}
	return status
}

// exitStatus gives 0 for success, the child's own status for a failure, and an error if there is no status to give.
func exitStatus(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, err
	case exit.ExitCode() < 0: // ended by a signal
		return 1, nil
	default:
		return exit.ExitCode(), nil
	}
}

// forwardSignals hands interrupts to go test, so that this program lives long enough to report what was running.
func forwardSignals(cmd *exec.Cmd) (stop func()) {
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for {
			select {
			case s := <-signals:
				if cmd.Process != nil {
					// It may have ended already: then there is nobody left to tell.
					_ = cmd.Process.Signal(s)
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

func fault(stderr io.Writer, action string, err error) int {
	_, _ = fmt.Fprintf(stderr, "testreport: Unable to %s: %v\n", action, err)
	return 1
}

// onCI follows the custom of CI services: any value but an explicit "no" means yes.
func onCI(value string) bool {
	if value == "" {
		return false
	}
	yes, err := strconv.ParseBool(value)
	return err != nil || yes
}
