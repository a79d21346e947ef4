package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// preflightTimeout bounds asking for one artifact that is fetched: a plan is waiting for the answer.
const preflightTimeout = 20 * time.Second

// Copy writes the bytes of a file, or of what is fetched, and tells whether its owner may execute it, and how many bytes it has. What has
// more than most is an error.
func (f Fetcher) Copy(ctx context.Context, from Source, most int64, to io.Writer) (executable bool, n int64, err error) {
	if from.Remote() {
		n, err = f.fetch(ctx, from.address, most, to)
		return false, n, err
	}
	file, err := os.Open(from.Path)
	if err != nil {
		return false, 0, from.unreadable(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return false, 0, from.unreadable(err)
	}
	n, err = copyAtMost(most, to, Reader{ctx, file})
	return info.Mode()&0o100 != 0, n, err
}

func copyAtMost(most int64, to io.Writer, from io.Reader) (int64, error) {
	n, err := io.Copy(to, io.LimitReader(from, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("it has more than %s, the most that one artifact may have", Size(most))
	}
	return n, err
}

// Preflight tells whether the artifact is there, and is what the release says. One of this machine is hashed, a directory by the function
// that is given; of one that is fetched, only the first byte is asked for, so that planning costs no download: its digest is checked when
// it is deployed.
func (f Fetcher) Preflight(ctx context.Context, a delivery.Artifact, ofDirectory func(ctx context.Context, path string) (string, error)) error {
	from, err := Locate(a.URI)
	if err != nil {
		return err
	}
	if from.Remote() {
		limited, cancel := context.WithTimeout(ctx, preflightTimeout)
		defer cancel()
		return f.reach(limited, from)
	}
	info, err := from.Stat()
	if err != nil {
		return err
	}
	digest := FileDigest
	if info.IsDir() {
		digest = ofDirectory
	}
	got, err := digest(ctx, from.Path)
	if err != nil {
		return err
	}
	return Verify(got, a.Digest)
}

// reach asks for the first byte of what the address answers. A signed address may allow GET and nothing else, so it is no HEAD.
func (f Fetcher) reach(ctx context.Context, from Source) error {
	response, _, err := f.get(ctx, from.address, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// FileDigest hashes a file of this machine.
func FileDigest(ctx context.Context, name string) (digest string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return "", Source{Path: name}.unreadable(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, Reader{ctx, file}); err != nil {
		return "", Source{Path: name}.unreadable(err)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
