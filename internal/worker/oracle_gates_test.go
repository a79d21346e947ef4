package worker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// refusal is a gate that does not let a deployment through, and why.
type refusal struct{ gate, why string }

// closedGates is invariant 1: it names each gate that does not let the deployment in, and why: the stage's own unless they are
// overridden, a freeze, and those of every policy that holds there.
func (s setup) closedGates(pipeline delivery.PipelineSpec, at int, d delivery.Deployment) []string {
	stage, closed := pipeline.Stages[at], []string{}
	own := append(s.notVerifiedBefore(pipeline, at, d.Content.Version), s.closed(stage.Gates, pipeline, at, d)...)
	for _, r := range append(own, s.frozen(d)...) {
		if !s.overriding(stage, r, d) {
			closed = append(closed, r.gate+": "+r.why)
		} else {
			s.oracle.happened("override used")
			s.oracle.happened("override used for " + group(r.gate))
		}
	}
	if s.movesToo(stage, d) {
		closed = append(closed, "move: another version goes to a place where what runs now never ran")
	}
	if s.liveUnasked(stage) {
		closed = append(closed, "guarded: it goes live, and nothing and nobody was asked")
	}
	for _, p := range s.guardrails(stage) {
		for _, r := range s.closed(p.Gates, pipeline, at, d) {
			closed = append(closed, "policy "+p.Name+": "+r.gate+": "+r.why)
		}
		s.oracle.happened("let through by a policy")
	}
	return closed
}

// movesToo reports whether a deployment brings another version to an environment whose directory is another one now, where a failure would be
// rolled back.
func (s setup) movesToo(stage delivery.Stage, d delivery.Deployment) bool {
	runs, ok := last(s.history(d.Pipeline, d.Environment), func(o delivery.Deployment) bool { return o.Status == delivery.Verified })
	to := s.environment(d.Environment).Target
	same := runs.Content.Target != nil && to != nil && to.Directory.Path == runs.Content.Target.Directory.Path
	if !ok || to == nil || stage.OnFailure == delivery.Halt || same {
		return false
	}
	s.oracle.happened("moved")
	return runs.Content.ReleaseDigest != d.Content.ReleaseDigest
}

// liveUnasked reports whether a stage takes releases to production without a person, a gate, a policy, or a reason for that.
func (s setup) liveUnasked(stage delivery.Stage) bool {
	live := slices.ContainsFunc(stage.Environments, func(env string) bool { return tiers[env] == delivery.TierProduction })
	if !live || stage.Promotion == delivery.Manual {
		return false
	}
	switch {
	case stage.Gates.None != "":
		s.oracle.happened("live without gates, for a reason")
	case text(stage.Gates) != "{}":
	case len(s.guardrails(stage)) == 0:
		return true
	}
	return false
}

func group(gate string) string {
	name, _, _ := strings.Cut(gate, ".")
	return name
}

func (s setup) notVerifiedBefore(pipeline delivery.PipelineSpec, at int, version string) (closed []refusal) {
	if at == 0 {
		return nil
	}
	for _, env := range pipeline.Stages[at-1].Environments {
		d, ok := lastOf(s.history(pipeline.Name, env), version)
		if !ok || !ranWell(d) {
			closed = append(closed, refusal{"previous_stage", "not verified before in " + env})
		}
	}
	return closed
}

// closed asks gates, whether they are the stage's or a policy's, and notes each kind that was asked and found open.
func (s setup) closed(g delivery.Gates, pipeline delivery.PipelineSpec, at int, d delivery.Deployment) (closed []refusal) {
	stage, version := pipeline.Stages[at], d.Content.Version
	asked := func(gate string, why ...string) {
		if s.timed(g, gate) && s.behind() {
			why = append(why, "nobody knows what time it is")
		}
		for _, w := range why {
			closed = append(closed, refusal{gate, w})
		}
		if len(why) == 0 {
			s.oracle.happened("let through by " + group(gate))
		}
	}
	if g.Approvals != nil {
		missing := s.approvalsMissing(*g.Approvals, stage.Name, d)
		asked("approvals", missing...)
		if len(g.Approvals.SignedBy) > 0 && len(missing) == 0 {
			s.oracle.happened("let through by signatures")
		}
	}
	if g.Soak != nil {
		asked("soak", s.notSoaked(*g.Soak, pipeline, version)...)
	}
	if g.Parity != nil {
		asked("parity", append(s.unlike(pipeline, at), s.testedUnlike(pipeline, at, d)...)...)
	}
	for name := range g.Checks {
		if s.oracle.checker.says(pipeline.Name, stage.Name, name) {
			asked("checks." + name)
		} else {
			asked("checks."+name, "it does not say yes")
		}
	}
	for suite, gate := range g.Tests {
		asked("tests."+suite, s.untested(suite, gate, pipeline, at, version)...)
	}
	if len(g.Windows) > 0 {
		asked("windows", s.outsideOf(g.Windows)...)
	}
	if g.Cooldown != nil {
		asked("cooldown", s.tooSoon(*g.Cooldown, d)...)
	}
	if g.MaxDeploys != nil {
		asked("max_deploys", s.tooMany(*g.MaxDeploys, d)...)
	}
	for name, e := range g.Expressions {
		if conditions[e.Condition](s, stage, d) {
			asked("expressions." + name)
		} else {
			asked("expressions."+name, "not true: "+e.Condition)
		}
	}
	return closed
}

// guardrails lists the policies that hold for a stage: one environment of the stage is enough.
func (s setup) guardrails(stage delivery.Stage) (holding []delivery.PolicySpec) {
	for _, p := range must(s.ledger.Policies(s.ctx)) {
		holds := false
		for _, name := range stage.Environments {
			holds = holds || slices.Contains(p.Environments, name) || slices.Contains(p.Tiers, tiers[name])
		}
		if holds {
			holding = append(holding, p)
		}
	}
	return holding
}

// frozen names the freezes that last now and cover the deployment's environment and pipeline.
func (s setup) frozen(d delivery.Deployment) (closed []refusal) {
	for _, f := range must(s.ledger.Freezes(s.ctx)) {
		starts, ends := at(f.StartsAt), at(f.EndsAt)
		if !s.behind() && (s.now.Before(starts) || s.now.Equal(ends) || s.now.After(ends)) {
			continue
		}
		outside := (f.Environments != nil && !slices.Contains(f.Environments, d.Environment)) ||
			(f.Tiers != nil && !slices.Contains(f.Tiers, tiers[d.Environment])) || (f.Pipelines != nil && !slices.Contains(f.Pipelines, d.Pipeline))
		if !outside {
			closed = append(closed, refusal{"freeze", f.Name + " lasts"})
		}
	}
	return closed
}

func at(t delivery.Timestamp) time.Time { return must(time.Parse(time.RFC3339, string(t))) }

// overriding reports whether an override may skip the gate: one that was made while all was as it is now. A rejection stands, and nobody lets
// their own release in without the approvals of others.
func (s setup) overriding(stage delivery.Stage, r refusal, d delivery.Deployment) bool {
	names := []string{r.gate, group(r.gate)}
	if r.gate == "approvals" && strings.Contains(r.why, "rejected") {
		return false
	}
	there := s.toApprove(d.Pipeline, stage.Name, d.Content.Version)[d.Environment]
	listed := func(in []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(in, n) })
	}
	if s.behind() {
		return false // it may have ended
	}
	for _, o := range must(s.ledger.Overrides(s.ctx, d.Pipeline)) {
		meant := o.Spec.Pipeline == d.Pipeline && o.Spec.Stage == stage.Name && o.Spec.Version == d.Content.Version && o.ReleaseDigest == d.Content.ReleaseDigest
		lives := !s.oracle.withdrawn(o.ID) && s.now.Before(at(o.Spec.ExpiresAt)) && s.now.Add(5*time.Minute).Compare(o.CreatedAt) >= 0
		s.oracle.mu.Lock()
		same := s.oracle.skips[o.ID][d.Environment] == there
		s.oracle.mu.Unlock()
		own := r.gate == "approvals" && !stage.Gates.Approvals.AllowAuthor && slices.Contains(s.authors(d.Pipeline, d.Content.Version), whois(o.Actor))
		if meant && lives && same && !own && listed(stage.Overridable) && listed(o.Spec.Gates) {
			return true
		}
	}
	return false
}

// untested says what is wrong with what each who reports for the suite said last about the release.
func (s setup) untested(suite string, gate delivery.TestsGate, pipeline delivery.PipelineSpec, at int, version string) (wrong []string) {
	heard := map[string]bool{}
	s.oracle.mu.Lock()
	reported := slices.Clone(s.oracle.reported)
	s.oracle.mu.Unlock()
	for _, id := range slices.Backward(reported) {
		r := must(s.ledger.TestReport(s.ctx, id))
		later := slices.ContainsFunc(pipeline.Stages[at:], func(stage delivery.Stage) bool { return stage.Name == r.Spec.Stage })
		who := r.Check + "/" + r.Spec.Stage + "/" + r.Spec.Environment
		if r.Spec.Pipeline != pipeline.Name || r.Spec.Version != version || r.Spec.Suite != suite || heard[who] || r.Check != "" && later ||
			r.ReleaseDigest != s.release(pipeline.Name, version).Digest {
			continue
		}
		heard[who] = true
		counts, known := s.oracle.checker.written(r.Digest)
		least := 1
		if gate.MinTests != nil {
			least = *gate.MinTests
		}
		age := s.now.Sub(r.RecordedAt)
		switch {
		case s.oracle.withdrawn(id):
			wrong = append(wrong, "what was said last was withdrawn")
		case !known:
			wrong = append(wrong, "nobody wrote this report")
		case counts.failures > gate.MaxFailures:
			wrong = append(wrong, fmt.Sprintf("%d failed", counts.failures))
		case counts.ran < least:
			wrong = append(wrong, fmt.Sprintf("only %d ran", counts.ran))
		case gate.MaxAge != "" && (age > parsed(string(gate.MaxAge)) || age < -5*time.Minute):
			wrong = append(wrong, "the report is too old")
		}
	}
	if len(heard) == 0 {
		return []string{"no report"}
	}
	return wrong
}

// outsideOf reads the local time of each window's time zone.
func (s setup) outsideOf(windows map[string]schedule.Window) []string {
	for _, w := range windows {
		wall := s.now.In(must(time.LoadLocation(cmp.Or(w.TimeZone, "UTC"))))
		reading := wall.Format("15:04") // these texts ascend as times of the day do
		start, end := cmp.Or(w.Start, "00:00"), cmp.Or(w.End, "24:00")
		on := func(day time.Weekday) bool {
			return len(w.Days) == 0 || slices.Contains(w.Days, strings.ToLower(day.String()[:3]))
		}
		yesterday := (wall.Weekday() + 6) % 7
		if start < end && on(wall.Weekday()) && reading >= start && reading < end {
			return nil
		}
		if start > end && ((on(wall.Weekday()) && reading >= start) || (on(yesterday) && reading < end)) {
			return nil
		}
	}
	return []string{"no window is open"}
}

// others lists when the other rollouts of the stage began.
func (s setup) others(d delivery.Deployment) (begun []time.Time) {
	seen := map[string]bool{d.Rollout: true}
	for _, o := range s.inStage(d) {
		if o.Kind != delivery.KindRollback && !seen[o.Rollout] {
			seen[o.Rollout] = true
			begun = append(begun, o.CreatedAt)
		}
	}
	return begun
}

func (s setup) tooSoon(gate delivery.CooldownGate, d delivery.Deployment) []string {
	for _, began := range s.others(d) {
		if s.now.Sub(began) < parsed(string(gate.Duration)) {
			return []string{"a delivery began at " + began.Format(time.RFC3339)}
		}
	}
	return nil
}

func (s setup) tooMany(gate delivery.MaxDeploysGate, d delivery.Deployment) []string {
	n := 0
	for _, began := range s.others(d) {
		if s.now.Sub(began) < parsed(string(gate.Per)) {
			n++
		}
	}
	if n >= gate.Count {
		return []string{fmt.Sprintf("%d deliveries already, %d may be", n, gate.Count)}
	}
	return nil
}

// conditions are the expressions that the histories write, and what each says in other words.
var conditions = map[string]func(setup, delivery.Stage, delivery.Deployment) bool{
	`release.version != "2.0"`: func(_ setup, _ delivery.Stage, d delivery.Deployment) bool { return d.Content.Version != "2.0" },
	`config["LEVEL"] == "info" || environment.tier != "production"`: func(s setup, stage delivery.Stage, d delivery.Deployment) bool {
		return s.effective(stage, d)["LEVEL"] == "info" || tiers[d.Environment] != delivery.TierProduction
	},
	`release.author != "bob@example.com" || pipeline.name == "shop"`: func(s setup, _ delivery.Stage, d delivery.Deployment) bool {
		return s.author(d.Pipeline, d.Content.Version) != people[1] || d.Pipeline == "shop"
	},
	`previous == null || previous.version <= release.version`: func(s setup, _ delivery.Stage, d delivery.Deployment) bool {
		runs, ok := last(s.history(d.Pipeline, d.Environment), func(o delivery.Deployment) bool { return o.Status == delivery.Verified })
		return !ok || runs.Content.Version <= d.Content.Version
	},
	unanswerable: func(s setup, stage delivery.Stage, d delivery.Deployment) bool {
		return s.effective(stage, d)["FEATURE"] == "on"
	},
	`now.getHours("Europe/Berlin") >= 7`: func(s setup, _ delivery.Stage, _ delivery.Deployment) bool {
		return s.now.In(must(time.LoadLocation("Europe/Berlin"))).Hour() >= 7
	},
}

// unanswerable is an error where the configuration has no such key.
const unanswerable = `config["FEATURE"] == "on"`

func (s setup) effective(stage delivery.Stage, d delivery.Deployment) map[string]string {
	return merged(s.environment(d.Environment).Config, stage.Config)
}

func (s setup) author(pipeline, version string) string {
	release := s.release(pipeline, version)
	if release.Spec.Source != nil && release.Spec.Source.Author != "" {
		return release.Spec.Source.Author
	}
	return release.RegisteredBy
}
