package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

const manifestName = ".cd-manifest.json"

// isReserved reports whether a name at the top of a release is the driver's own. Some file systems ignore case.
func isReserved(name string) bool {
	return slices.Contains([]string{configName, secretsName, manifestName}, strings.ToLower(name))
}

// about is what a release is, by the request that made it.
type about struct {
	Format         int               `json:"format"`
	Deployment     string            `json:"deployment"`
	Pipeline       string            `json:"pipeline"`
	Stage          string            `json:"stage"`
	Environment    string            `json:"environment"`
	Version        string            `json:"version"`
	ReleaseDigest  string            `json:"release_digest"`
	ConfigRevision string            `json:"config_revision"`
	Artifacts      map[string]string `json:"artifacts"` // digest by name
	Secrets        []string          `json:"secrets"`   // names
}

// manifest is what was deployed. It depends on the request alone, not on time or place, and on no secret's value.
type manifest struct {
	About   about   `json:"about"`
	Entries []entry `json:"entries"` // sorted by path
}

func aboutOf(r driver.Request) about {
	a := about{
		Format: 1, Deployment: r.ID, Pipeline: r.Pipeline, Stage: r.Stage, Environment: r.Environment, Version: r.Version,
		ReleaseDigest: r.Digest, ConfigRevision: r.ConfigRevision, Artifacts: map[string]string{}, Secrets: []string{},
	}
	for name, artifact := range r.Artifacts {
		a.Artifacts[name] = artifact.Digest
	}
	a.Secrets = append(a.Secrets, r.SecretNames...)
	return a
}

func (m manifest) text() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return append(text, '\n'), nil
}

// readManifest returns the manifest and its digest.
func readManifest(release *os.Root, limits Limits) (manifest, string, error) {
	text, err := readSmall(release, manifestName, limits.manifestBytes())
	if err != nil {
		return manifest{}, "", err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return manifest{}, sha256Of(text), fmt.Errorf("it is no manifest: %w", err)
	}
	return m, sha256Of(text), nil
}

func readSmall(root *os.Root, name string, most int) ([]byte, error) {
	f, _, err := openRegular(root, name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("it has more than %s", artifact.Size(int64(most)))
	}
	return text, errors.Join(err, f.Close())
}

// holdsWhole reports whether the release was put in place by an earlier attempt and is still as it was built.
func (p *siteDir) holdsWhole(ctx context.Context, r driver.Request, limits Limits) (digest string, whole bool, err error) {
	release, err := p.root.OpenRoot(p.link())
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, failed("open the directory", p.at(p.link()), err)
	}
	defer release.Close()
	m, digest, err := readManifest(release, limits)
	if err != nil || !reflect.DeepEqual(m.About, aboutOf(r)) {
		return "", false, nil // broken, so it is built again
	}
	differences, err := compare(ctx, release, m)
	if err != nil {
		return "", false, err
	}
	differences = append(differences, compareConfig(release, r.Config, r.Mask())...)
	return digest, len(differences) == 0, nil
}

// finding is one difference, or one thing that could not be looked at for lack of permission: nobody knows then.
type finding struct {
	text   string
	hidden bool
}

func foundf(format string, args ...any) finding { return finding{text: fmt.Sprintf(format, args...)} }

func unreadable(what string, err error) finding {
	return finding{text: fmt.Sprintf("%s cannot be read: %v", what, reasonOf(err)), hidden: errors.Is(err, fs.ErrPermission)}
}

// compare says how a release differs from its manifest. Its error is for ctx alone.
func compare(ctx context.Context, release *os.Root, m manifest) ([]finding, error) {
	found := make([]finding, len(m.Entries))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(8, runtime.GOMAXPROCS(0)*2, len(m.Entries)) {
		workers.Go(func() {
			buffer := make([]byte, 128<<10)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(m.Entries) {
					return
				}
				found[i] = difference(ctx, release, m.Entries[i], buffer)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(f finding) bool { return f.text == "" }), nil
}

// difference says how one entry differs; its text is empty when it does not. The content is always read: size and time can be forged, by accident too.
func difference(ctx context.Context, release *os.Root, e entry, buffer []byte) finding {
	info, err := release.Lstat(e.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return foundf("%s %s is missing", e.Kind, e.Path)
	case err != nil:
		return unreadable(e.Kind+" "+e.Path, err)
	case kindOf(info.Mode()) != e.Kind:
		return foundf("%s is a %s; deployed was a %s", e.Path, kindOf(info.Mode()), e.Kind)
	case e.Kind == kindLink:
		target, err := release.Readlink(e.Path)
		if err != nil || slashed(target) != e.Link {
			return foundf("link %s points to %s; deployed was %s", e.Path, target, e.Link)
		}
		return finding{}
	case e.Kind != kindFile:
		return finding{}
	case e.Size == nil || info.Size() != *e.Size:
		return foundf("file %s was changed", e.Path)
	}
	if hasModes {
		if mode := permissions(info.Mode()); modeText(mode) != e.Mode {
			return foundf("file %s has mode %s; deployed was %s", e.Path, octal(info.Mode()), e.Mode)
		}
	}
	return contentDifference(ctx, release, e, buffer)
}

func contentDifference(ctx context.Context, release *os.Root, e entry, buffer []byte) finding {
	f, _, err := openRegular(release, e.Path)
	if err != nil {
		return unreadable("file "+e.Path, err)
	}
	hash := sha256.New()
	_, err = io.CopyBuffer(hash, artifact.Reader{Context: ctx, From: f}, buffer)
	if err = errors.Join(err, f.Close()); err != nil {
		return unreadable("file "+e.Path, err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != e.SHA256 {
		return foundf("file %s was changed", e.Path)
	}
	return finding{}
}

func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return kindFile
	case fs.ModeDir:
		return kindDirectory
	case fs.ModeSymlink:
		return kindLink
	}
	return "device or pipe"
}

// octal writes a mode as chmod takes it, with setuid, setgid and sticky in front.
func octal(mode fs.FileMode) string {
	special := 0
	for bit, value := range map[fs.FileMode]int{fs.ModeSetuid: 4, fs.ModeSetgid: 2, fs.ModeSticky: 1} {
		if mode&bit != 0 {
			special += value
		}
	}
	return fmt.Sprintf("%d%03o", special, mode.Perm())
}

// replaceSecrets writes the secrets as they are now, atomically.
func (p *siteDir) replaceSecrets(secrets map[string]string) error {
	name := path.Join(p.link(), secretsName)
	if len(secrets) == 0 {
		return p.remove(name)
	}
	return p.write(name, renderEnv(secrets))
}
