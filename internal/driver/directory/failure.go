package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// failure is an error message for a user, whose cause stays reachable.
type failure struct {
	text  string
	cause error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.cause }

// failed says what could not be done to the path, why, and what would help. The cause's own path is left out: it is relative to
// some directory that the user does not see.
func failed(what, path string, cause error) error {
	if cause == nil {
		return nil
	}
	reason := reasonOf(cause)
	text := fmt.Sprintf("cannot %s %s: %v", what, path, reason)
	if help := remedy(cause); help != "" {
		text += "; " + help
	}
	return &failure{text, cause}
}

func reasonOf(err error) error {
	var ofPath *fs.PathError
	var ofLink *os.LinkError
	switch {
	case errors.As(err, &ofPath):
		return ofPath.Err
	case errors.As(err, &ofLink):
		return ofLink.Err
	}
	return err
}

func remedy(err error) string {
	switch {
	case isDiskFull(err):
		return "the disk is full: free some space there and apply again"
	case errors.Is(err, fs.ErrPermission):
		return "give the user who runs Terraform access to it"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of this path is a file; set target.directory.path to a directory"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only; set target.directory.path to one that can be written"
	}
	return ""
}
