package directory

import (
	"io/fs"
	"os"
	"path/filepath"
)

const (
	openNonblocking = 0
	openToSync      = os.O_RDWR
	hasModes        = false // only whether a file is read-only
)

func slashed(link string) string { return filepath.ToSlash(link) }

func permissions(mode fs.FileMode) fs.FileMode { return mode & fs.ModePerm }
