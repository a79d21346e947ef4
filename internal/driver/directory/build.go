package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// syncers is how many files are synced at a time: file systems commit syncs that come together at once.
const syncers = 16

// build makes the whole release in staging, on disk for good, and returns its manifest's digest. After a failure nothing of it is
// left.
func (d *directoryDriver) build(ctx context.Context, p *siteDir, r driver.Request) (digest string, err error) {
	building := path.Join(stagingName, p.id)
	if err := p.root.Mkdir(building, 0o755); err != nil {
		return "", failed("create the directory", p.at(building), err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, failed("remove", p.at(building), p.root.RemoveAll(building)))
		}
	}()
	release, err := p.root.OpenRoot(building)
	if err != nil {
		return "", failed("open the directory", p.at(building), err)
	}
	defer release.Close()
	if err := release.Chmod(".", 0o755); err != nil {
		return "", failed("set the mode of", p.at(building), err)
	}
	entries, err := d.fill(ctx, p, release, r)
	if err != nil {
		return "", err
	}
	d.reached(stepUnpacked)
	if digest, err = d.describe(p, release, r, entries); err != nil {
		return "", err
	}
	return digest, syncAll(ctx, p, release, entries)
}

// fill brings the content into the release: a rollback's from the earlier release that was kept, else from the artifacts.
func (d *directoryDriver) fill(ctx context.Context, p *siteDir, release *os.Root, r driver.Request) (entries []entry, err error) {
	if r.Earlier == "" {
		return d.fillAll(ctx, p, release, r)
	}
	kept, notKept := d.kept(ctx, p, r)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case notKept != nil:
		if entries, err = d.fillAll(ctx, p, release, r); err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w; and %w", err, notKept)
		}
		return entries, err
	}
	defer func() { err = errors.Join(err, kept.root.Close()) }()
	return d.fillFrom(ctx, kept, release)
}

// fillAll brings all artifacts into the release.
func (d *directoryDriver) fillAll(ctx context.Context, p *siteDir, release *os.Root, r driver.Request) ([]entry, error) {
	shared := &budget{limits: d.limits}
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(r.Artifacts)) {
		released := r.Artifacts[name]
		below := ""
		if len(r.Artifacts) > 1 {
			below = name
			entries = append(entries, entry{Path: name, Kind: kindDirectory})
		}
		added, err := d.fillOne(p, release, below, shared, func(t *tree) error {
			if err := d.put(ctx, p, t, name, released); err != nil {
				return err
			}
			return t.requireFile()
		})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, fmt.Errorf("artifact %q (%s): %w", name, artifact.Shown(released.URI), err)
		}
		for _, e := range added {
			e.Path = path.Join(below, e.Path)
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}

// fillOne brings one artifact into the release, or into its own directory below it.
func (d *directoryDriver) fillOne(p *siteDir, release *os.Root, below string, shared *budget, put func(*tree) error) ([]entry, error) {
	dir := release
	if below != "" {
		if !identifier.MatchString(below) {
			return nil, errors.New("its name cannot be part of a path")
		}
		if err := release.Mkdir(below, 0o755); err != nil {
			return nil, failed("create the directory", p.at(below), err)
		}
		sub, err := release.OpenRoot(below)
		if err != nil {
			return nil, failed("open the directory", p.at(below), err)
		}
		defer sub.Close()
		if err := sub.Chmod(".", 0o755); err != nil {
			return nil, failed("set the mode of", p.at(below), err)
		}
		dir = sub
	}
	t := newTree(dir, shared, d.diskWriter)
	t.reserved = below == ""
	if err := put(t); err != nil {
		return nil, err
	}
	return t.sorted(), nil
}

// describe writes what the driver itself adds to a release.
func (d *directoryDriver) describe(p *siteDir, release *os.Root, r driver.Request, entries []entry) (digest string, err error) {
	text, err := manifest{About: aboutOf(r), Entries: entries}.text()
	if err != nil {
		return "", err
	}
	if most := d.limits.manifestBytes(); len(text) > most {
		return "", fmt.Errorf("the list of the release's files has more than %s; deploy fewer files, or shorter names", artifact.Size(int64(most)))
	}
	files := map[string][]byte{manifestName: text, configName: renderEnv(r.Config)}
	if len(r.Secrets) > 0 {
		files[secretsName] = renderEnv(r.Secrets)
	}
	for name, content := range files {
		if err := writePrivate(release, name, content); err != nil {
			return "", failed("write", p.at(path.Join(stagingName, p.id, name)), err)
		}
	}
	return sha256Of(text), nil
}

// syncAll waits until the disk has the release: once it is among the releases, it is whole.
func syncAll(ctx context.Context, p *siteDir, release *os.Root, entries []entry) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(syncers)
	for _, e := range entries {
		if e.Kind != kindFile {
			continue
		}
		all.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := release.OpenFile(e.Path, openToSync, 0)
			if err != nil {
				return failed("sync", fmt.Sprintf("%q", e.Path), err)
			}
			return failed("sync", fmt.Sprintf("%q", e.Path), errors.Join(f.Sync(), f.Close()))
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	building := path.Join(stagingName, p.id)
	for _, e := range entries {
		if e.Kind == kindDirectory {
			if err := p.syncDirectory(path.Join(building, e.Path)); err != nil {
				return err
			}
		}
	}
	return p.syncDirectory(building)
}
