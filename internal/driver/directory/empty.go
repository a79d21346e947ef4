package directory

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
)

// errNoFile refuses an artifact without a regular file: deploying it would remove what runs, and bring nothing.
var errNoFile = errors.New("it holds no file, so nothing would run; pack the files again, or correct the path")

// requireFile refuses a tree without a regular file. One that is empty counts.
func (t *tree) requireFile() error {
	if slices.ContainsFunc(t.entries, func(e entry) bool { return e.Kind == kindFile }) {
		return nil
	}
	return errNoFile
}

// format is how a file is unpacked.
type format int

const (
	single format = iota // it is deployed as it is
	tarGzip
	zipArchive
)

func formatOf(base string) format {
	lower := strings.ToLower(base)
	switch {
	case strings.HasSuffix(lower, ".tar.gz"), strings.HasSuffix(lower, ".tgz"):
		return tarGzip
	case strings.HasSuffix(lower, ".zip"):
		return zipArchive
	}
	return single
}

// preflightFiles refuses an artifact of this machine that has no file. It does not look for anything else: deploying says what is broken.
func preflightFiles(ctx context.Context, from artifact.Source) error {
	info, err := os.Stat(from.Path)
	if err != nil {
		return err
	}
	var found bool
	switch {
	case info.IsDir():
		found, err = holdsFile(from.Path)
	case formatOf(from.Base) == tarGzip:
		found, err = tarHoldsFile(ctx, from.Path)
	case formatOf(from.Base) == zipArchive:
		found, err = zipHoldsFile(from.Path)
	default:
		return nil
	}
	if err == nil && !found {
		return errNoFile
	}
	return nil
}

func holdsFile(dir string) (found bool, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			found = true
			return fs.SkipAll
		}
		return err
	})
	return found, err
}

// tarHoldsFile reads up to the first file.
func tarHoldsFile(ctx context.Context, path string) (found bool, err error) {
	archive, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	packed, err := gzip.NewReader(artifact.Reader{Context: ctx, From: archive})
	if err != nil {
		return false, err
	}
	tape := tar.NewReader(io.LimitReader(packed, maxPreflightBytes))
	for {
		header, err := tape.Next()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case header.Typeflag == tar.TypeReg:
			return true, nil
		}
	}
}

// maxPreflightBytes is how far a tar is read: entries without content cannot be longer, unless it is hostile.
const maxPreflightBytes = 64 << 20

func zipHoldsFile(path string) (found bool, err error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	return slices.ContainsFunc(archive.File, func(f *zip.File) bool { return f.Mode().IsRegular() && !strings.HasSuffix(f.Name, "/") }), nil
}
