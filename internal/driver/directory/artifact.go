package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// put brings one artifact's content into the tree, once its digest is right.
func (d *directoryDriver) put(ctx context.Context, p *siteDir, t *tree, name string, a delivery.Artifact) error {
	from, err := artifact.Locate(a.URI)
	if err != nil {
		return err
	}
	if !from.Remote() {
		info, err := from.Stat()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &failure{err.Error() + "; bring it back and raise attempt, or deliver a version whose artifacts are there", err}
		case err != nil:
			return err
		case info.IsDir():
			return d.putDirectory(ctx, p, t, from, a.Digest)
		}
	}
	staged := path.Join(stagingName, p.id+".artifact")
	err = d.putFile(ctx, p, t, name, from, a.Digest, staged)
	if gone := p.root.Remove(staged); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, failed("remove", p.at(staged), gone))
	}
	return err
}

// putDirectory copies while it hashes, so that what is deployed is what was hashed; a wrong digest throws the copy away.
func (d *directoryDriver) putDirectory(ctx context.Context, p *siteDir, t *tree, from artifact.Source, digest string) error {
	if holds(from.Path, p.path) {
		return fmt.Errorf("the target %s lies inside it, so the copy would contain itself; set target.directory.path to a place elsewhere", p.path)
	}
	if err := copyDirectory(ctx, t, from.Path); err != nil {
		return err
	}
	got, err := listingDigest(t.sorted())
	if err != nil {
		return err
	}
	return artifact.Verify(got, digest)
}

// holds reports whether a directory is another one or lies above it, links resolved.
func holds(dir, other string) bool {
	above, err := os.Stat(dir)
	for next := other; err == nil; {
		info, errNext := os.Stat(next)
		if errNext == nil && os.SameFile(above, info) {
			return true
		}
		next, other = filepath.Dir(next), next
		if next == other {
			return false
		}
	}
	return false
}

// putFile first takes a private copy while it hashes, and unpacks that: nobody can change it between the check and the use.
func (d *directoryDriver) putFile(ctx context.Context, p *siteDir, t *tree, name string, from artifact.Source, digest, staged string) (err error) {
	f, err := p.root.OpenFile(staged, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("create", p.at(staged), err)
	}
	defer func() { err = errors.Join(err, failed("write", p.at(staged), f.Close())) }()
	hash := sha256.New()
	executable, n, err := d.fetcher.Copy(ctx, from, d.limits.ArtifactBytes, io.MultiWriter(writeError{d.diskWriter(f)}, hash))
	var broken *diskError
	switch {
	case errors.As(err, &broken):
		return failed("write", p.at(staged), broken.cause)
	case err != nil:
		return err
	}
	if err := artifact.Verify("sha256:"+hex.EncodeToString(hash.Sum(nil)), digest); err != nil {
		return err
	}
	d.reached(stepStaged)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return failed("read", p.at(staged), err)
	}
	switch formatOf(from.Base) {
	case tarGzip:
		t.most = d.limits.unpacked(n)
		return unpackTarGz(ctx, t, f)
	case zipArchive:
		t.most = d.limits.unpacked(n)
		return unpackZip(ctx, t, f, n)
	}
	if from.Base == "." || from.Base == "/" {
		from.Base = name
	}
	return t.file(from.Base, executable, artifact.Reader{Context: ctx, From: f})
}
