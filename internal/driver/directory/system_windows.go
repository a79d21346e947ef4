package directory

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	openNonblocking = 0
	openToSync      = os.O_RDWR
	hasModes        = false // only whether a file is read-only
)

// hookVariables are what a hook gets of this process's own environment: without these, most programs do not start.
var hookVariables = []string{"PATH", "PATHEXT", "SYSTEMROOT", "USERPROFILE", "TEMP", "TMP"}

func slashed(link string) string { return filepath.ToSlash(link) }

// ownGroup has nothing to do here: the hook's own process is ended, what it started is not.
func ownGroup(*exec.Cmd) {}

func isBusy(error) bool { return false }

func permissions(mode fs.FileMode) fs.FileMode { return mode & fs.ModePerm }
