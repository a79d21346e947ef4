package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/junit"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// reportFile is where the program of a check leaves its JUnit report: a name inside a directory, which it cannot leave through
// links either.
type reportFile struct {
	directory, name string
	shown           string // as the check names it
	mask            *redact.Masker
}

// newReportFile finds the file that a check names, nil when it names none.
func newReportFile(check *delivery.CommandCheck, mask *redact.Masker) *reportFile {
	f := &reportFile{directory: check.Directory, name: check.JUnit, shown: check.JUnit, mask: mask}
	switch {
	case check.JUnit == "":
		return nil
	case filepath.IsAbs(check.JUnit):
		f.directory, f.name = filepath.Dir(check.JUnit), filepath.Base(check.JUnit)
	case check.Directory == "":
		f.directory = "."
	}
	return f
}

// remove takes away what an earlier run left: it must not count for this one. Something that is no regular file is not the
// program's report of an earlier run, and is left alone.
func (f *reportFile) remove() error {
	root, err := os.OpenRoot(f.directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the program makes it, or does not start at all
	}
	if err != nil {
		return f.failed("looked at", err)
	}
	defer root.Close()
	info, err := root.Lstat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.failed("looked at", err)
	case !info.Mode().IsRegular():
		return f.irregular()
	}
	if err := root.Remove(f.name); err != nil {
		return f.failed("removed before the command runs", err)
	}
	return nil
}

// read counts the report that the program has written.
func (f *reportFile) read() (counts delivery.TestCounts, digest string, err error) {
	text, err := f.text()
	if err != nil {
		return counts, "", err
	}
	if counts, err = junit.Parse(text); err != nil {
		return counts, "", f.failed("read", f.masked(text, err))
	}
	sum := sha256.Sum256(text)
	return counts, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// masked is why a report cannot be read, without secrets. The error repeats the report cut to length, so it is made again from a report
// that is masked before: in UTF-8, in which secrets are looked for.
func (f *reportFile) masked(report []byte, err error) error {
	if f.mask == nil {
		return err
	}
	report, undecoded := junit.Decode(report)
	if undecoded != nil {
		return undecoded // repeats the name of an encoding at most
	}
	var text bytes.Buffer
	stream := f.mask.Stream(&text)
	if _, err := io.Copy(stream, bytes.NewReader(report)); err != nil {
		return err
	}
	if err := stream.Flush(); err != nil {
		return err
	}
	if bytes.Equal(text.Bytes(), report) {
		return err
	}
	if _, err := junit.Parse(text.Bytes()); err != nil {
		return err
	}
	return errors.New("it is broken where it shows a secret")
}

func (f *reportFile) text() ([]byte, error) {
	root, err := os.OpenRoot(f.directory)
	if err != nil {
		return nil, f.failed("opened", err)
	}
	defer root.Close()
	info, err := root.Lstat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the command wrote no JUnit report to %s", f.shown)
	case err != nil:
		return nil, f.failed("opened", err)
	case !info.Mode().IsRegular():
		return nil, f.irregular()
	}
	// Should the file be exchanged now, opening a pipe does not wait for somebody to write into it.
	file, err := root.OpenFile(f.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, f.failed("opened", err)
	}
	defer io.Closer(file).Close()
	opened, err := file.Stat()
	if err != nil {
		return nil, f.failed("opened", err)
	}
	if !os.SameFile(info, opened) {
		return nil, fmt.Errorf("the JUnit report %s was exchanged while it was opened: something that the command left running writes to it", f.shown)
	}
	text, err := io.ReadAll(io.LimitReader(file, junit.MaxBytes+1)) // one more, so that Parse refuses it
	if err != nil {
		return nil, f.failed("read", err)
	}
	return text, nil
}

func (f *reportFile) irregular() error {
	return fmt.Errorf("the JUnit report %s is a link, a directory or something else than a plain file: remove it, or name another file", f.shown)
}

func (f *reportFile) failed(what string, err error) error {
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		err = wrapped.Err // the path is named already
	}
	return fmt.Errorf("the JUnit report %s cannot be %s: %w", f.shown, what, err)
}

// judge adds the report to the answer of a program that ended. A pass needs both: status 0, and a report of tests of which at
// least one ran and none failed.
func judge(result delivery.CheckResult, f *reportFile) delivery.CheckResult {
	counts, digest, err := f.read()
	if err != nil {
		if result.Passed {
			result.Detail = "the command succeeded, but " + err.Error()
		} else {
			result.Detail += "; " + err.Error()
		}
		result.Passed = false
		return result
	}
	ran, broken := counts.Tests-counts.Skipped, counts.Failures+counts.Errors
	said := fmt.Sprintf("%d tests ran, %d failed", ran, broken)
	if result.Passed || broken > 0 {
		// A command that failed and reports no failure failed outside of its tests: as evidence the report would hide that.
		result.Report, result.ReportDigest = &counts, digest
	}
	switch {
	case !result.Passed:
		result.Detail += "; by its report, " + said
	case broken > 0 || ran == 0:
		result.Passed = false
		result.Detail = "the command succeeded, but not by its report: " + said
	default:
		result.Detail += ": " + said
	}
	return result
}
