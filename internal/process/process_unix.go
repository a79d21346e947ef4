//go:build unix

package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// separate gives the program its own session. So Ctrl-C in the terminal does not reach it behind Terraform's back, it and
// its children are one group to signal, and what asks for a password on the terminal fails at once instead of waiting for ever.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// interrupt asks the program and its children to end.
func interrupt(p *os.Process) error { return signalGroup(p, syscall.SIGTERM) }

// kill ends what is left of the program's group. An error means that nothing is left.
func kill(p *os.Process) { _ = signalGroup(p, syscall.SIGKILL) }

func signalGroup(p *os.Process, signal syscall.Signal) error {
	err := syscall.Kill(-p.Pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// busy reports whether the program's file is open for writing somewhere.
func busy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }
