package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Options are what a caller may change. The zero value is right for production.
type Options struct {
	Limits    Limits            // zero fields take the defaults
	Transport http.RoundTripper // for https:// artifacts; nil means Go's default, proxies from the environment
	// FetchPause comes before the second try to fetch an artifact, and is doubled before each further one; zero means artifact.Pause.
	FetchPause time.Duration
	KillNow    <-chan struct{} // once closed, an after_deploy that was asked to end is killed at once; nil means never
	Logger     *slog.Logger    // for what is worth knowing but fails nothing; nil means silence
}

// New returns the driver of target.directory.
func New(o Options) driver.Driver { return newDriver(o) }

func newDriver(o Options) *directoryDriver {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FetchPause == 0 {
		o.FetchPause = artifact.Pause
	}
	return &directoryDriver{
		limits:     o.Limits.orDefaults(),
		fetcher:    artifact.New(o.Transport, o.FetchPause),
		killNow:    o.KillNow,
		log:        o.Logger,
		reached:    func(step) {},
		diskWriter: func(w io.Writer) io.Writer { return w },
	}
}

type directoryDriver struct {
	limits  Limits
	fetcher artifact.Fetcher
	killNow <-chan struct{}
	log     *slog.Logger

	// The rest is for tests: to die at a step, and to have a disk that fills up.
	reached    func(step)
	diskWriter func(io.Writer) io.Writer
}

// step is a point of a deployment after which a crash leaves another state behind.
type step string

const (
	stepStaged    step = "staged"    // an artifact's bytes are here and have the right digest
	stepUnpacked  step = "unpacked"  // all artifacts are
	stepBuilt     step = "built"     // the release is whole, in staging
	stepInstalled step = "installed" // it is among the releases
	stepRecorded  step = "recorded"  // previous says where to go back to
	stepSwitched  step = "switched"  // current points to it
	stepHooked    step = "hooked"    // after_deploy ended well
	stepFinished  step = "finished"  // and that is written down
)

// identifier is what a deployment's id may be, being part of a path: one that no file system treats specially.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$`)

func check(r driver.Request) error {
	if r.Target.Directory == nil {
		return errors.New("the directory driver was given a target of another kind")
	}
	for what, name := range map[string]string{"deployment": r.ID, "pipeline": r.Pipeline, "version": r.Version} {
		if !identifier.MatchString(name) {
			return fmt.Errorf("%s %q cannot be part of a path: use letters, digits, dots, hyphens, underscores and plus signs", what, name)
		}
	}
	return nil
}

// Deploy implements driver.Driver.
func (d *directoryDriver) Deploy(ctx context.Context, r driver.Request) (result driver.Result, err error) {
	if err := errors.Join(ctx.Err(), check(r)); err != nil {
		return driver.Result{}, err
	}
	p, err := makeSiteDir(ctx, r)
	if err != nil {
		return driver.Result{}, err
	}
	defer p.close()
	unlock, err := p.lock(ctx)
	if err != nil {
		return driver.Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	// With the lock held, whatever is in staging was left by a deployment that died.
	d.cleanStaging(p)
	defer d.cleanStaging(p)
	digest, err := d.deploy(ctx, p, r)
	if err != nil {
		return driver.Result{}, err
	}
	return driver.Result{Receipt: receipt{Release: p.release, Manifest: digest}.String()}, nil
}

// deploy returns the manifest's digest.
func (d *directoryDriver) deploy(ctx context.Context, p *siteDir, r driver.Request) (string, error) {
	before, err := p.state()
	if err != nil {
		return "", err
	}
	digest, whole, err := p.holdsWhole(ctx, r, d.limits)
	if err != nil {
		return "", err
	}
	if whole && before.finished && before.current.release == p.release {
		return digest, nil
	}
	if digest, err = d.install(ctx, p, r, digest, whole); err != nil {
		return "", err
	}
	d.reached(stepInstalled)
	if err := d.switchTo(p, before); err != nil {
		return "", err
	}
	d.reached(stepSwitched)
	if err := d.afterDeploy(ctx, p, r); err != nil {
		return "", errors.Join(err, p.switchBack())
	}
	d.reached(stepHooked)
	if err := p.finish(); err != nil {
		return "", err
	}
	d.reached(stepFinished)
	d.prune(p, r.Target.Directory.Keep)
	return digest, nil
}

// install puts the release in place, or completes one that an earlier attempt left whole: its secrets may have changed since.
func (d *directoryDriver) install(ctx context.Context, p *siteDir, r driver.Request, digest string, whole bool) (string, error) {
	if whole {
		return digest, p.replaceSecrets(r.Secrets)
	}
	digest, err := d.build(ctx, p, r)
	if err != nil {
		return "", err
	}
	d.reached(stepBuilt)
	return digest, p.install()
}

// switchTo points current to the release. Until finish, nothing counts as finished: a hook is about to change what runs.
func (d *directoryDriver) switchTo(p *siteDir, before state) error {
	// An interrupted attempt has switched already; what it came from is in previous.
	if before.current.release != p.release || before.finished {
		if err := p.recordPrevious(before.current); err != nil {
			return err
		}
	}
	if err := p.unfinish(); err != nil {
		return err
	}
	d.reached(stepRecorded)
	if err := p.point("current", p.link()); err != nil {
		return errors.Join(err, p.switchBack())
	}
	return nil
}

func sha256Of(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
