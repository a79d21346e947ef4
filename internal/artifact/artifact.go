// Package artifact finds the artifacts of a release: it understands their addresses, reads or fetches them, and demands that they are
// what the release says. An artifact is a path, or a file:// or https:// address. What becomes of the bytes is up to the driver.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// MaxBytes is the default of the most that one artifact may have: 4 GiB.
const MaxBytes = 4 << 30

// Source is where an artifact comes from.
type Source struct {
	Path    string   // on this machine; empty for one that is fetched
	address *url.URL // to fetch it from
	Base    string   // its own name
}

// Locate understands an artifact's address.
func Locate(uri string) (Source, error) {
	scheme, _, hasScheme := strings.Cut(uri, "://")
	if !hasScheme {
		return Source{Path: uri, Base: filepath.Base(uri)}, nil
	}
	address, err := url.Parse(uri)
	if err != nil {
		return Source{}, errors.New("this is no valid address") // url's own error repeats it, password included
	}
	switch scheme {
	case "file":
		if address.Host != "" && address.Host != "localhost" {
			return Source{}, fmt.Errorf("a file:// address has three slashes and an absolute path (%q would be another machine)", address.Host)
		}
		local := filepath.FromSlash(address.Path)
		if filepath.VolumeName(strings.TrimPrefix(local, `\`)) != "" { // file:///C:/…
			local = strings.TrimPrefix(local, `\`)
		}
		return Source{Path: local, Base: filepath.Base(local)}, nil
	case "https", "http":
		if err := safeToFetch(address); err != nil {
			return Source{}, err
		}
		return Source{address: address, Base: path.Base(address.Path)}, nil
	}
	return Source{}, fmt.Errorf("%s:// is not supported; use a path, file:// or https://", scheme)
}

// Remote reports whether the artifact is fetched from another machine.
func (s Source) Remote() bool { return s.address != nil }

// String is the source without what may be secret in it: a password, the query of a signed address.
func (s Source) String() string {
	if s.address == nil {
		return s.Path
	}
	return shownAddress(s.address)
}

// Shown is an address as an error may show it.
func Shown(uri string) string {
	source, err := Locate(uri)
	if err == nil {
		return source.String()
	}
	scheme, _, _ := strings.Cut(uri, "://")
	return scheme + "://…"
}

func shownAddress(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Verify demands the digest that the release names.
func Verify(got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("its digest is %s, but the release names %s: it is not what was released, so nothing of it was deployed; "+
		"bring back the right content, or release this one as a new version", got, want)
}

// ErrNotRegular says that something else than a file was found where a file was expected.
var ErrNotRegular = errors.New("it is not a regular file")

// Stat looks at an artifact of this machine: it is a regular file or a directory.
func (s Source) Stat() (fs.FileInfo, error) {
	info, err := os.Stat(s.Path)
	switch {
	case err != nil:
		return nil, s.unreadable(err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, ErrNotRegular
	}
	return info, nil
}

// unreadable says why an artifact of this machine cannot be read.
func (s Source) unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &unreadableError{"there is no such file or directory", err}
	}
	reason := err
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		reason = wrapped.Err
	}
	text := fmt.Sprintf("cannot read %s: %v", s.Path, reason)
	if errors.Is(err, fs.ErrPermission) {
		text += "; give the user who runs Terraform access to it"
	}
	return &unreadableError{text, err}
}

// unreadableError is a sentence for a user, whose cause stays reachable.
type unreadableError struct {
	text  string
	cause error
}

func (e *unreadableError) Error() string { return e.text }
func (e *unreadableError) Unwrap() error { return e.cause }

// Reader reads until its context ends.
type Reader struct {
	Context context.Context //nolint:containedctx // io.Reader has no place for it
	From    io.Reader
}

// Read implements io.Reader.
func (r Reader) Read(p []byte) (int, error) {
	if err := r.Context.Err(); err != nil {
		return 0, err
	}
	return r.From.Read(p)
}

// Size writes a number of bytes as a person does.
func Size(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.3g %s", float64(n)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
