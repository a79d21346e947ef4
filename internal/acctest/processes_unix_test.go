//go:build unix

package acctest_test

import (
	"os/exec"
	"syscall"
)

// ownGroup makes a command the leader of a process group, as a shell does with what it runs in the foreground.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
