//go:build !unix

package program

import (
	"errors"
	"os"
	"os/exec"
)

// The demo runs the shop in the background the Unix way. On other systems it builds, and says why it does not run.
var errNotUnix = errors.New("the demo's shop needs a Unix system")

func lock(*os.File) error { return errNotUnix }

func lockHolder(*os.File) (int, error) { return 0, errNotUnix }

func detach(*exec.Cmd) {}

func terminate(*os.Process) error { return errNotUnix }
