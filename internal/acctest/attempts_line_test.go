package acctest_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// rules are the declarations of a line on which every kind of gate stands before production.
type rules struct {
	places   []delivery.EnvironmentSpec // beside staging and production
	staging  delivery.EnvironmentSpec
	prod     delivery.EnvironmentSpec
	pipeline delivery.PipelineSpec
	policy   delivery.PolicySpec
	release  delivery.ReleaseSpec // what all releases are like
	signed   bool                 // approvals need a signature
}

func (r *rules) stage() *delivery.Stage { return &r.pipeline.Stages[1] }

func (r *rules) gates() *delivery.Gates { return &r.stage().Gates }

// strict are the rules that the attempts start from. The harness's clock starts on a Monday, at noon UTC.
func strict(dir, health string, artifact delivery.Artifact) rules {
	config := func(level string) map[string]string {
		return map[string]string{"LOG_LEVEL": level, "GREETING": "hello"}
	}
	place := func(name string) *delivery.Target {
		return &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(dir, "srv", name)}}
	}
	secrets := map[string]string{"PASSWORD": "file:" + filepath.Join(dir, "password")}
	return rules{
		staging: delivery.EnvironmentSpec{Name: "staging", Tier: delivery.TierStaging, Config: config("debug"), Secrets: secrets, Target: place("staging"),
			Parity: &delivery.Parity{With: "production", Allow: map[string]delivery.Allowance{
				"LOG_LEVEL": {Reason: "debug output while testing", Until: "2027-03-02T12:00:00Z"},
				"GREETING":  {Reason: "no two places need the same"},
				"secrets.*": {Reason: "secrets of its own"},
			}}},
		prod: delivery.EnvironmentSpec{Name: "production", Tier: delivery.TierProduction, Config: config("info"), Secrets: maps.Clone(secrets), Target: place("production")},
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
					Parity:      true,
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

// beside is another environment like one that is there.
func beside(env delivery.EnvironmentSpec, name string) delivery.EnvironmentSpec {
	env.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(filepath.Dir(env.Target.Directory.Path), name)}}
	env.Name, env.Config = name, maps.Clone(env.Config)
	return env
}

// step is a part of the lawful way to production.
type step string

const (
	delivered step = "delivered" // to staging
	tested    step = "tested"
	approved  step = "approved"
	soaked    step = "soaked"
)

// line is one attempt's control plane, and everything that happens on it.
type line struct {
	*testing.T
	h      *acctest.Harness
	rules  rules
	wire   http.RoundTripper
	health atomic.Pointer[http.HandlerFunc] // answers the check; nil: all is well

	version string // that is to get into production
	said    []error
	pending bool  // the line waits: that is no refusal
	since   int64 // the event before the attempt
	before  int   // deployments to production that came before the attempt
}

// open declares the rules on a ledger of the test's own.
func open(t *testing.T, h *acctest.Harness, edit func(*rules)) *line {
	t.Helper()
	l := &line{T: t, h: h, version: version}
	world := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := l.health.Load(); answer != nil {
			(*answer)(w, r)
		}
	}))
	t.Cleanup(world.Close)
	require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "password"), []byte("open sesame"), 0o600))
	wire, err := h.Open(t.Context())
	require.NoError(t, err)
	l.wire, l.rules = wire, strict(h.Dir, world.URL, page(t, h, "hello"))
	l.declare(edit)
	return l
}

// by is the control plane as somebody speaks to it.
func (l *line) by(actor string) *client.Client {
	return client.New(client.Config{Address: "http://embedded", Transport: l.wire, Actor: actor, UserAgent: "test"})
}

// declare edits the rules and applies all of them.
func (l *line) declare(edit func(*rules)) {
	l.Helper()
	if edit != nil {
		edit(&l.rules)
	}
	for _, spec := range append(slices.Clone(l.rules.places), l.rules.prod, l.rules.staging) {
		_, err := l.by(rita).PutEnvironment(l.Context(), spec)
		l.must(err)
	}
	_, err := l.by(rita).PutPolicy(l.Context(), l.rules.policy)
	l.must(err)
	_, err = l.by(rita).PutPipeline(l.Context(), l.rules.pipeline)
	l.must(err)
}

func (l *line) must(err error) {
	l.Helper()
	require.NoError(l, err)
}

// lawful goes the lawful way with the version, but for the steps that are left out.
func (l *line) lawful(without ...step) {
	l.Helper()
	for _, s := range []struct {
		step
		do func()
	}{
		{delivered, func() { l.must(l.deliver(l.version, 1)) }},
		{tested, func() { l.test(l.version, "unit"); l.test(l.version, "security") }},
		{approved, func() { l.approveAll() }},
		{soaked, func() { l.h.Clock.Advance(soaking) }},
	} {
		if !slices.Contains(without, s.step) {
			s.do()
		}
	}
}

// spec is what a release of a version holds.
func (l *line) spec(version string) delivery.ReleaseSpec {
	spec := l.rules.release
	spec.Version = version
	return spec
}

// deliver registers a release and brings it to staging. The error is why it did not get there.
func (l *line) deliver(version string, attempt int) error {
	return l.register(l.spec(version), attempt)
}

func (l *line) register(spec delivery.ReleaseSpec, attempt int) error {
	state, err := l.by(rita).PutRelease(l.Context(), delivery.ReleaseRequest{Spec: spec, Attempt: attempt})
	switch {
	case err != nil:
		return err
	case state.Work.Failure != nil:
		return delivery.Errors{state.Work.Failure}
	}
	return nil
}

const green = `<testsuite name="all" tests="1"><testcase name="works"/></testsuite>`

// test reports that a suite passed.
func (l *line) test(version, suite string) delivery.TestReport {
	l.Helper()
	return l.report(version, suite, green)
}

func (l *line) report(version, suite, junit string) delivery.TestReport {
	l.Helper()
	report, err := l.by(rita).AddTestReport(l.Context(), delivery.TestReportRequest{JUnit: junit,
		Spec: delivery.TestReportSpec{Pipeline: "shop", Version: version, Suite: suite}})
	l.must(err)
	return report
}

// approval is somebody's approval of the version for production, without a signature.
func (l *line) approval(edit ...func(*delivery.ApprovalSpec)) delivery.ApprovalSpec {
	spec := delivery.ApprovalSpec{Pipeline: "shop", Version: l.version, Stage: "production", Decision: delivery.Approve}
	for _, e := range edit {
		e(&spec)
	}
	return spec
}

// approve approves as the rules demand it: signed, or as the actor.
func (l *line) approve(who string) delivery.Approval {
	l.Helper()
	spec := l.approval()
	if l.rules.signed {
		spec = l.signedBy(who, who)
	}
	return l.decide(who, spec)
}

func (l *line) approveAll() {
	l.Helper()
	l.approve(alice)
	l.approve(bob)
}

func (l *line) decide(who string, spec delivery.ApprovalSpec) delivery.Approval {
	l.Helper()
	given, err := l.by(who).AddApproval(l.Context(), spec)
	l.must(err)
	return given
}

// tryToDecide is for decisions that must be refused.
func (l *line) tryToDecide(who string, spec delivery.ApprovalSpec) {
	l.Helper()
	_, err := l.by(who).AddApproval(l.Context(), spec)
	l.refused(err)
}

// refused keeps a refusal, to be looked for in the log.
func (l *line) refused(err error) {
	l.Helper()
	require.Error(l, err, "this must be refused")
	l.said = append(l.said, err)
}

// promotion asks for the version in production.
func (l *line) promotion() delivery.PromotionSpec {
	return delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: l.version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1}
}

// promote tries to bring the version into production. The error is why it did not get there.
func (l *line) promote(edit ...func(*delivery.PromotionSpec)) error {
	l.Helper()
	spec := l.promotion()
	for _, e := range edit {
		e(&spec)
	}
	ctx, cancel := context.WithTimeout(l.Context(), 30*time.Second)
	defer cancel()
	state, err := l.by(carol).PutPromotion(ctx, spec)
	switch {
	case err != nil:
		return err
	case state.Work.Failure != nil:
		return delivery.Errors{state.Work.Failure}
	case state.Status != delivery.StageVerified:
		l.pending = true
		return errors.New(strings.Join(state.WaitingOn, "\n"))
	}
	return nil
}

func attemptNumber(n int) func(*delivery.PromotionSpec) {
	return func(s *delivery.PromotionSpec) { s.Attempt = n }
}

func whenBlocked(what delivery.WhenBlocked) func(*delivery.PromotionSpec) {
	return func(s *delivery.PromotionSpec) { s.WhenBlocked = what }
}

// mark makes what has happened so far the past: the attempt begins here.
func (l *line) mark() {
	l.Helper()
	events := l.log()
	l.since, l.before = events[len(events)-1].Seq, len(l.production())
}

// log is the ledger's whole log, its chain verified.
func (l *line) log() []delivery.Event {
	l.Helper()
	events, err := l.by(rita).Events(l.Context(), 0, 1000)
	l.must(err)
	require.NotEmpty(l, events)
	var previous *delivery.Event
	for i := range events {
		l.must(delivery.VerifyLink(previous, events[i]))
		previous = &events[i]
	}
	return events
}

// production lists what the drivers were asked to deploy to production, or to any place of its stage.
func (l *line) production() []driver.Request {
	all := l.h.Drivers["directory"].Deployed()
	return slices.DeleteFunc(all, func(r driver.Request) bool { return r.Stage != "production" })
}

// runs is the version that runs in production.
func (l *line) runs() string {
	l.Helper()
	deployed, err := l.by(rita).Deployed(l.Context(), "shop", "production")
	l.must(err)
	return deployed.Version
}
