package sqlstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// preparing makes the openings of one process wait for each other. Closing any descriptor of a file drops all locks that the
// process holds on it (POSIX), so no process may have the database open while its file is created here.
var preparing sync.Mutex

// prepareFile sees to it that the ledger's file exists, readable by this user only: it holds configuration. SQLite gives the
// files that it puts beside the ledger the same permissions. A file that exists is left as it is.
func prepareFile(path string) error {
	preparing.Lock()
	defer preparing.Unlock()
	there, err := fileExists(path)
	if there || err != nil {
		return err
	}
	err = createFile(path)
	if errors.Is(err, fs.ErrExist) {
		_, err = fileExists(path) // another process was faster
		return err
	}
	return unreachable(path, err)
}

// fileExists reports whether there is a file that may be a ledger. Anything else at the path is an error.
func fileExists(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		switch link, err := os.Lstat(path); {
		case err == nil && link.Mode()&fs.ModeSymlink == 0:
			return fileExists(path) // another process has made it since
		case err == nil:
			return false, delivery.Errorf(delivery.CodeInvalid, "the ledger %s is a symbolic link to a file that does not exist; create that file, or remove the link", path)
		}
		return false, nil
	}
	switch {
	case err != nil:
		return false, unreachable(path, err)
	case info.IsDir():
		return false, delivery.Errorf(delivery.CodeInvalid, "the ledger %s is a directory; name a file in it, such as %s", path, filepath.Join(path, "ledger.db"))
	case !info.Mode().IsRegular():
		return false, delivery.Errorf(delivery.CodeInvalid, "the ledger %s is not a regular file; name another path", path)
	}
	return true, nil
}

func unreachable(path string, err error) error {
	if err == nil {
		return nil
	}
	return delivery.Errorf(delivery.CodeUnavailable, "the ledger %s cannot be reached: %v", path, err)
}

func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// logged reports whether something that was committed waits in the write-ahead log beside the ledger's file. SQLite keeps it beside
// the file itself, not beside a link to it.
func logged(path string) bool {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return true // who knows
	}
	info, err := os.Stat(file + "-wal")
	return !errors.Is(err, fs.ErrNotExist) && (err != nil || info.Size() > 0)
}
