package worker

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// fixture is a small setup for one flow: a ledger, a driver, a checker, a clock, and any number of engines.
type fixture struct {
	t       *testing.T
	clock   *clock
	driver  *fakeDriver
	checker *fakeChecker
	ledger  store.Store
	ids     atomic.Int64
	*Engine
}

const (
	ann = "ann@example.com"
	bob = "bob@example.com"
	cid = "cid@example.com"
)

func newFixture(t *testing.T, change ...func(*engineOptions)) *fixture {
	h := &fixture{t: t, clock: newClock(), driver: newFakeDriver(), checker: newFakeChecker(), ledger: newMemory()}
	h.Engine = h.engine(change...)
	return h
}

// engine starts one more engine on the ledger.
func (h *fixture) engine(change ...func(*engineOptions)) *Engine {
	o := engineOptions{
		Store:    h.ledger,
		Drivers:  map[string]driver.Driver{"directory": h.driver},
		Checkers: map[string]check.Checker{"http": h.checker, "command": h.checker},
		Now:      h.clock.now,
		NewID:    func() string { return fmt.Sprintf("id-%d", h.ids.Add(1)) },
		Pause: func(ctx context.Context, d time.Duration) error {
			h.clock.move(d)
			return ctx.Err()
		},
		Secrets: secret.Func(func(_ context.Context, reference string) (string, error) { return "value of " + reference, nil }),
	}
	for _, f := range change {
		f(&o)
	}
	e := newEngine(o)
	h.t.Cleanup(e.end)
	return e
}

// declares puts environments and one pipeline, "shop", into the ledger.
func (h *fixture) declares(stages ...delivery.Stage) {
	h.t.Helper()
	for _, s := range stages {
		for _, env := range s.Environments {
			h.environment(env, func(*delivery.EnvironmentSpec) {})
		}
	}
	_, err := h.PutPipeline(h.t.Context(), ann, delivery.PipelineSpec{Name: "shop", Stages: stages})
	require.NoError(h.t, err)
}

func (h *fixture) environment(name string, edit func(*delivery.EnvironmentSpec)) {
	h.t.Helper()
	spec := delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther, Config: map[string]string{"LEVEL": "info"},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}}
	edit(&spec)
	_, err := h.PutEnvironment(h.t.Context(), ann, spec)
	require.NoError(h.t, err)
}

func stage(name string, promotion delivery.PromotionPolicy, environments ...string) delivery.Stage {
	return delivery.Stage{Name: name, Promotion: promotion, Environments: environments}
}

func verifying(s delivery.Stage) delivery.Stage {
	s.Verify = map[string]delivery.Check{"smoke": {Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{"smoke"}}}}}
	return s
}

func release(version string, attempt int) delivery.ReleaseRequest {
	return delivery.ReleaseRequest{Attempt: attempt, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: version,
		Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/" + version, Digest: "sha256:" + strings.Repeat(version[:1], 64)}},
		Source:    &delivery.Source{Revision: "r" + version, Author: ann}}}
}

// delivers puts a release and waits until it has come to rest.
func (h *fixture) delivers(version string, attempt int) delivery.Work {
	h.t.Helper()
	return h.deliversBy(h.Engine, version, attempt)
}

func (h *fixture) deliversBy(e *Engine, version string, attempt int) delivery.Work {
	h.t.Helper()
	ctx := context.Background()
	_, err := e.PutRelease(ctx, ann, release(version, attempt))
	require.NoError(h.t, err)
	state, err := e.WaitRelease(ctx, "shop", version, manyMoments)
	require.NoError(h.t, err)
	require.True(h.t, state.Work.Finished)
	return state.Work
}

func promotion(stage, version string, blocked delivery.WhenBlocked) delivery.PromotionSpec {
	return delivery.PromotionSpec{Pipeline: "shop", Stage: stage, Version: version, WhenBlocked: blocked, Attempt: 1}
}

// promotes puts a promotion and waits until it has come to rest.
func (h *fixture) promotes(spec delivery.PromotionSpec) (delivery.PromotionState, error) {
	h.t.Helper()
	if _, err := h.PutPromotion(context.Background(), bob, spec); err != nil {
		return delivery.PromotionState{}, err
	}
	return h.WaitPromotion(context.Background(), spec.Pipeline, spec.Stage, spec.Version, manyMoments)
}

// observes looks at what runs, for all that is read afterwards.
func (h *fixture) observes() {
	h.t.Helper()
	_, err := h.Refresh(h.t.Context(), ann, delivery.RefreshRequest{Pipelines: []string{"shop"}})
	require.NoError(h.t, err)
}

func (h *fixture) approves(who, stage, version string) {
	h.t.Helper()
	_, err := h.decides(who, delivery.ApprovalSpec{Pipeline: "shop", Stage: stage, Version: version, Decision: delivery.Approve})
	require.NoError(h.t, err)
}

// decides records a decision on what would be delivered now.
func (h *fixture) decides(who string, spec delivery.ApprovalSpec) (delivery.Approval, error) {
	spec.Content = h.contentOf(spec.Pipeline, spec.Version, spec.Stage)
	return h.AddApproval(h.t.Context(), who, spec)
}

// contentOf is what a decision names that is about what would be delivered now; empty if there is no such release or stage.
func (e *Engine) contentOf(pipeline, version, stage string) string {
	request, err := e.ApprovalRequest(context.Background(), pipeline, version, stage, delivery.Approve)
	if err != nil {
		return ""
	}
	return delivery.ShortContent(request.ContentDigest)
}

// deployments tells everything that was deployed, one line each: version, environment, kind, status.
func (h *fixture) deployments() []string {
	h.t.Helper()
	all, err := h.Deployments(h.t.Context(), store.DeploymentFilter{})
	require.NoError(h.t, err)
	lines := make([]string, len(all))
	for i, d := range all {
		lines[len(all)-1-i] = fmt.Sprintf("%s to %s: %s %s", d.Content.Version, d.Environment, d.Kind, d.Status)
	}
	return lines
}

// log tells the events after the first n, one line each.
func (h *fixture) log(n int) []string {
	h.t.Helper()
	events, err := h.Events(h.t.Context(), int64(n), 10_000)
	require.NoError(h.t, err)
	lines := []string{}
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("%s %s by %s", e.Kind, e.Subject, e.Actor))
	}
	return lines
}

func requireRefusal(t *testing.T, err error, code delivery.Code, words string) {
	t.Helper()
	require.ErrorContains(t, err, words)
	require.Equal(t, code, delivery.CodeOf(err), "%v", err)
}

// renamed gives deployments the names D1, D2 and so on, in the order in which they were made.
func (h *fixture) renamed(lines []string) []string {
	h.t.Helper()
	all, err := h.Deployments(h.t.Context(), store.DeploymentFilter{})
	require.NoError(h.t, err)
	renamed := []string{}
	for _, line := range lines {
		for _, d := range all {
			line = strings.Replace(line, " "+d.ID+" ", fmt.Sprintf(" D%d ", d.Seq), 1)
		}
		renamed = append(renamed, line)
	}
	return renamed
}
