package worker

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// tiers of the environments.
var tiers = map[string]delivery.Tier{"dev": delivery.TierDevelopment, "stg": delivery.TierStaging, "eu": delivery.TierProduction, "us": delivery.TierProduction}

// drawn reports whether the histories have such gates at all, and this stage one of them.
func (u *simulation) drawn(kind string, percent int) bool {
	if len(u.mutation.only) == 0 {
		return u.chance(percent)
	}
	return slices.Contains(u.mutation.only, kind) && u.chance(50)
}

// often is how many lots an action has that the histories may have none of.
func (u *simulation) often(kind string, lots int) int {
	if len(u.mutation.only) == 0 {
		return lots
	}
	if slices.Contains(u.mutation.only, kind) {
		return 3 * lots
	}
	return 0
}

// drawGuards draws, for a share of a hundred as often, the gates that look at evidence, at the time, at how often is delivered, and at conditions.
func (u *simulation) drawGuards(g *delivery.Gates, share int) {
	if u.drawn("tests", 12*share/100) {
		gate := delivery.TestsGate{MaxFailures: u.pick(2)}
		if u.chance(50) {
			least := u.pick(6)
			gate.MinTests = &least
		}
		if u.chance(40) {
			gate.MaxAge = pickOf[delivery.Duration](u, "30m", "6h")
		}
		g.Tests = map[string]delivery.TestsGate{pickOf(u, suites...): gate}
	}
	if u.drawn("windows", 10*share/100) {
		g.Windows = map[string]schedule.Window{"first": u.drawWindow()}
		if u.chance(50) {
			g.Windows["second"] = u.drawWindow()
		}
	}
	if u.drawn("cooldown", 14*share/100) {
		g.Cooldown = &delivery.CooldownGate{Duration: pickOf[delivery.Duration](u, "5m", "1h", "4h")}
	}
	if u.drawn("max_deploys", 14*share/100) {
		g.MaxDeploys = &delivery.MaxDeploysGate{Count: 1 + u.pick(3), Per: pickOf[delivery.Duration](u, "30m", "3h", "24h")}
	}
	if u.drawn("expressions", 12*share/100) {
		g.Expressions = map[string]delivery.Expression{}
		for range 1 + u.pick(2) {
			g.Expressions[pickOf(u, "rule", "custom")] = delivery.Expression{Condition: pickOf(u, sortedKeys(conditions)...), Message: "we agreed on it"}
		}
	}
}

func (u *simulation) drawWindow() schedule.Window {
	w := schedule.Window{TimeZone: pickOf(u, "", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham")}
	if u.chance(80) {
		w.Start = fmt.Sprintf("%02d:%s", u.pick(24), pickOf(u, "00", "30", "45"))
	}
	if u.chance(80) || w.Start == "00:00" {
		w.End = fmt.Sprintf("%02d:15", u.pick(24))
	}
	if u.chance(50) {
		rest := []string{"mon", "tue", "wed", "thu", "fri", "sat"}
		w.Days = append(slices.DeleteFunc(rest, func(string) bool { return u.chance(25) }), "sun") // an empty list is an error
	}
	return w
}

// drawOverridable draws which gates of a stage may be skipped.
func (u *simulation) drawOverridable(s *delivery.Stage) {
	if !u.drawn("overrides", 40) {
		return
	}
	most := pickOf(u, 50, 100)
	for _, name := range []string{"approvals", "checks.metrics", "cooldown", "expressions", "freeze", "max_deploys", "parity", "previous_stage", "soak", "tests", "windows"} {
		if u.chance(most) {
			s.Overridable = append(s.Overridable, name)
		}
	}
}

// override breaks the glass for a while for what somebody asked for, who then asks again. Sometimes it is over by
// then, or revoked, or the stage forbids it.
func (u *simulation) override() {
	w := u.again()
	stages := slices.DeleteFunc(slices.Clone(u.layout[w.pipeline].Stages), func(s delivery.Stage) bool { return len(s.Overridable) == 0 })
	if len(stages) == 0 {
		return
	}
	stage := stages[u.pick(len(stages))]
	ends := u.clock.now().Add(pickOf(u, 10*time.Minute, time.Hour, 6*time.Hour))
	spec := delivery.OverrideSpec{Pipeline: w.pipeline, Version: w.version(), Stage: stage.Name, Gates: stage.Overridable,
		Reason: "the shop is down", Ticket: "INC-1", ExpiresAt: delivery.Timestamp(ends.Format(time.RFC3339))}
	if u.chance(30) {
		spec.Gates = []string{stage.Overridable[u.pick(len(stage.Overridable))]}
	}
	spec.Content = u.named(spec.Pipeline, spec.Version, spec.Stage)
	o, err := u.self.AddOverride(context.Background(), u.anyone(), spec)
	u.note("override %s: %v", text(spec), err)
	if err != nil {
		return
	}
	u.overrides = append(u.overrides, o.ID)
	switch u.pick(7) {
	case 4:
		u.clock.move(ends.Sub(u.clock.now()))
		u.note("it expires")
	case 5:
		u.note("revoke %s: %v", o.ID, u.self.RevokeOverride(context.Background(), u.anyone(), o.ID))
	case 6:
		pipeline := again(u.layout[w.pipeline])
		pipeline.Stages[pipeline.StageIndex(stage.Name)].Overridable = nil
		u.put(pipeline)
	}
	if u.chance(60) {
		u.apply(w, false)
	}
}

// version is the one that is asked for.
func (w operation) version() string {
	if w.subject.promotion != nil {
		return w.subject.promotion.Version
	}
	return w.subject.release.Spec.Version
}

func (u *simulation) revokeOverride() {
	if len(u.overrides) == 0 {
		return
	}
	id := u.overrides[u.pick(len(u.overrides))]
	u.note("revoke %s: %v", id, u.self.RevokeOverride(context.Background(), u.anyone(), id))
}

// legislate declares a policy, changes it, or removes it.
func (u *simulation) legislate() {
	ctx, spec := context.Background(), delivery.PolicySpec{Name: pickOf(u, "floor", "guard")}
	if u.chance(35) {
		u.note("policy %s is removed: %v", spec.Name, u.self.DeletePolicy(ctx, people[0], spec.Name))
		return
	}
	if u.chance(60) {
		spec.Tiers = []delivery.Tier{pickOf(u, delivery.TierProduction, delivery.TierProduction, delivery.TierStaging, delivery.TierDevelopment)}
	} else {
		spec.Environments = []string{pickOf(u, environmentNames()...)}
	}
	u.drawPolicyGates(&spec.Gates)
	_, err := u.self.PutPolicy(ctx, people[0], spec)
	u.note("policy %s: %v", text(spec), err)
	if err == nil {
		u.policies[spec.Name] = spec
	}
}

func (u *simulation) drawPolicyGates(g *delivery.Gates) {
	u.drawGuards(g, 120)
	if u.drawn("approvals", 12) {
		g.Approvals = u.drawApprovals()
	}
	if u.drawn("checks", 20) {
		g.Checks = map[string]delivery.Check{"audit": {HTTP: &delivery.HTTPCheck{URL: "http://localhost/audit"}}}
	}
	if u.drawn("soak", 8) {
		g.Soak = &delivery.SoakGate{Stage: "development", Duration: "10m"}
	}
	if u.drawn("parity", 5) {
		g.Parity = &delivery.ParityGate{}
	}
}

// freeze stops the line for a while, or lets it go on, or narrows a freeze.
func (u *simulation) freeze() {
	ctx, now := context.Background(), u.clock.now()
	spec := u.drawFreeze(now)
	switch known, err := u.self.Freeze(ctx, spec.Name); {
	case err == nil && u.chance(40):
		u.note("freeze %s ends: %v", spec.Name, u.self.DeleteFreeze(ctx, people[0], spec.Name))
		return
	case err == nil && u.chance(50):
		known.Pipelines = []string{u.anyPipeline()}
		spec = known
	}
	_, err := u.self.PutFreeze(ctx, people[0], spec)
	u.note("freeze %s: %v", text(spec), err)
}

func (u *simulation) drawFreeze(now time.Time) delivery.FreezeSpec {
	starts := now.Add(pickOf(u, -time.Hour, 0, time.Minute, 30*time.Minute))
	spec := delivery.FreezeSpec{Name: pickOf(u, "lull", "peak"), Reason: "many people buy now", StartsAt: delivery.Timestamp(starts.Format(time.RFC3339)),
		EndsAt: delivery.Timestamp(starts.Add(pickOf(u, 65*time.Minute, 4*time.Hour)).Format(time.RFC3339))}
	scope := u.pick(6)
	if scope < 3 {
		spec.Tiers = []delivery.Tier{pickOf(u, delivery.TierProduction, delivery.TierStaging, delivery.TierDevelopment)}
	}
	if scope == 2 || scope == 3 {
		spec.Pipelines = []string{u.anyPipeline()}
	}
	if scope > 3 {
		spec.Environments = []string{pickOf(u, environmentNames()...)}
	}
	return spec
}

// suites are the names of reports; the second is also that of a verification.
var suites = []string{"unit", "smoke"}

// report is what a suite said, as the test wrote it down.
type report struct{ ran, failures int }

// write makes the text of a report.
func (r report) write(suite string, skipped int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<testsuite name="%s" tests="%d" failures="%d" skipped="%d">`, suite, r.ran+skipped, r.failures, skipped)
	for i := range r.ran + skipped {
		outcome := ""
		switch {
		case i < r.failures:
			outcome = `<failure message="no"/>`
		case i >= r.ran:
			outcome = `<skipped/>`
		}
		fmt.Fprintf(&b, `<testcase name="t%d">%s</testcase>`, i, outcome)
	}
	return b.String() + "</testsuite>"
}

// testify records a report, or takes one back.
func (u *simulation) testify() {
	ctx := context.Background()
	u.oracle.mu.Lock()
	reported := slices.Clone(u.oracle.reported)
	u.oracle.mu.Unlock()
	if len(reported) > 0 && u.chance(15) {
		id := reported[u.pick(len(reported))]
		u.note("report %s is withdrawn: %v", id, u.self.WithdrawTestReport(ctx, u.anyone(), id))
		return
	}
	r := report{ran: 1 + u.pick(8), failures: 0}
	if u.chance(30) {
		r.failures = min(r.ran, 1+u.pick(2))
	}
	spec, skipped := delivery.TestReportSpec{Pipeline: u.anyPipeline(), Version: u.anyVersion(), Suite: pickOf(u, suites...)}, 0
	if u.chance(30) {
		r.ran, skipped = max(r.failures, r.ran-4), 4
	}
	junit := r.write(spec.Suite, skipped)
	u.checker.write(func(b *fakeChecker) { b.reports[digestOf(junit)] = r })
	_, err := u.self.AddTestReport(ctx, u.anyone(), delivery.TestReportRequest{Spec: spec, JUnit: junit})
	u.note("report %s %v: %v", text(spec), r, err)
}

// vouch lets every suite pass for what everybody is busy with.
func (u *simulation) vouch() {
	for _, suite := range suites {
		r := report{ran: 7}
		junit := r.write(suite, u.pick(2))
		u.checker.write(func(b *fakeChecker) { b.reports[digestOf(junit)] = r })
		spec := delivery.TestReportSpec{Pipeline: u.anyPipeline(), Version: versions[u.current], Suite: suite}
		_, err := u.self.AddTestReport(context.Background(), u.anyone(), delivery.TestReportRequest{Spec: spec, JUnit: junit})
		u.note("report %s %v: %v", text(spec), r, err)
	}
}

// suddenly lets the next deployment fail, and its environment be frozen meanwhile.
func (u *simulation) suddenly() {
	u.note("the next deployment fails, and a freeze begins meanwhile")
	u.fails.Store(int64(1 + u.pick(2)))
	u.sudden.Store(true)
}

func (u *simulation) freezeWhere(r driver.Request) {
	if !u.sudden.CompareAndSwap(true, false) {
		return
	}
	now, other := u.clock.now(), u.process()
	defer other.end()
	_, err := other.PutFreeze(context.Background(), people[0], delivery.FreezeSpec{Name: "sudden", Reason: "everything is slow", Environments: []string{r.Environment},
		StartsAt: delivery.Timestamp(now.Format(time.RFC3339)), EndsAt: delivery.Timestamp(now.Add(time.Hour).Format(time.RFC3339))})
	if err != nil {
		u.oracle.complain("the freeze was refused: " + err.Error())
	}
	u.driver.mu.Lock()
	defer u.driver.mu.Unlock()
	u.driver.refuse[targetKey(r.Environment, r.Pipeline)] = int(u.fails.Load())
}

// keys are those that people sign with.
var keys = func() map[string]ssh.Signer {
	all := map[string]ssh.Signer{}
	for i, who := range people {
		seed := bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize)
		all[who] = must(ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed)))
	}
	return all
}()

// signerLines lists the lines of an allowed-signers file for everybody.
func signerLines() (lines []string) {
	for _, who := range people {
		lines = append(lines, who+" "+strings.TrimSpace(string(ssh.MarshalAuthorizedKey(keys[who].PublicKey()))))
	}
	return lines
}

// signing is what somebody put their key to.
type signing struct {
	key     string // whose
	request delivery.ApprovalRequest
	covers  map[string]string // what was there to be approved, in the oracle's words
}

func (u *simulation) drawApprovals() *delivery.ApprovalsGate {
	gate := &delivery.ApprovalsGate{Required: 1 + u.pick(2), AllowAuthor: u.chance(50), Approvers: []string{delivery.Anyone}}
	if u.chance(40) {
		gate.Approvers = people[u.pick(2):]
	}
	if u.chance(65) {
		gate.ExpiresAfter = pickOf[delivery.Duration](u, "1h", "24h")
	}
	if u.chance(25) {
		gate.SignedBy = signerLines()
	}
	return gate
}

// word gives somebody's word on a release, signed where a gate of the stage demands it: most often by their own key.
func (u *simulation) word(who string, spec delivery.ApprovalSpec) {
	ctx, actor := context.Background(), u.spelled(who)
	stage, _ := u.layout[spec.Pipeline].Stage(spec.Stage)
	demanded := stage.Gates.Approvals != nil && len(stage.Gates.Approvals.SignedBy) > 0
	for _, p := range u.policies {
		demanded = demanded || (p.Gates.Approvals != nil && len(p.Gates.Approvals.SignedBy) > 0)
	}
	if demanded && u.chance(75) {
		s := signing{key: who}
		var err error
		if s.request, err = u.self.ApprovalRequest(ctx, spec.Pipeline, spec.Version, spec.Stage, spec.Decision); err != nil {
			u.note("there is nothing to sign: %v", err)
			return
		}
		u.read(func(ctx context.Context, r store.Reader) {
			s.covers = setup{ctx: ctx, oracle: u.oracle, ledger: r, now: u.clock.now()}.toApprove(spec.Pipeline, spec.Stage, spec.Version)
		})
		spec.Signature = u.sign(&s)
		spec.Approver = u.spelled(who)
		actor = u.anyone()
	}
	if spec.Signature == "" && u.chance(5) {
		spec.Approver = u.spelled(u.anyone()) // in somebody's name
	}
	if spec.Signature == "" || u.chance(50) {
		spec.Content = u.named(spec.Pipeline, spec.Version, spec.Stage)
	}
	a, err := u.self.AddApproval(ctx, actor, spec)
	u.note("%s: %s %s into %s/%s: %s %v", actor, spec.Decision, spec.Version, spec.Pipeline, spec.Stage, a.ID, err)
	if err == nil {
		u.counters.add(string(spec.Decision))
		if spec.Signature != "" {
			u.counters.add("signed " + string(spec.Decision))
		}
	}
}

// named is the content that somebody names: nearly always what would be delivered now, sometimes what they saw before, or nothing.
func (u *simulation) named(pipeline, version, stage string) string {
	seen := u.self.contentOf(pipeline, version, stage)
	if before := u.seen; u.chance(4) {
		u.counters.add("another content named")
		return before
	}
	u.seen = seen
	return seen
}

// sign makes a signature of a request, sometimes one that must not count: by somebody else, or an old one again.
func (u *simulation) sign(s *signing) string {
	known := slices.Sorted(maps.Keys(u.oracle.signings()))
	if len(known) > 0 && u.chance(15) {
		u.counters.add("signature replayed")
		return known[u.pick(len(known))]
	}
	if u.chance(15) {
		u.counters.add("signature forged")
		s.key = u.anyone()
	}
	made := must(sshsig.Sign(strings.NewReader(s.request.Payload()), keys[s.key], sshsig.HashSHA512, delivery.SignatureNamespace))
	armored := string(sshsig.Armor(made))
	u.oracle.mu.Lock()
	u.oracle.signed[armored] = *s
	u.oracle.mu.Unlock()
	return armored
}
