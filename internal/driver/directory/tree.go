package directory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
)

const (
	maxPathBytes = 4096
	maxDepth     = 100 // each level costs a system call per entry
)

// The kinds of entries.
const (
	kindDirectory = "directory"
	kindFile      = "file"
	kindLink      = "link"
)

// entry is one thing of a release, as the manifest and a directory's listing hold it.
type entry struct {
	Path   string `json:"path"` // relative, with slashes
	Kind   string `json:"kind"`
	Mode   string `json:"mode,omitempty"` // of a file: "0644" or "0755"
	Size   *int64 `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Link   string `json:"link,omitempty"`
}

// tree is the content of one artifact while it is written. Whatever its source claims, it never leaves its directory: it follows
// no link of the artifact's own, because a parent of an entry must be a directory that the tree has made.
type tree struct {
	root     *os.Root // the artifact's directory; nil: nothing is written, only hashed
	reserved bool     // the directory is the release's own, where some names are the driver's
	budget   *budget
	most     int64 // bytes that this artifact may unpack to
	bytes    int64 // unpacked so far
	entries  []entry
	index    map[string]int // of entries, by path
	buffer   []byte
	wrap     func(io.Writer) io.Writer
}

func newTree(root *os.Root, b *budget, wrap func(io.Writer) io.Writer) *tree {
	return &tree{root: root, budget: b, most: b.limits.TotalBytes, index: map[string]int{}, buffer: make([]byte, 128<<10), wrap: wrap}
}

// prepared checks a name given by the source and makes its parents. It returns "" for the artifact's own directory.
func (t *tree) prepared(name string) (string, error) {
	clean, err := cleanName(name)
	if err != nil || clean == "." {
		return "", err
	}
	if top, _, _ := strings.Cut(clean, "/"); t.reserved && isReserved(top) {
		return "", fmt.Errorf("it holds %q, a name that the deployment itself writes; leave it out of the artifact", clean)
	}
	return clean, t.parents(path.Dir(clean))
}

func cleanName(name string) (string, error) {
	switch {
	case name == "" || len(name) > maxPathBytes || strings.Count(name, "/") > maxDepth:
		return "", fmt.Errorf("it holds a path that is empty, too long or too deep: %q", shortened(name))
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return "", fmt.Errorf("it holds a name that is not UTF-8 text: %q", name)
	case path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), ".."):
		return "", fmt.Errorf("it holds %q, a path that leads out of the release; only relative paths without .. are unpacked", name)
	}
	clean := path.Clean(name)
	if local := filepath.FromSlash(clean); !filepath.IsLocal(local) || runtime.GOOS == "windows" && strings.Contains(name, `\`) {
		return "", fmt.Errorf("it holds %q, which is no relative path on this system", name)
	}
	return clean, nil
}

// parents makes the directory and those above it.
func (t *tree) parents(dir string) error {
	if dir == "." {
		return nil
	}
	if at, ok := t.index[dir]; ok {
		if t.entries[at].Kind != kindDirectory {
			return fmt.Errorf("it holds something below %q, which is a %s", dir, t.entries[at].Kind)
		}
		return nil
	}
	if err := t.parents(path.Dir(dir)); err != nil {
		return err
	}
	if t.root != nil {
		if err := t.root.Mkdir(dir, 0o700); err != nil {
			return unpackFailed("create the directory", dir, err)
		}
		if err := t.root.Chmod(dir, 0o755); err != nil {
			return unpackFailed("set the mode of", dir, err)
		}
	}
	return t.record(entry{Path: dir, Kind: kindDirectory})
}

func (t *tree) record(e entry) error {
	t.index[e.Path] = len(t.entries)
	t.entries = append(t.entries, e)
	return t.budget.entry(e.Path, e.Link)
}

func modeText(mode fs.FileMode) string { return fmt.Sprintf("%04o", mode) }

func (t *tree) isNew(clean string) error {
	if _, ok := t.index[clean]; ok {
		return fmt.Errorf("it holds %q twice", clean)
	}
	return nil
}

// directory adds a directory; unlike all else, it may come again.
func (t *tree) directory(name string) error {
	clean, err := t.prepared(name)
	if err != nil {
		return err
	}
	if _, again := t.index[clean]; again || clean == "" {
		if err := t.budget.entry(); err != nil {
			return err
		}
	}
	if clean == "" {
		return nil
	}
	return t.parents(clean)
}

// file adds a regular file with all that the reader gives.
func (t *tree) file(name string, executable bool, content io.Reader) error {
	clean, err := t.placeNew(name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	out, closing := io.Discard, func() error { return nil }
	if t.root != nil {
		f, err := t.root.OpenFile(clean, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return unpackFailed("create", clean, err)
		}
		out = t.wrap(f)
		closing = func() error { return errors.Join(f.Chmod(mode), f.Close()) }
	}
	written, sum, err := t.copy(clean, out, content)
	if err := errors.Join(err, unpackFailed("write", clean, closing())); err != nil {
		return err
	}
	return t.record(entry{Path: clean, Kind: kindFile, Mode: modeText(mode), Size: &written, SHA256: sum})
}

func (t *tree) placeNew(name string) (string, error) {
	clean, err := t.prepared(name)
	if err == nil && clean == "" {
		err = fmt.Errorf("it holds %q, which must be a directory", name)
	}
	return clean, errors.Join(err, t.isNew(clean))
}

// copy trusts no size that a header claims: it counts what comes.
func (t *tree) copy(name string, out io.Writer, content io.Reader) (int64, string, error) {
	limits := t.budget.limits
	left := min(limits.FileBytes, limits.TotalBytes-t.budget.bytes, t.most-t.bytes)
	hash := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(hash, writeError{out}), io.LimitReader(content, left+1), t.buffer)
	var broken *diskError
	switch {
	case errors.As(err, &broken):
		return 0, "", unpackFailed("write", name, broken.cause)
	case err != nil:
		return 0, "", unpackFailed("read", name, err)
	case n > left && left == limits.FileBytes:
		return 0, "", fmt.Errorf("its file %q has more than %s, the most that one file may have", name, artifact.Size(left))
	case n > left && left == limits.TotalBytes-t.budget.bytes:
		return 0, "", fmt.Errorf("it brings the release to more than %s, the most that a release may unpack to", artifact.Size(limits.TotalBytes))
	case n > left:
		return 0, "", fmt.Errorf("it unpacks to more than %s, far more than its own size explains, as only an archive bomb does", artifact.Size(t.most))
	}
	t.bytes += n
	t.budget.bytes += n
	return n, hex.EncodeToString(hash.Sum(nil)), nil
}

// link adds a symbolic link. Its target may climb only at its start, and not above the artifact: the directories above a link are
// real ones, so no chain of such links leads out either. (a/.. behind another link could.)
func (t *tree) link(name, target string) error {
	clean, err := t.placeNew(name)
	if err != nil {
		return err
	}
	if !staysInside(clean, target) {
		return fmt.Errorf("it holds the link %q to %q, which leads out of the release or may do so; link to a relative path inside",
			clean, shortened(target))
	}
	if t.root != nil {
		if err := t.root.Symlink(filepath.FromSlash(target), clean); err != nil {
			return unpackFailed("create the link", clean, err)
		}
	}
	return t.record(entry{Path: clean, Kind: kindLink, Link: target})
}

func staysInside(name, target string) bool {
	if target == "" || len(target) > maxPathBytes || path.IsAbs(target) || !utf8.ValidString(target) || strings.ContainsRune(target, 0) {
		return false
	}
	if runtime.GOOS == "windows" && strings.ContainsAny(target, `\:`) {
		return false
	}
	climbs, down := 0, false
	for _, part := range strings.Split(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if down {
				return false
			}
			climbs++
		default:
			down = true
		}
	}
	return climbs <= strings.Count(name, "/")
}

// hardLink adds another name of a file that the artifact has already.
func (t *tree) hardLink(name, target string) error {
	clean, err := t.placeNew(name)
	if err != nil {
		return err
	}
	target, err = cleanName(target)
	if err != nil {
		return err
	}
	at, ok := t.index[target]
	if !ok || t.entries[at].Kind != kindFile {
		return fmt.Errorf("it holds the hard link %q to %q, which is no file that comes before it in the archive", clean, target)
	}
	if t.root != nil {
		if err := t.root.Link(target, clean); err != nil {
			return unpackFailed("create the hard link", clean, err)
		}
	}
	same := t.entries[at]
	same.Path = clean
	return t.record(same)
}

// sorted lists what was added, by path.
func (t *tree) sorted() []entry {
	slices.SortFunc(t.entries, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	t.index = nil // the tree is complete
	return t.entries
}

// listingDigest hashes the listing of entries sorted by path.
func listingDigest(entries []entry) (string, error) {
	var listing bytes.Buffer
	lines := json.NewEncoder(&listing)
	lines.SetEscapeHTML(false)
	for _, e := range entries {
		if err := lines.Encode(e); err != nil {
			return "", fmt.Errorf("list %s: %w", e.Path, err)
		}
	}
	return sha256Of(listing.Bytes()), nil
}

// writeError marks the errors of the disk, to tell them from those of the source.
type writeError struct{ io.Writer }

type diskError struct{ cause error }

func (e *diskError) Error() string { return e.cause.Error() }
func (e *diskError) Unwrap() error { return e.cause }

func (w writeError) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = &diskError{err}
	}
	return n, err
}

func unpackFailed(what, name string, cause error) error {
	if errors.Is(cause, fs.ErrExist) {
		return fmt.Errorf("cannot %s %q: the artifact holds another name that is the same on this file system (it may ignore case): %w",
			what, name, reasonOf(cause))
	}
	return failed(what, fmt.Sprintf("%q", name), cause)
}
