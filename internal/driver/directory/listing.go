package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
)

// Digest computes the digest of an artifact as cd_release.artifacts wants it: of a file its SHA-256, of a directory that of its
// listing (see the package). Its error says what cannot be read, or why the directory cannot be deployed.
func Digest(path string) (string, error) { return digestOf(context.Background(), path) }

func digestOf(ctx context.Context, path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", failed("read", path, err)
	}
	if !info.IsDir() {
		return artifact.FileDigest(ctx, path)
	}
	t := newTree(nil, &budget{limits: Limits{}.orDefaults()}, nil)
	if err := copyDirectory(ctx, t, path); err != nil {
		return "", fmt.Errorf("directory %s: %w", path, err)
	}
	return listingDigest(t.sorted())
}

// copyDirectory adds to the tree all that is below a directory. The directory is read through os.Root: a link in it that leads
// out is an error, never a way out.
func copyDirectory(ctx context.Context, t *tree, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return failed("open the directory", dir, err)
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, found fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return failed("read", fmt.Sprintf("%q", name), err)
		case ctx.Err() != nil:
			return ctx.Err()
		case name == ".":
			return nil
		}
		return copyEntry(ctx, t, root, name, found)
	})
}

func copyEntry(ctx context.Context, t *tree, root *os.Root, name string, found fs.DirEntry) error {
	switch found.Type() {
	case fs.ModeDir:
		return t.directory(name)
	case fs.ModeSymlink:
		target, err := root.Readlink(name)
		if err != nil {
			return failed("read the link", fmt.Sprintf("%q", name), err)
		}
		return t.link(name, slashed(target))
	case 0:
		f, info, err := openRegular(root, name)
		if err != nil {
			return failed("read", fmt.Sprintf("%q", name), err)
		}
		return errors.Join(t.file(name, info.Mode()&0o100 != 0, artifact.Reader{Context: ctx, From: f}), f.Close())
	}
	return fmt.Errorf("it holds %q, which is no file, directory or link (%s); devices and pipes are not deployed", name, found.Type())
}

// openRegular opens a file for reading and nothing else: a pipe would keep the reader waiting for ever.
func openRegular(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|openNonblocking, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = artifact.ErrNotRegular
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}
