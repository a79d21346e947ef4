package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"
	"time"
)

var errNotDirectory = errors.New("it is not a directory")

// StartError says that a program did not start, so it did nothing.
type StartError struct {
	Program string
	Dir     string
	Err     error
}

// Error says which program did not start, why, and what would help.
func (e *StartError) Error() string {
	text := fmt.Sprintf("program %q could not be started: %v", e.Program, e.Err)
	if advice := e.advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Temporary reports whether the same program may well start at another time, with nothing changed: the machine is short of
// processes, memory or descriptors.
func (e *StartError) Temporary() bool {
	for _, temporary := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(e.Err, temporary) {
			return true
		}
	}
	return busy(e.Err)
}

func (e *StartError) advice() string {
	switch {
	case errors.Is(e.Err, exec.ErrNotFound):
		return "install it, or give its path"
	case errors.Is(e.Err, exec.ErrDot):
		return "to run a program of the working directory, write it with ./"
	case errors.Is(e.Err, errNotDirectory), e.pathIs(e.Dir) && errors.Is(e.Err, fs.ErrNotExist):
		return "the working directory has to be there before the program runs"
	case errors.Is(e.Err, fs.ErrNotExist) && e.Dir != "":
		return fmt.Sprintf("its path is taken from the working directory %s; a script also needs the interpreter of its first line", e.Dir)
	case errors.Is(e.Err, fs.ErrNotExist):
		return "its path is taken from where Terraform runs; a script also needs the interpreter of its first line"
	case errors.Is(e.Err, fs.ErrPermission):
		return "make it executable (chmod +x)"
	case errors.Is(e.Err, syscall.ENOEXEC):
		return "it is no program of this system; a script needs a first line such as #!/bin/sh"
	case errors.Is(e.Err, syscall.E2BIG):
		return "its arguments and environment are larger than this system allows; shrink the configuration"
	}
	return ""
}

// pathIs reports whether the error is about that path.
func (e *StartError) pathIs(path string) bool {
	about, ok := errors.AsType[*fs.PathError](e.Err)
	return ok && path != "" && about.Path == path
}

// TimeoutError says that a program was stopped because its time was over. It is no context error, so that it is never
// mistaken for a caller who gave up.
type TimeoutError struct {
	Program string
	After   time.Duration
}

// Error says which program was stopped and after what time.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("program %q was still running after %s and was stopped; raise its timeout if it needs longer", e.Program, e.After)
}

// ExitError says that a program ran and ended with another status than 0.
type ExitError struct {
	Program string
	Code    int    // -1 when a signal ended it
	State   string // in words: "exit status 3", "signal: killed"
}

// Error says which program ended and how.
func (e *ExitError) Error() string {
	return fmt.Sprintf("program %q ended with %s", e.Program, e.State)
}
