package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// errRunning is returned by claimPIDFile when a live shop holds the file.
var errRunning = errors.New("a shop already runs on this port")

// claimPIDFile writes this process's id and keeps the file locked until release is called.
// The number is for people. Programs ask who holds the lock (runningPID): the system drops it when the
// process ends, however it ends, so a stale file never makes us stop another process that got the same number later.
func claimPIDFile(path string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	if err = lock(f); err == nil {
		err = writePID(f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pid file %s: %w", path, err), f.Close())
	}
	return func() {
		// Emptied, not removed: a removed file could be locked by one process and created again by another.
		if err := errors.Join(f.Truncate(0), f.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "pid file:", err)
		}
	}, nil
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// runningPID returns the id of the live shop that holds the pid file, or 0 when there is none.
func runningPID(path string) (pid int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("pid file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if pid, err = lockHolder(f); err != nil {
		return 0, fmt.Errorf("pid file %s: %w", path, err)
	}
	return pid, nil
}
