//go:build unix

package program

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// lock takes the file for this process until it ends or closes the file, or returns errRunning.
// It is a record lock, not flock: only a record lock can say who holds it.
func lock(f *os.File) error {
	whole := syscall.Flock_t{Type: syscall.F_WRLCK}
	err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &whole)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return errRunning
	}
	return err
}

// lockHolder returns the id of the other process that holds the file's lock, or 0.
func lockHolder(f *os.File) (int, error) {
	whole := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &whole); err != nil {
		return 0, err
	}
	if whole.Type == syscall.F_UNLCK {
		return 0, nil
	}
	if whole.Pid <= 1 {
		return 0, errors.New("it is locked by a process that cannot be seen from here")
	}
	return int(whole.Pid), nil
}

// detach gives the command its own session, so that it outlives the hook, Terraform and the terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
