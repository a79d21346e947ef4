package worker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Preflight misses the artifacts of versions that are gone, where a rollback would need them. What is deployed finds its own.
func (p *fakeDriver) Preflight(_ context.Context, r driver.Request) error {
	if r.Receipt != "" && p.lost(r.Version) {
		return errors.New("its artifacts are gone")
	}
	return nil
}

func (p *fakeDriver) lost(version string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone[version]
}

// Preflight asks the driver: nothing is touched by that.
func (d crashingDriver) Preflight(ctx context.Context, r driver.Request) error {
	if looks, ok := d.Driver.(driver.Preflighter); ok {
		return looks.Preflight(ctx, r)
	}
	return nil
}

// lose takes the artifacts of a version away, or brings them back.
func (u *simulation) lose() {
	version := versions[u.pick(len(versions))]
	u.driver.mu.Lock()
	u.driver.gone[version] = !u.driver.gone[version]
	u.driver.mu.Unlock()
	u.note("artifacts of %s gone: %v", version, u.driver.lost(version))
}

// saysIrreversible reports whether a refusal is about a delivery that could not be undone: a plan says that of all stages together, and an
// apply of the first that is in its way.
func saysIrreversible(refusal string) bool {
	return strings.Contains(refusal, "Move first, deliver then") || strings.Contains(refusal, "it could not be rolled back")
}

// irreversible reports whether a deployment takes the place of a version that could not come back: its artifacts are gone.
func (s setup) irreversible(stage delivery.Stage, d delivery.Deployment) bool {
	if stage.OnFailure == delivery.Halt || d.Content.Target == nil {
		return false
	}
	runs, ok := last(s.history(d.Pipeline, d.Environment), ranWell)
	if !ok || runs.Content.Target == nil || text(runs.Content) == text(d.Content) || !s.oracle.driver.lost(runs.Content.Version) {
		return false
	}
	// What broke is not gone back to.
	return !slices.ContainsFunc(s.inStage(runs), func(o delivery.Deployment) bool { return o.Content.Version == runs.Content.Version && broke(o) })
}
