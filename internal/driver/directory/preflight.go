package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// preflightTimeout bounds asking for one artifact that is fetched: a plan is waiting for the answer.
const preflightTimeout = 20 * time.Second

// Preflight implements driver.Preflighter. An artifact of this machine is hashed; of one that is fetched, only the first byte is asked
// for, so that planning costs no download: its digest is checked when it is deployed.
func (d *directoryDriver) Preflight(ctx context.Context, r driver.Request) error {
	for _, name := range slices.Sorted(maps.Keys(r.Artifacts)) {
		if err := d.preflight(ctx, r.Artifacts[name]); err != nil {
			return fmt.Errorf("artifact %q (%s): %w", name, shownURI(r.Artifacts[name].URI), err)
		}
	}
	return nil
}

func (d *directoryDriver) preflight(ctx context.Context, a delivery.Artifact) error {
	from, err := locate(a.URI)
	if err != nil {
		return err
	}
	if from.address != nil {
		limited, cancel := context.WithTimeout(ctx, preflightTimeout)
		defer cancel()
		return d.fetcher.reach(limited, from.address)
	}
	info, err := os.Stat(from.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &failure{"there is no such file or directory", err}
	case err != nil:
		return failed("read", from.path, err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return errNotRegular
	}
	got, err := digestOf(ctx, from.path)
	if err != nil {
		return err
	}
	return sameDigest(got, a.Digest)
}

// reach asks for the first byte of what the address answers. A signed address may allow GET and nothing else, so it is no HEAD.
func (f fetcher) reach(ctx context.Context, address *url.URL) error {
	response, _, err := f.get(ctx, address, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return err
	}
	return response.Body.Close()
}
