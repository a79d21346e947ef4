package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// source is where an artifact comes from.
type source struct {
	path    string   // of this machine; empty for one that is fetched
	address *url.URL // to fetch it from
	base    string   // its own name
}

// locate understands an artifact's address.
func locate(uri string) (source, error) {
	scheme, _, hasScheme := strings.Cut(uri, "://")
	if !hasScheme {
		return source{path: uri, base: filepath.Base(uri)}, nil
	}
	if scheme == "oci" {
		return source{}, errors.New("oci:// is not supported by a directory target; use a path, file:// or https://")
	}
	address, err := url.Parse(uri)
	if err != nil {
		return source{}, errors.New("this is no valid address") // url's own error repeats it, password included
	}
	switch scheme {
	case "file":
		if address.Host != "" && address.Host != "localhost" {
			return source{}, fmt.Errorf("a file:// address has three slashes and an absolute path (%q would be another machine)", address.Host)
		}
		local := filepath.FromSlash(address.Path)
		if filepath.VolumeName(strings.TrimPrefix(local, `\`)) != "" { // file:///C:/…
			local = strings.TrimPrefix(local, `\`)
		}
		return source{path: local, base: filepath.Base(local)}, nil
	case "https", "http":
		if err := safeToFetch(address); err != nil {
			return source{}, err
		}
		return source{address: address, base: path.Base(address.Path)}, nil
	}
	return source{}, fmt.Errorf("%s:// is not supported by a directory target; use a path, file:// or https://", scheme)
}

// String is the source without what may be secret in it: a password, the query of a signed address.
func (s source) String() string {
	if s.address == nil {
		return s.path
	}
	return shownAddress(s.address)
}

func shownAddress(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// put brings one artifact's content into the tree, once its digest is right.
func (d *directoryDriver) put(ctx context.Context, p *place, t *tree, name string, a delivery.Artifact) error {
	from, err := locate(a.URI)
	if err != nil {
		return err
	}
	if from.address == nil {
		info, err := os.Stat(from.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &failure{"there is no such file or directory; bring it back and raise attempt, or deliver a version whose artifacts are there", err}
		case err != nil:
			return failed("read", from.path, err)
		case info.IsDir():
			return d.putDirectory(ctx, p, t, from, a.Digest)
		case !info.Mode().IsRegular():
			return errNotRegular
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
func (d *directoryDriver) putDirectory(ctx context.Context, p *place, t *tree, from source, digest string) error {
	if holds(from.path, p.path) {
		return fmt.Errorf("the target %s lies inside it, so the copy would contain itself; set target.directory.path to a place elsewhere", p.path)
	}
	if err := copyDirectory(ctx, t, from.path); err != nil {
		return err
	}
	got, err := listingDigest(t.sorted())
	if err != nil {
		return err
	}
	return sameDigest(got, digest)
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
func (d *directoryDriver) putFile(ctx context.Context, p *place, t *tree, name string, from source, digest, staged string) (err error) {
	f, err := p.root.OpenFile(staged, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("create", p.at(staged), err)
	}
	defer func() { err = errors.Join(err, failed("write", p.at(staged), f.Close())) }()
	hash := sha256.New()
	executable, n, err := d.bring(ctx, from, writeError{d.diskWriter(f)}, hash)
	var broken *diskError
	switch {
	case errors.As(err, &broken):
		return failed("write", p.at(staged), broken.cause)
	case err != nil:
		return err
	}
	if err := sameDigest("sha256:"+hex.EncodeToString(hash.Sum(nil)), digest); err != nil {
		return err
	}
	d.reached(stepStaged)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return failed("read", p.at(staged), err)
	}
	lower := strings.ToLower(from.base)
	switch {
	case strings.HasSuffix(lower, ".tar.gz"), strings.HasSuffix(lower, ".tgz"):
		t.most = d.limits.unpacked(n)
		return unpackTarGz(ctx, t, f)
	case strings.HasSuffix(lower, ".zip"):
		t.most = d.limits.unpacked(n)
		return unpackZip(ctx, t, f, n)
	}
	if from.base == "." || from.base == "/" {
		from.base = name
	}
	return t.file(from.base, executable, obedient{ctx, f})
}

// bring copies the artifact's bytes to all writers and tells whether its owner may execute it.
func (d *directoryDriver) bring(ctx context.Context, from source, to ...io.Writer) (executable bool, n int64, err error) {
	if from.address != nil {
		n, err = d.fetcher.fetch(ctx, from.address, d.limits.ArtifactBytes, io.MultiWriter(to...))
		return false, n, err
	}
	f, err := os.Open(from.path)
	if err != nil {
		return false, 0, failed("read", from.path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return false, 0, failed("read", from.path, err)
	}
	n, err = copyAtMost(d.limits.ArtifactBytes, io.MultiWriter(to...), obedient{ctx, f})
	return info.Mode()&0o100 != 0, n, err
}

func copyAtMost(most int64, to io.Writer, from io.Reader) (int64, error) {
	n, err := io.Copy(to, io.LimitReader(from, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("it has more than %s, the most that one artifact may have", size(most))
	}
	return n, err
}

func sameDigest(got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("its digest is %s, but the release names %s: it is not what was released, so nothing of it was deployed; "+
		"bring back the right content, or release this one as a new version", got, want)
}

func fileDigest(ctx context.Context, name string) (digest string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", failed("read", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, obedient{ctx, f}); err != nil {
		return "", failed("read", name, err)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
