package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// A rollback takes the earlier content from the release that was kept below releases, if it is still what was deployed then: the receipt in
// the ledger has the digest of its manifest, and the manifest those of its files. So the artifacts need not be there anymore, and a rollback
// downloads nothing.

// keptRelease is an earlier release that is still in place.
type keptRelease struct {
	root     *os.Root
	manifest manifest
	at       string
}

// Keeps implements driver.Keeper.
func (d *directoryDriver) Keeps(ctx context.Context, r driver.Request) error {
	if r.Target.Directory == nil {
		return errors.New("the directory driver was given a target of another kind")
	}
	p, err := openSiteDir(r)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s keeps no copy: it does not exist", path.Join(r.Target.Directory.Path, r.Pipeline))
	}
	if err != nil {
		return err
	}
	defer p.close()
	kept, err := d.kept(ctx, p, r)
	if err != nil {
		return err
	}
	return kept.root.Close()
}

// kept opens the earlier release that the request names, if it is whole.
func (d *directoryDriver) kept(ctx context.Context, p *siteDir, r driver.Request) (*keptRelease, error) {
	var left receipt
	if err := json.Unmarshal([]byte(r.Earlier), &left); err != nil || left.Manifest == "" || !identifier.MatchString(left.Release) {
		return nil, fmt.Errorf("%s keeps no copy of it", p.at(releasesName))
	}
	name := path.Join(releasesName, left.Release)
	root, err := p.root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s keeps no copy of it: %s is gone", p.at(releasesName), left.Release)
	}
	if err != nil {
		return nil, failed("open the directory", p.at(name), err)
	}
	m, digest, err := readManifest(root, d.limits)
	switch {
	case err != nil:
		err = fmt.Errorf("the copy %s has no manifest that can be read: %w", p.at(name), reasonOf(err))
	case digest != left.Manifest || !m.brings(r):
		err = fmt.Errorf("the copy %s is not what was deployed: its manifest was changed", p.at(name))
	default:
		err = whole(ctx, root, m, p.at(name))
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &keptRelease{root, m, p.at(name)}, nil
}

// brings reports whether a release was made of the artifacts that a request names.
func (m manifest) brings(r driver.Request) bool {
	return m.About.Pipeline == r.Pipeline && maps.Equal(m.About.Artifacts, aboutOf(r).Artifacts)
}

// whole says how a copy differs from its manifest.
func whole(ctx context.Context, root *os.Root, m manifest, at string) error {
	found, err := compare(ctx, root, m)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("the copy %s is not what was deployed: %s", at, found[0].text)
	}
	return err
}

// fillFrom copies what an earlier release has from its artifacts. What it copies must be what the manifest says, also if someone changes the
// release meanwhile.
func (d *directoryDriver) fillFrom(ctx context.Context, kept *keptRelease, release *os.Root) ([]entry, error) {
	t := newTree(release, &budget{limits: d.limits}, d.diskWriter)
	for _, e := range kept.manifest.Entries {
		if err := copyKept(ctx, t, kept.root, e); err != nil {
			return nil, fmt.Errorf("the copy %s: %w", kept.at, err)
		}
	}
	entries := t.sorted()
	if !reflect.DeepEqual(entries, kept.manifest.Entries) {
		return nil, fmt.Errorf("the copy %s was changed while it was read; apply again", kept.at)
	}
	return entries, nil
}

func copyKept(ctx context.Context, t *tree, root *os.Root, e entry) error {
	switch e.Kind {
	case kindDirectory:
		return t.directory(e.Path)
	case kindLink:
		return t.link(e.Path, e.Link)
	}
	f, _, err := openRegular(root, e.Path)
	if err != nil {
		return failed("read", fmt.Sprintf("%q", e.Path), err)
	}
	return errors.Join(t.file(e.Path, e.Mode == modeText(0o755), artifact.Reader{Context: ctx, From: f}), f.Close())
}
