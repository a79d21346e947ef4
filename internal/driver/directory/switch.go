package directory

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// state is what a deployment finds.
type state struct {
	current  link
	finished bool // the deployment's own after_deploy was the last that ended well
}

func (p *siteDir) state() (state, error) {
	current, err := p.readLink("current")
	if err != nil {
		return state{}, err
	}
	last, err := p.root.ReadFile(finishedName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return state{}, failed("read", p.at(finishedName), err)
	}
	return state{current: current, finished: strings.TrimSpace(string(last)) == p.release}, nil
}

func (p *siteDir) finish() error { return p.write(finishedName, []byte(p.release+"\n")) }

func (p *siteDir) unfinish() error { return p.remove(finishedName) }

func (p *siteDir) remove(name string) error {
	err := p.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return failed("remove", p.at(name), err)
	}
	return p.syncDirectory(".")
}

// install moves the built release from staging to the releases. One of the same deployment that is no longer whole makes room.
func (p *siteDir) install() error {
	built := path.Join(stagingName, p.id)
	err := p.root.Rename(p.link(), built+".broken")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("move away the changed release", p.at(p.link()), err)
	}
	if err := p.root.Rename(built, p.link()); err != nil {
		return failed("put the release in place at", p.at(p.link()), err)
	}
	return p.syncDirectory(releasesName)
}

// recordPrevious notes where to go back to, in a link so that it outlasts a crash.
func (p *siteDir) recordPrevious(current link) error {
	switch {
	case current.isLink:
		return p.point("previous", current.text)
	case current.exists:
		// Someone put a file or directory there. It is theirs: move it, never delete it.
		aside := "current.before-" + p.id
		if err := p.root.Rename("current", aside); err != nil {
			return failed("move aside what is not a link at", p.at("current"), err)
		}
	}
	return p.remove("previous")
}

// switchBack undoes the switch after a failed hook, and says so: its error is part of the failure's text.
func (p *siteDir) switchBack() error {
	const effects = "what after_deploy itself did to running processes is not undone"
	before, err := p.readLink("previous")
	switch {
	case err != nil:
	case !before.isLink:
		if err = p.remove("current"); err == nil {
			return fmt.Errorf("nothing was deployed here before, so current was removed; %s", effects)
		}
	default:
		if err = p.point("current", before.text); err == nil {
			return fmt.Errorf("current was switched back to %s; %s", before.text, effects)
		}
	}
	return fmt.Errorf("switching back failed too, so current may still point to the failed release %s: %w", p.link(), err)
}

// prune removes the oldest releases beyond those to keep, never the current or the previous one. The deployment is done by
// then, so what cannot be removed is only logged.
func (d *directoryDriver) prune(p *siteDir, keep int) {
	if keep == 0 {
		keep = delivery.DefaultKeep
	}
	old, err := p.oldReleases()
	if err != nil {
		d.log.Warn("cannot look for old releases", "directory", p.at(releasesName), "error", err)
		return
	}
	for _, name := range old[min(keep, len(old)):] {
		// Out of releases first: one that is half removed must not look like a release.
		gone := path.Join(stagingName, name+".old")
		err := p.root.Rename(path.Join(releasesName, name), gone)
		if err == nil {
			err = p.root.RemoveAll(gone)
		}
		if err != nil {
			d.log.Warn("cannot remove an old release", "release", p.at(path.Join(releasesName, name)), "error", err)
		}
	}
}

// oldReleases lists all but the current release: the previous one, then from the newest to the oldest.
func (p *siteDir) oldReleases() ([]string, error) {
	current, errCurrent := p.readLink("current")
	previous, errPrevious := p.readLink("previous")
	found, errFound := fs.ReadDir(p.root.FS(), releasesName)
	if err := errors.Join(errCurrent, errPrevious, errFound); err != nil {
		return nil, err
	}
	type old struct {
		name string
		at   time.Time
	}
	var all []old
	for _, entry := range found {
		if name := entry.Name(); name != current.release && name != previous.release {
			all = append(all, old{name, p.builtAt(name)})
		}
	}
	slices.SortFunc(all, func(a, b old) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.name, b.name)) })
	var names []string
	if previous.release != "" && previous.release != current.release {
		names = append(names, previous.release)
	}
	for _, one := range all {
		names = append(names, one.name)
	}
	return names, nil
}

// builtAt is when the release was built. One without a manifest is no whole release and counts as the oldest.
func (p *siteDir) builtAt(release string) time.Time {
	info, err := p.root.Lstat(path.Join(releasesName, release, manifestName))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
