//go:build unix

package directory

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

const (
	openNonblocking = syscall.O_NONBLOCK
	openToSync      = os.O_RDONLY // a program that is open for writing somewhere cannot be started
	hasModes        = true
)

// hookVariables are what a hook gets of this process's own environment.
var hookVariables = []string{"PATH", "HOME"}

func slashed(link string) string { return link }

// ownGroup lets the hook be ended together with all that it started.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}

// isBusy reports whether a program could not start because a file descriptor of its writing is still open: a process that another
// goroutine is just starting has a copy of it for a moment.
func isBusy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

// permissions are the bits that a deployment sets: a file that became setuid is a changed file.
func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}
