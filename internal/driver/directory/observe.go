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
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

const (
	maxDifferences = 100
	maxEnvBytes    = 700 << 20 // delivery's limits on keys and values, all quoted
)

// receipt recognizes a release: its name and its manifest's digest.
type receipt struct {
	Release  string `json:"release"`
	Manifest string `json:"manifest"`
}

func (r receipt) String() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("directory: marshalling two strings: %v", err))
	}
	return string(text)
}

// Observe implements driver.Driver.
func (d *directoryDriver) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	if err := ctx.Err(); err != nil {
		return delivery.Observation{}, err
	}
	if err := check(r); err != nil {
		return unknown("%v", err), nil
	}
	var left receipt
	if err := json.Unmarshal([]byte(r.Receipt), &left); err != nil || left.Manifest == "" {
		return unknown("the deployment's receipt is missing or broken, so there is nothing to compare with; deploy again"), nil
	}
	p, err := openSiteDir(r)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nothing("%s does not exist", path.Join(r.Target.Directory.Path, r.Pipeline)), nil
	case err != nil:
		return unknown("%v", err), nil
	}
	defer p.close()
	if err := foreign(r); err != nil {
		return unknown("%v", err), nil
	}
	seen, err := d.look(ctx, p, r, left)
	if err != nil {
		return delivery.Observation{}, err
	}
	mask := r.Mask()
	seen.Version, seen.Unknown = mask.Mask(seen.Version), mask.Mask(seen.Unknown)
	for i := range seen.Differences {
		seen.Differences[i] = mask.Mask(seen.Differences[i])
	}
	slices.Sort(seen.Differences)
	if more := len(seen.Differences) - maxDifferences; more > 0 {
		seen.Differences = append(seen.Differences[:maxDifferences], fmt.Sprintf("… and %d more", more))
		slices.Sort(seen.Differences)
	}
	return seen, nil
}

func unknown(format string, args ...any) delivery.Observation {
	return delivery.Observation{Unknown: fmt.Sprintf(format, args...)}
}

func nothing(format string, args ...any) delivery.Observation {
	return delivery.Observation{Differences: []string{fmt.Sprintf(format, args...)}}
}

func (d *directoryDriver) look(ctx context.Context, p *siteDir, r driver.Request, left receipt) (delivery.Observation, error) {
	current, err := p.readLink("current")
	switch {
	case err != nil:
		return unknown("%v", err), nil
	case !current.exists:
		return nothing("%s does not exist", p.at("current")), nil
	case !current.isLink:
		return differs("", "%s is no longer a link to a release", p.at("current")), nil
	case current.release == "":
		return differs("", "current points to %s, which is no release; deployed was %s", current.text, left.Release), nil
	}
	release, err := p.root.OpenRoot(path.Join(releasesName, current.release))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nothing("current points to %s, which does not exist", current.text), nil
	case err != nil:
		return unknown("%v", failed("open the directory", p.at(path.Join(releasesName, current.release)), err)), nil
	}
	defer release.Close()
	m, digest, err := readManifest(release, d.limits)
	switch {
	case current.release != left.Release && err == nil:
		return differs(m.About.Version, "current points to version %s of deployment %s, not to version %s of deployment %s",
			m.About.Version, m.About.Deployment, r.Version, r.ID), nil
	case current.release != left.Release:
		return differs("", "current points to %s, not to %s", current.text, left.Release), nil
	case errors.Is(err, fs.ErrPermission):
		return unknown("%v", failed("read", p.at(path.Join(p.link(), manifestName)), err)), nil
	case err != nil:
		return differs(r.Version, "the manifest %s is missing or broken: %v", manifestName, reasonOf(err)), nil
	}
	found, err := compare(ctx, release, m)
	if err != nil {
		return delivery.Observation{}, err
	}
	if digest != left.Manifest {
		found = append(found, foundf("the manifest %s was changed", manifestName))
	}
	found = append(found, compareConfig(release, r.Config, r.Mask())...)
	found = append(found, compareSecrets(release, r.SecretNames)...)
	return conclude(m.About.Version, found), nil
}

// conclude tells a place that differs from one that could not be looked at: one sure difference settles it.
func conclude(version string, found []finding) delivery.Observation {
	seen := delivery.Observation{Running: true, Version: version}
	var hidden []string
	for _, f := range found {
		if f.hidden {
			hidden = append(hidden, f.text)
		} else {
			seen.Differences = append(seen.Differences, f.text)
		}
	}
	if len(seen.Differences) == 0 && len(hidden) > 0 {
		return unknown("%s; run Terraform as the user who deploys", hidden[0])
	}
	return seen
}

func differs(version, format string, args ...any) delivery.Observation {
	return delivery.Observation{Running: true, Version: version, Differences: []string{fmt.Sprintf(format, args...)}}
}

// compareConfig says how .env differs from the configuration. Values that were deployed and what became of them may be shown;
// not so what someone added: it may be a secret.
func compareConfig(release *os.Root, config map[string]string, mask *redact.Masker) []finding {
	text, problem := readEnv(release, configName)
	if problem.text != "" {
		return []finding{problem}
	}
	if string(text) == string(renderEnv(config)) {
		return nil
	}
	now, err := parseEnv(string(text))
	if err != nil {
		return []finding{foundf("%s was changed: %v", configName, err)}
	}
	var found []finding
	for _, key := range slices.Sorted(maps.Keys(config)) {
		value, ok := now[key]
		switch {
		case !ok:
			found = append(found, foundf("%s: %s is missing", configName, key))
		case value != config[key]:
			found = append(found, foundf("%s: %s is %q; deployed was %q", configName, key,
				shortened(mask.Mask(value)), shortened(mask.Mask(config[key]))))
		}
	}
	for _, key := range added(now, config) {
		found = append(found, foundf("%s: %s was added", configName, key))
	}
	if len(found) == 0 {
		found = append(found, foundf("%s was changed, though its values are the same", configName))
	}
	return found
}

// compareSecrets compares names only: values are nowhere to compare with.
func compareSecrets(release *os.Root, names []string) []finding {
	if len(names) == 0 {
		return nil
	}
	text, problem := readEnv(release, secretsName)
	if problem.text != "" {
		return []finding{problem}
	}
	now, err := parseEnv(string(text))
	if err != nil {
		return []finding{foundf("%s was changed: %v", secretsName, err)}
	}
	expected := map[string]string{}
	var found []finding
	for _, name := range names {
		expected[name] = ""
		if _, ok := now[name]; !ok {
			found = append(found, foundf("%s: %s is missing", secretsName, name))
		}
	}
	for _, key := range added(now, expected) {
		found = append(found, foundf("%s: %s was added", secretsName, key))
	}
	return found
}

func added(now, before map[string]string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if _, ok := before[key]; !ok {
			keys = append(keys, shortened(key))
		}
	}
	return keys
}

// readEnv reads one of the two files, or says what is wrong with it.
func readEnv(release *os.Root, name string) (text []byte, problem finding) {
	info, err := release.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, foundf("%s is missing", name)
	case err != nil:
		return nil, unreadable(name, err)
	case !info.Mode().IsRegular():
		return nil, foundf("%s is no longer a regular file", name)
	case hasModes && permissions(info.Mode()) != 0o600:
		return nil, foundf("%s has mode %s; deployed was 0600", name, octal(info.Mode()))
	}
	text, err = readSmall(release, name, maxEnvBytes)
	if err != nil {
		return nil, unreadable(name, err)
	}
	return text, finding{}
}
