package acctest_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// The people of the attempts: alice and bob approve, carol could too, dave wrote the release, rita registered it.
const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	carol = "carol@example.com"
	dave  = "dave@example.com"
	rita  = "rita@example.com"
)

// version is the release that every attempt tries to get into production.
const version = "1.0.0"

// soaking is how long the release has to run in staging.
const soaking = 30 * time.Minute

// rules are declarations in which production has a gate of every kind.
type rules struct {
	environments []delivery.EnvironmentSpec // in addition to staging and production
	staging      delivery.EnvironmentSpec
	prod         delivery.EnvironmentSpec
	pipeline     delivery.PipelineSpec
	policy       delivery.PolicySpec
	release      delivery.ReleaseSpec // the template of all releases
	signed       bool                 // approvals need a signature
}

func (r *rules) stage() *delivery.Stage { return &r.pipeline.Stages[1] }

func (r *rules) gates() *delivery.Gates { return &r.stage().Gates }

// strict returns the rules from which the attempts start. The harness's clock starts on a Monday at noon UTC.
func strict(dir, health string, artifact delivery.Artifact) rules {
	config := func(level string) map[string]string {
		return map[string]string{"LOG_LEVEL": level, "GREETING": "hello"}
	}
	target := func(name string) *delivery.Target {
		return &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(dir, "srv", name)}}
	}
	secrets := map[string]string{"PASSWORD": "file:" + filepath.Join(dir, "password")}
	return rules{
		staging: delivery.EnvironmentSpec{Name: "staging", Tier: delivery.TierStaging, Config: config("debug"), Secrets: secrets, Target: target("staging"),
			Parity: &delivery.Parity{With: "production", Allow: map[string]delivery.Allowance{
				"LOG_LEVEL": {Reason: "debug output while testing", Until: "2027-03-02T12:00:00Z"},
				"GREETING":  {Reason: "environments may greet differently"},
				"secrets.*": {Reason: "separate secrets"},
			}}},
		prod: delivery.EnvironmentSpec{Name: "production", Tier: delivery.TierProduction, Config: config("info"), Secrets: maps.Clone(secrets), Target: target("production")},
		pipeline: delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
			{Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Automatic, Overridable: []string{"soak"}},
			{Name: "production", Environments: []string{"production"}, Promotion: delivery.Manual, Overridable: []string{"freeze", "soak", "windows"},
				Gates: delivery.Gates{
					Approvals:   &delivery.ApprovalsGate{Required: 2, Approvers: []string{alice, bob, carol, dave, rita}, ExpiresAfter: "72h"},
					Tests:       map[string]delivery.TestsGate{"unit": {MaxAge: "48h"}},
					Soak:        &delivery.SoakGate{Stage: "staging", Duration: "30m"},
					Windows:     map[string]schedule.Window{"office": {Days: []string{"mon", "tue", "wed", "thu", "fri"}, Start: "09:00", End: "17:00"}},
					Cooldown:    &delivery.CooldownGate{Duration: "1h"},
					MaxDeploys:  &delivery.MaxDeploysGate{Count: 2, Per: "20h"},
					Parity:      &delivery.ParityGate{},
					Checks:      map[string]delivery.Check{"errors": {HTTP: &delivery.HTTPCheck{URL: health}}},
					Expressions: map[string]delivery.Expression{"ticket": {Condition: "release.labels['ticket'].startsWith('SHOP-')", Message: "a release names its ticket"}},
				}},
		}},
		policy: delivery.PolicySpec{Name: "guard", Tiers: []delivery.Tier{delivery.TierProduction}, Gates: delivery.Gates{
			Tests: map[string]delivery.TestsGate{"security": {}},
			Soak:  &delivery.SoakGate{Stage: "staging", Duration: "15m"},
		}},
		release: delivery.ReleaseSpec{Pipeline: "shop", Artifacts: map[string]delivery.Artifact{"app": artifact},
			Source: &delivery.Source{Revision: "3f2c", Author: dave}, Labels: map[string]string{"ticket": "SHOP-42"}},
	}
}

// copyOf returns a copy of an environment under another name, with its own target.
func copyOf(env delivery.EnvironmentSpec, name string) delivery.EnvironmentSpec {
	env.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(filepath.Dir(env.Target.Directory.Path), name)}}
	env.Name, env.Config = name, maps.Clone(env.Config)
	return env
}

// step is a part of the valid path to production.
type step string

const (
	delivered step = "delivered" // to staging
	tested    step = "tested"
	approved  step = "approved"
	soaked    step = "soaked"
)

// scenario is one attempt's control plane, and everything that happens on it.
type scenario struct {
	*testing.T
	h         *acctest.Harness
	rules     rules
	transport http.RoundTripper
	health    atomic.Pointer[http.HandlerFunc] // answers the check; nil: healthy

	version  string // the release that the attempt tries to get into production
	refusals []error
	pending  bool  // the promotion waits, which is not a refusal
	since    int64 // the last event before the attempt
	before   int   // number of deployments to production before the attempt
}

// open declares the rules on a new ledger.
func open(t *testing.T, h *acctest.Harness, edit func(*rules)) *scenario {
	t.Helper()
	sc := &scenario{T: t, h: h, version: version}
	world := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := sc.health.Load(); answer != nil {
			(*answer)(w, r)
		}
	}))
	t.Cleanup(world.Close)
	require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "password"), []byte("open sesame"), 0o600))
	transport, err := h.Open(t.Context())
	require.NoError(t, err)
	sc.transport, sc.rules = transport, strict(h.Dir, world.URL, page(t, h, "hello"))
	sc.declare(edit)
	return sc
}

// by returns a client that acts as somebody.
func (sc *scenario) by(actor string) *client.Client {
	return client.New(client.Config{Address: "http://embedded", Transport: sc.transport, Actor: actor, UserAgent: "test"})
}

// declare edits the rules and declares all of them.
func (sc *scenario) declare(edit func(*rules)) {
	sc.Helper()
	if edit != nil {
		edit(&sc.rules)
	}
	for _, spec := range append(slices.Clone(sc.rules.environments), sc.rules.prod, sc.rules.staging) {
		_, err := sc.by(rita).PutEnvironment(sc.Context(), spec)
		sc.must(err)
	}
	_, err := sc.by(rita).PutPolicy(sc.Context(), sc.rules.policy)
	sc.must(err)
	_, err = sc.by(rita).PutPipeline(sc.Context(), sc.rules.pipeline)
	sc.must(err)
}

func (sc *scenario) must(err error) {
	sc.Helper()
	require.NoError(sc, err)
}

// validPath takes all steps with the version, except those of without.
func (sc *scenario) validPath(without ...step) {
	sc.Helper()
	for _, s := range []struct {
		step
		do func()
	}{
		{delivered, func() { sc.must(sc.deliver(sc.version, 1)) }},
		{tested, func() { sc.test(sc.version, "unit"); sc.test(sc.version, "security") }},
		{approved, func() { sc.approveAll() }},
		{soaked, func() { sc.h.Clock.Advance(soaking) }},
	} {
		if !slices.Contains(without, s.step) {
			s.do()
		}
	}
}

// spec returns the release of a version.
func (sc *scenario) spec(version string) delivery.ReleaseSpec {
	spec := sc.rules.release
	spec.Version = version
	return spec
}

// deliver registers a release and carries it to staging. The error says why it did not get there.
func (sc *scenario) deliver(version string, attempt int) error {
	return sc.register(sc.spec(version), attempt)
}

func (sc *scenario) register(spec delivery.ReleaseSpec, attempt int) error {
	state, err := sc.by(rita).PutRelease(sc.Context(), delivery.ReleaseRequest{Spec: spec, Attempt: attempt})
	switch {
	case err != nil:
		return err
	case state.Work.Failure != nil:
		return delivery.Errors{state.Work.Failure}
	}
	return nil
}

const green = `<testsuite name="all" tests="1"><testcase name="works"/></testsuite>`

// test adds a report that a suite passed.
func (sc *scenario) test(version, suite string) delivery.TestReport {
	sc.Helper()
	return sc.report(version, suite, green)
}

func (sc *scenario) report(version, suite, junit string) delivery.TestReport {
	sc.Helper()
	return sc.reportFrom("", version, suite, junit)
}

// reportFrom adds a report of tests that ran in a stage.
func (sc *scenario) reportFrom(stage, version, suite, junit string) delivery.TestReport {
	sc.Helper()
	report, err := sc.by(rita).AddTestReport(sc.Context(), delivery.TestReportRequest{JUnit: junit,
		Spec: delivery.TestReportSpec{Pipeline: "shop", Version: version, Suite: suite, Stage: stage}})
	sc.must(err)
	return report
}

// approval returns an approval of the version for production, without a signature.
func (sc *scenario) approval(edit ...func(*delivery.ApprovalSpec)) delivery.ApprovalSpec {
	spec := delivery.ApprovalSpec{Pipeline: "shop", Version: sc.version, Stage: "production", Decision: delivery.Approve}
	for _, e := range edit {
		e(&spec)
	}
	if spec.Content == "" && spec.Signature == "" {
		spec.Content = sc.content(spec.Pipeline, spec.Version, spec.Stage)
	}
	return spec
}

// content is what a decision names that is about what would be delivered now; empty if there is no such release or stage.
func (sc *scenario) content(pipeline, version, stage string) string {
	found, err := sc.by(rita).Readiness(sc.Context(), pipeline, version, stage, time.Time{})
	if err != nil {
		return ""
	}
	return delivery.ShortContent(found.ContentDigest)
}

// leave gives a decision that is for another person to make: it is accepted, and nothing is decided.
func (sc *scenario) leave(who string, spec delivery.ApprovalSpec) {
	sc.Helper()
	left, err := sc.by(who).AddApproval(sc.Context(), spec)
	sc.must(err)
	if left.Status != delivery.ApprovalUndecided {
		sc.Fatalf("it is %s", left.Status)
	}
}

// approve approves as the rules require: with a signature, or as the actor.
func (sc *scenario) approve(who string) delivery.Approval {
	sc.Helper()
	spec := sc.approval()
	if sc.rules.signed {
		spec = sc.signedBy(who, who)
	}
	return sc.decide(who, spec)
}

func (sc *scenario) approveAll() {
	sc.Helper()
	sc.approve(alice)
	sc.approve(bob)
}

func (sc *scenario) decide(who string, spec delivery.ApprovalSpec) delivery.Approval {
	sc.Helper()
	given, err := sc.by(who).AddApproval(sc.Context(), spec)
	sc.must(err)
	return given
}

// tryToDecide makes a decision that must be refused.
func (sc *scenario) tryToDecide(who string, spec delivery.ApprovalSpec) {
	sc.Helper()
	_, err := sc.by(who).AddApproval(sc.Context(), spec)
	sc.refused(err)
}

// rejectedActor makes a decision in a name that nobody may act under. It cannot be in the log: the log names who acted.
func (sc *scenario) rejectedActor(who string, spec delivery.ApprovalSpec) {
	sc.Helper()
	_, err := sc.by(who).AddApproval(sc.Context(), spec)
	require.Equal(sc, delivery.CodeInvalid, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(sc, err, "actor: ")
}

// refused keeps a refusal, to look for it in the log later.
func (sc *scenario) refused(err error) {
	sc.Helper()
	require.Error(sc, err, "this must be refused")
	sc.refusals = append(sc.refusals, err)
}

// promotion returns the promotion of the version to production.
func (sc *scenario) promotion() delivery.PromotionSpec {
	return delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: sc.version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1}
}

// promote tries to bring the version into production. The error says why it did not get there.
func (sc *scenario) promote(edit ...func(*delivery.PromotionSpec)) error {
	sc.Helper()
	spec := sc.promotion()
	for _, e := range edit {
		e(&spec)
	}
	ctx, cancel := context.WithTimeout(sc.Context(), 30*time.Second)
	defer cancel()
	state, err := sc.by(carol).PutPromotion(ctx, spec)
	switch {
	case err != nil:
		return err
	case state.Work.Failure != nil:
		return delivery.Errors{state.Work.Failure}
	case state.Status != delivery.StageVerified:
		return sc.waits(state.WaitingOn)
	}
	return nil
}

func attemptNumber(n int) func(*delivery.PromotionSpec) {
	return func(s *delivery.PromotionSpec) { s.Attempt = n }
}

func whenBlocked(what delivery.WhenBlocked) func(*delivery.PromotionSpec) {
	return func(s *delivery.PromotionSpec) { s.WhenBlocked = what }
}

// mark begins the attempt: everything so far was before it.
func (sc *scenario) mark() {
	sc.Helper()
	events := sc.log()
	sc.since, sc.before = events[len(events)-1].Seq, len(sc.production())
}

// log returns the whole event log and verifies its chain.
func (sc *scenario) log() []delivery.Event {
	sc.Helper()
	events, err := sc.by(rita).Events(sc.Context(), 0, 1000)
	sc.must(err)
	require.NotEmpty(sc, events)
	var previous *delivery.Event
	for i := range events {
		sc.must(delivery.VerifyLink(previous, events[i]))
		previous = &events[i]
	}
	return events
}

// production lists the deployments that the drivers were asked for in the production stage.
func (sc *scenario) production() []driver.Request {
	all := sc.h.Drivers["directory"].Deployed()
	return slices.DeleteFunc(all, func(r driver.Request) bool { return r.Stage != "production" })
}

// runs returns the version that runs in production.
func (sc *scenario) runs() string {
	sc.Helper()
	deployed, err := sc.by(rita).Deployed(sc.Context(), "shop", "production")
	sc.must(err)
	return deployed.Version
}
