package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

const (
	releasesName = "releases"
	stagingName  = "staging"
	finishedName = "finished"
	lockName     = ".lock"

	lockPoll = 50 * time.Millisecond
)

// siteDir is the directory of one pipeline, with the release that a request is about.
type siteDir struct {
	path    string   // absolute
	root    *os.Root // of path: nothing that lies elsewhere can be reached through it
	id      string   // of the deployment
	release string   // its name below releases
}

func locationOf(r driver.Request) (target, pipeline string, err error) {
	target, err = filepath.Abs(r.Target.Directory.Path)
	if err != nil {
		return "", "", failed("find", r.Target.Directory.Path, err)
	}
	return target, filepath.Join(target, r.Pipeline), nil
}

// makeSiteDir opens the directory and creates what is missing of it.
func makeSiteDir(ctx context.Context, r driver.Request) (*siteDir, error) {
	target, _, err := locationOf(r)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(target, 0o755); err != nil { //nolint:gosec // like every directory of a release: software of other users reads it
		return nil, failed("create the directory", target, err)
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return nil, failed("open the directory", target, err)
	}
	defer root.Close()
	if err := claim(ctx, root, target, r); err != nil {
		return nil, err
	}
	for _, dir := range []string{r.Pipeline, path.Join(r.Pipeline, releasesName), path.Join(r.Pipeline, stagingName)} {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return nil, failed("create the directory", filepath.Join(target, dir), err)
		}
	}
	return openSiteDir(r)
}

// openSiteDir opens the directory as it is. Its error is fs.ErrNotExist when there is none.
func openSiteDir(r driver.Request) (*siteDir, error) {
	target, dir, err := locationOf(r)
	if err != nil {
		return nil, err
	}
	above, err := os.OpenRoot(target)
	if err != nil {
		return nil, failed("open the directory", target, err)
	}
	defer above.Close()
	root, err := above.OpenRoot(r.Pipeline)
	if err != nil {
		return nil, failed("open the directory", dir, err)
	}
	return &siteDir{path: dir, root: root, id: r.ID, release: r.Version + "-" + r.ID}, nil
}

func (p *siteDir) close() { p.root.Close() }

// at is the absolute path of something in the directory, for messages and for the hook.
func (p *siteDir) at(name string) string { return filepath.Join(p.path, filepath.FromSlash(name)) }

func (p *siteDir) link() string { return path.Join(releasesName, p.release) }

// lock keeps other deployments of this pipeline out, those of other processes too, and ends with the process that holds it.
func (p *siteDir) lock(ctx context.Context) (unlock func() error, err error) {
	f, err := lockFile(ctx, p.root, p.path, lockName, 0o600)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}

// lockFile waits for the lock of a file in a directory, and creates the file if need be. Closing the file gives the lock back.
func lockFile(ctx context.Context, dir *os.Root, at, name string, mode fs.FileMode) (*os.File, error) {
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE, mode)
	if err != nil {
		return nil, failed("open", filepath.Join(at, name), err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		held, err := tryLock(f)
		switch {
		case err != nil:
			return nil, errors.Join(failed("lock", filepath.Join(at, name), err), f.Close())
		case held:
			return f, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another deployment works in %s: %w", at, ctx.Err()), f.Close())
		case <-ticker.C:
		}
	}
}

// link is where a symbolic link points.
type link struct {
	exists  bool
	isLink  bool
	text    string // as it is written
	release string // the release's name; empty when it points elsewhere
}

func (p *siteDir) readLink(name string) (link, error) {
	info, err := p.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return link{}, nil
	}
	if err != nil {
		return link{}, failed("look at", p.at(name), err)
	}
	if info.Mode().Type() != fs.ModeSymlink {
		return link{exists: true}, nil
	}
	text, err := p.root.Readlink(name)
	if err != nil {
		return link{}, failed("read the link", p.at(name), err)
	}
	return link{exists: true, isLink: true, text: text, release: p.releaseIn(text)}, nil
}

// releaseIn finds the release that a link's text means; people also write it as an absolute path.
func (p *siteDir) releaseIn(text string) string {
	if filepath.IsAbs(text) {
		relative, err := filepath.Rel(p.path, text)
		if err != nil {
			return ""
		}
		text = relative
	}
	dir, name := path.Split(path.Clean(filepath.ToSlash(text)))
	if path.Clean(dir) != releasesName {
		return ""
	}
	return name
}

// point switches a link atomically: at every moment it points to the old or to the new.
func (p *siteDir) point(name, text string) error {
	fresh := path.Join(stagingName, p.id+"."+name)
	if err := p.root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove", p.at(fresh), err)
	}
	if err := p.root.Symlink(filepath.FromSlash(text), fresh); err != nil {
		return failed("create the link", p.at(fresh), err)
	}
	if err := p.root.Rename(fresh, name); err != nil {
		return failed("switch the link", p.at(name), err)
	}
	return p.syncDirectory(".")
}

// syncDirectory makes what was created, renamed or removed in the directory outlast a loss of power.
func (p *siteDir) syncDirectory(name string) error {
	if runtime.GOOS == "windows" {
		return nil // there a directory cannot be synced, and its journal keeps the order of changes
	}
	dir, err := p.root.Open(name)
	if err != nil {
		return failed("open the directory", p.at(name), err)
	}
	return failed("sync the directory", p.at(name), errors.Join(dir.Sync(), dir.Close()))
}

// write replaces a small file atomically. The file is only for its owner.
func (p *siteDir) write(name string, text []byte) error {
	fresh := path.Join(stagingName, p.id+"."+path.Base(name))
	if err := p.root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove", p.at(fresh), err)
	}
	if err := writePrivate(p.root, fresh, text); err != nil {
		return failed("write", p.at(name), err)
	}
	if err := p.root.Rename(fresh, name); err != nil {
		return failed("write", p.at(name), err)
	}
	return p.syncDirectory(path.Dir(name))
}

// writePrivate creates a file that only its owner may read, and waits until the disk has it.
func writePrivate(root *os.Root, name string, text []byte) error {
	return writeNew(root, name, 0o600, text)
}

// writeNew creates a file, and waits until the disk has it.
func writeNew(root *os.Root, name string, mode fs.FileMode, text []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// cleanStaging empties staging. Something that cannot be removed is in nobody's way, so it fails nothing.
func (d *directoryDriver) cleanStaging(p *siteDir) {
	dir, err := p.root.Open(stagingName)
	if err != nil {
		d.log.Warn("cannot look for leftovers of earlier deployments", "directory", p.at(stagingName), "error", err)
		return
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		d.log.Warn("cannot look for leftovers of earlier deployments", "directory", p.at(stagingName), "error", err)
	}
	for _, name := range names {
		if err := p.root.RemoveAll(path.Join(stagingName, name)); err != nil {
			d.log.Warn("cannot remove a leftover of an earlier deployment", "path", p.at(path.Join(stagingName, name)), "error", err)
		}
	}
}

// maxShown is how much of a value or path an error shows, in bytes.
const maxShown = 100

func shortened(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}
