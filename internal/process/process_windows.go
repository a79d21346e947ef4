package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// separate gives the program its own process group, so that Ctrl-C does not reach it behind Terraform's back.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// interrupt ends the program and its children. Windows has no polite way that every program understands.
func interrupt(p *os.Process) error {
	// The caller's context is over already; this one only bounds the tool.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	tool := filepath.Join(os.Getenv("SystemRoot"), "System32", "taskkill.exe")
	if err := exec.CommandContext(ctx, tool, "/T", "/F", "/PID", strconv.Itoa(p.Pid)).Run(); err != nil {
		return p.Kill() // without the tool at least the program itself
	}
	return nil
}

// kill has nothing left to do: interrupt ended the tree while its root was still there to find it by.
func kill(*os.Process) {}

// errSharingViolation is what Windows says of a file that somebody is still writing.
const errSharingViolation = syscall.Errno(32)

func busy(err error) bool { return errors.Is(err, errSharingViolation) }
