//go:build unix

package directory

import (
	"io/fs"
	"os"
	"syscall"
)

const (
	openNonblocking = syscall.O_NONBLOCK
	openToSync      = os.O_RDONLY // a program that is open for writing somewhere cannot be started
	hasModes        = true
)

func slashed(link string) string { return link }

// permissions are the bits that a deployment sets: a file that became setuid is a changed file.
func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}
