package delivery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// edits is how many random edits one run judges, and enough how many may pass before a broken analysis must be found out.
const (
	edits      = 2000
	soonEnough = 3000
)

// facts are what gates look at beside declarations: they stay as they are while the declarations are edited.
type facts struct {
	history   *History
	releases  map[string]Release
	reports   []TestReport
	overrides []Override
	rollouts  []RolloutRecord
}

// edit is what is declared before and after a plan, with the facts of each pipeline.
type edit struct {
	before, after Declarations
	facts         map[string]facts
}

var (
	drawnPipelines = []string{"shop", "blog"}
	drawnStages    = []string{"first", "second", "third"}
	drawnNames     = []string{"a", "b", "c", "d"}
	drawnVersions  = []string{"1.0", "2.0"}
)

// focus is what one edit is about: a few kinds of gates, so that one that got easier is not hidden behind others that stay closed.
type focus []string

var kindsOfGates = []string{"approvals", "tests", "soak", "windows", "cooldown", "max_deploys", "expressions", "overridable", "policies", "freezes"}

func drawFocus(t *rapid.T) focus { return rapid.Permutation(kindsOfGates).Draw(t, "focus")[:3] }

func (f focus) on(t *rapid.T, kind string) bool {
	return slices.Contains(f, kind) && rapid.Bool().Draw(t, kind)
}

func maybe(t *rapid.T, what string) bool { return rapid.IntRange(0, 2).Draw(t, what) == 0 }

func pick[T any](t *rapid.T, what string, from ...T) T { return rapid.SampledFrom(from).Draw(t, what) }

var overriddenGates = []string{"cooldown", "freeze", "previous_stage", "tests", "windows"}

func half(t *rapid.T, what string, from []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(string) bool { return rapid.Bool().Draw(t, what) })
}

func some(t *rapid.T, what string, from []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(string) bool { return !maybe(t, what) })
}

// drawGates draws gates that the facts pass or do not pass.
func (f focus) drawGates(t *rapid.T, earlier []string) (g Gates) {
	if f.on(t, "approvals") {
		g.Approvals = &ApprovalsGate{Required: pick(t, "required", 1, 2), Approvers: []string{Anyone}}
	}
	if f.on(t, "tests") {
		g.Tests = map[string]TestsGate{pick(t, "suite", "unit", "load"): {MaxFailures: pick(t, "failures", 0, 1), MaxAge: pick[Duration](t, "age", "", "1h")}}
	}
	if len(earlier) > 0 && f.on(t, "soak") {
		g.Soak = &SoakGate{Stage: pick(t, "soaks", earlier...), Duration: pick[Duration](t, "duration", "30m", "2h")}
	}
	if f.on(t, "windows") {
		g.Windows = map[string]schedule.Window{pick(t, "window", "x", "y"): {Start: pick(t, "start", "08:00", "10:00"), End: "17:00"}}
	}
	if f.on(t, "cooldown") {
		g.Cooldown = &CooldownGate{Duration: pick[Duration](t, "pause", "30m", "2h")}
	}
	if f.on(t, "max_deploys") {
		g.MaxDeploys = &MaxDeploysGate{Count: pick(t, "count", 1, 2), Per: "2h"}
	}
	if f.on(t, "expressions") {
		g.Expressions = map[string]Expression{pick(t, "expression", "x", "y"): {Message: "m", Condition: pick(t, "condition", "true", "environment.tier == 'other'", "stage.name != 'first'", "release.version == '2.0'")}}
	}
	return g
}

func (f focus) drawPipeline(t *rapid.T, name string) PipelineSpec {
	p := PipelineSpec{Name: name}
	free := rapid.Permutation(drawnNames).Draw(t, "order")
	for i, stage := range rapid.Permutation(drawnStages).Draw(t, "stages")[:rapid.IntRange(1, 3).Draw(t, "length")] {
		count := rapid.IntRange(1, min(2, len(free)-2+i%2)).Draw(t, "environments")
		if len(free) < count {
			break
		}
		earlier := []string{}
		for _, s := range p.Stages {
			earlier = append(earlier, s.Name)
		}
		p.Stages = append(p.Stages, Stage{Name: stage, Environments: free[:count], Promotion: pick(t, "promotion", Manual, Automatic), Gates: f.drawGates(t, earlier)})
		if f.on(t, "overridable") {
			p.Stages[i].Overridable = half(t, "overridable gates", overriddenGates)
		}
		free = free[count:]
		if len(free) < 2 {
			break
		}
	}
	return p
}

func (f focus) drawDeclarations(t *rapid.T) Declarations {
	d := Declarations{Now: fixtureNow}
	for _, name := range drawnPipelines {
		d.Pipelines = append(d.Pipelines, f.drawPipeline(t, name))
	}
	for _, name := range drawnNames {
		d.Environments = append(d.Environments, drawEnvironment(t, name))
	}
	for _, name := range []string{"p", "q"} {
		if !f.on(t, "policies") {
			continue
		}
		d.Policies = append(d.Policies, PolicySpec{Name: name, Tiers: []Tier{pick(t, "tier", TierProduction, TierOther)}, Environments: some(t, "holds", drawnNames), Gates: f.drawGates(t, nil)})
	}
	for _, name := range []string{"f", "g"} {
		if !f.on(t, "freezes") {
			continue
		}
		d.Freezes = append(d.Freezes, FreezeSpec{Name: name, StartsAt: "2027-03-01T08:00:00Z", EndsAt: pick[Timestamp](t, "ends", "2027-03-01T08:30:00Z", "2027-03-01T12:00:00Z"),
			Environments: some(t, "frozen", drawnNames), Tiers: []Tier{pick(t, "frozen tier", TierProduction, TierOther)}, Pipelines: some(t, "frozen pipelines", drawnPipelines)})
	}
	return d
}

func drawEnvironment(t *rapid.T, name string) EnvironmentSpec {
	return EnvironmentSpec{Name: name, Tier: pick(t, "tier", TierProduction, TierOther), Target: directoryTarget(pick(t, "place", "1", "2", "3", "4", "5"))}
}

// drawEdit declares something and edits a few things of it.
func drawEdit(t *rapid.T) edit {
	f := drawFocus(t)
	e := edit{before: f.drawDeclarations(t), facts: map[string]facts{}}
	other := f.drawDeclarations(t)
	e.after = e.before
	e.after.Pipelines, e.after.Environments = slices.Clone(e.before.Pipelines), slices.Clone(e.before.Environments)
	for i := range e.after.Pipelines {
		e.after.Pipelines[i] = f.drawPipelineEdit(t, e.after.Pipelines[i], other.Pipelines[i])
	}
	for i := range e.after.Environments {
		if maybe(t, "edit environment") {
			e.after.Environments[i] = other.Environments[i]
		}
	}
	if maybe(t, "edit policies") {
		e.after.Policies = other.Policies
	}
	if maybe(t, "edit freezes") {
		e.after.Freezes = other.Freezes
	}
	for _, p := range e.before.Pipelines {
		e.facts[p.Name] = drawFacts(t, p)
	}
	return e
}

// drawPipelineEdit edits one stage, moves environments between stages, removes a stage, or makes the pipeline again.
func (f focus) drawPipelineEdit(t *rapid.T, p, other PipelineSpec) PipelineSpec {
	p.Stages = slices.Clone(p.Stages)
	at := rapid.IntRange(0, len(p.Stages)-1).Draw(t, "stage")
	last := len(p.Stages) - 1
	switch pick(t, "edit", "none", "gates", "overridable", "promotion", "swap", "names", "remove", "again", "lose") {
	case "gates":
		p.Stages[at].Gates = f.drawGates(t, nil)
	case "overridable":
		p.Stages[at].Overridable = other.Stages[0].Overridable
	case "promotion":
		p.Stages[at].Promotion = other.Stages[0].Promotion
	case "swap":
		p.Stages[at].Environments, p.Stages[last].Environments = p.Stages[last].Environments, p.Stages[at].Environments
	case "names":
		p.Stages[at].Name, p.Stages[last].Name = p.Stages[last].Name, p.Stages[at].Name
	case "remove":
		if last > 0 {
			p.Stages = slices.Delete(p.Stages, at, at+1)
		}
	case "again":
		return other
	case "lose":
		p.Stages[at].Environments = p.Stages[at].Environments[:1]
	}
	return p
}

// drawFacts draws what was deployed, reported, overridden and counted, for the releases of a pipeline as it was.
func drawFacts(t *rapid.T, p PipelineSpec) facts {
	f := facts{releases: map[string]Release{}}
	deployments := []Deployment{}
	for _, version := range drawnVersions {
		spec := ReleaseSpec{Pipeline: p.Name, Version: version, Artifacts: map[string]Artifact{"app": {URI: version, Digest: "sha256:" + strings.Repeat("0", 64)}}}
		f.releases[version] = Release{Spec: spec, Digest: spec.Digest(), Attempt: 1, RegisteredBy: "ci", RegisteredAt: fixtureNow}
		for _, env := range drawnNames {
			if at := fixtureNow.Add(-pick(t, "verified", 0, time.Minute, time.Hour, 3*time.Hour)); at.Before(fixtureNow) {
				deployments = append(deployments, Deployment{ID: fmt.Sprint(version, env), Seq: int64(len(deployments) + 1), Pipeline: p.Name, Environment: env, Kind: KindDeliver, Attempt: 1,
					Content: Content{Version: version, ReleaseDigest: spec.Digest()}, Status: Verified, CreatedAt: at, VerifiedAt: &at, SettledAt: &at})
			}
		}
		for _, suite := range []string{"unit", "load"} {
			if !maybe(t, "unreported") {
				f.reports = append(f.reports, TestReport{ID: version + suite, Number: 1, Spec: TestReportSpec{Pipeline: p.Name, Version: version, Suite: suite}, ReleaseDigest: spec.Digest(),
					Counts: TestCounts{Tests: 3, Failures: pick(t, "failed", 0, 1)}, RecordedAt: fixtureNow.Add(-pick(t, "reported", time.Minute, 2*time.Hour))})
			}
		}
		for _, s := range p.Stages {
			if gates := half(t, "overridden", overriddenGates); len(gates) > 0 { // what the stage let be overridden at that time
				f.overrides = append(f.overrides, Override{ID: version + s.Name, ReleaseDigest: spec.Digest(), CreatedAt: fixtureNow,
					Spec: OverrideSpec{Pipeline: p.Name, Version: version, Stage: s.Name, Gates: gates, ExpiresAt: "2027-03-02T00:00:00Z"}})
			}
		}
	}
	for _, s := range p.Stages {
		if maybe(t, "delivered") {
			f.rollouts = append(f.rollouts, RolloutRecord{ID: s.Name, Stage: s.Name, StartedAt: fixtureNow.Add(-time.Hour)})
		}
	}
	f.history = NewHistory(deployments)
	return f
}

// passes asks the gates themselves, which know nothing of the analysis: may the release enter one environment by one stage?
func (e edit) passes(d Declarations, r route, version string) bool {
	f := e.facts[r.pipeline.Name]
	w := World{Now: d.Now, Pipeline: r.pipeline, Environments: map[string]EnvironmentSpec{}, Releases: f.releases, Reports: f.reports, Overrides: f.overrides,
		Rollouts: f.rollouts, History: f.history, Policies: d.Policies, Freezes: d.Freezes}
	for _, env := range d.Environments {
		w.Environments[env.Name] = env
	}
	w.Overrides = slices.Clone(w.Overrides)
	for i := range w.Overrides { // made again after the edit, if need be: the edit is what is judged
		w.Overrides[i].Contents = w.ApprovalContents(r.stage(), f.releases[version])
	}
	gates := candidate{World: w, stage: r.stage(), release: f.releases[version], environments: []string{r.environment.Name}, questions: &Questions{}}.evaluate()
	return GatesPassed(slices.DeleteFunc(gates, func(g GateResult) bool { return g.Name == "guarded" || g.Name == moveGate })) // added gates satisfy one, and a move back the other
}

// opening is a release that may enter an environment after an edit and could not before.
type opening struct{ pipeline, environment, words string }

// openings lists what may enter an environment or a place after the edit, and could not before: because a gate kept it out, or because
// somebody had to promote it.
func (e edit) openings() []opening {
	found, olds := []opening{}, indexed(e.before.routes()).all
	for _, now := range e.after.routes() {
		own := routesTo(olds, func(r *route) bool { return r.pipeline.Name == now.pipeline.Name })
		groups := map[string][]*route{
			"environment": routesTo(own, func(r *route) bool { return r.environment.Name == now.environment.Name }),
			"place":       routesTo(own, func(r *route) bool { return r.place == now.place }),
		}
		for _, version := range drawnVersions {
			if !e.passes(e.after, now, version) {
				continue
			}
			for _, name := range sortedKeys(groups) {
				could := slices.ContainsFunc(groups[name], func(r *route) bool {
					return (r.stage().Promotion == Automatic || now.stage().Promotion == Manual) && e.passes(e.before, *r, version)
				})
				if len(groups[name]) > 0 && !could {
					found = append(found, opening{now.pipeline.Name, now.environment.Name,
						fmt.Sprintf("%s/%s enters %s %s by %s", now.pipeline.Name, version, name, now.environment.Name, now.stage().Name)})
				}
			}
		}
	}
	return found
}

// silent lists the openings of which the analysis says nothing.
func silent(openings []opening, found []Relaxation) []string {
	words := []string{}
	for _, o := range openings {
		if !slices.ContainsFunc(found, func(r Relaxation) bool { return r.Pipeline == o.pipeline && r.Environment == o.environment }) {
			words = append(words, o.words)
		}
	}
	return words
}

// TestWhateverGotEasierIsReported lets the gates judge random edits of pipelines, environments, tiers, policies and freezes.
func TestWhateverGotEasierIsReported(t *testing.T) {
	opened, said := 0, map[string]int{}
	edited := rapid.Custom(drawEdit)
	for seed := range edits {
		e := edited.Example(seed + 1)
		found := Relaxations(e.before, e.after)
		openings := e.openings()
		require.Empty(t, silent(openings, found), "edit %d: %v", seed+1, found)
		opened += len(openings)
		for _, r := range found {
			for _, kind := range relaxationKinds {
				if slices.ContainsFunc(r.Reasons, func(reason string) bool { return strings.Contains(reason, kind) }) {
					said[kind]++
				}
			}
		}
		require.Empty(t, Relaxations(e.before, e.before), "what stays as it is makes nothing easier")
	}
	t.Logf("%d ways opened in %d edits; said: %v", opened, edits, said)
	require.Greater(t, opened, edits/10, "an analysis that is seldom put to the test proves nothing")
	require.Len(t, slices.Collect(maps.Keys(said)), len(relaxationKinds), "each kind of reason has to come up")
}

// relaxationKinds are parts of reasons, one for each kind of gate and edit.
var relaxationKinds = []string{"gate approvals", "gate tests", "gate soak", "window", "gate cooldown", "gate max_deploys", "gate expressions", "overridden", "no longer holds",
	"no longer covers", "need not be verified", "changes from manual", "do not count", "overrides for stage", "which changes"}

// analyses are broken on purpose: the same edits have to show each of them.
func brokenAnalyses() map[string]func(before, after Declarations) []Relaxation {
	change := func(edit func(*Declarations)) func(before, after Declarations) []Relaxation {
		return func(before, after Declarations) []Relaxation {
			edit(&before)
			edit(&after)
			return Relaxations(before, after)
		}
	}
	environments := func(edit func(*EnvironmentSpec)) func(*Declarations) {
		return func(d *Declarations) {
			d.Environments = slices.Clone(d.Environments)
			for i := range d.Environments {
				edit(&d.Environments[i])
			}
		}
	}
	broken := map[string]func(before, after Declarations) []Relaxation{
		"policies are not compared": change(func(d *Declarations) { d.Policies = nil }),
		"freezes are not compared":  change(func(d *Declarations) { d.Freezes = nil }),
		"places are not compared":   change(environments(func(e *EnvironmentSpec) { e.Target = nil })),
		"tiers are not compared":    change(environments(func(e *EnvironmentSpec) { e.Tier = TierOther })),
		"stages are compared by name": func(before, after Declarations) []Relaxation {
			return slices.DeleteFunc(Relaxations(before, after), func(r Relaxation) bool {
				for _, p := range before.Pipelines {
					if stage, ok := p.Stage(r.Stage); p.Name == r.Pipeline && ok && slices.Contains(stage.Environments, r.Environment) {
						return false
					}
				}
				return true
			})
		},
		"another pipeline that asks less excuses": func(before, after Declarations) []Relaxation {
			a := newAnalysis(before, after)
			found := []Relaxation{}
			for _, now := range a.news.all {
				for _, olds := range a.compared(now) {
					eased := slices.ContainsFunc(olds, func(old *route) bool { return len(crossing{old: *old, now: *now, after: after}.eased()) == 0 })
					if r := a.easiest(now, olds); len(r.Reasons) > 0 && !eased {
						found = append(found, r)
					}
				}
			}
			return found
		},
	}
	for _, kind := range relaxationKinds {
		broken["not said: "+kind] = func(before, after Declarations) []Relaxation {
			found := Relaxations(before, after)
			for i := range found {
				found[i].Reasons = slices.DeleteFunc(found[i].Reasons, func(reason string) bool { return strings.Contains(reason, kind) })
			}
			return slices.DeleteFunc(found, func(r Relaxation) bool { return len(r.Reasons) == 0 })
		}
	}
	return broken
}

// TestEveryBrokenAnalysisIsFound proves that the edits and the judge can find what an analysis leaves out.
func TestEveryBrokenAnalysisIsFound(t *testing.T) {
	edited := rapid.Custom(drawEdit)
	left := brokenAnalyses()
	for seed := 0; seed < soonEnough && len(left) > 0; seed++ {
		e := edited.Example(seed + 1)
		openings := e.openings()
		if len(openings) == 0 {
			continue
		}
		for name, analyze := range left {
			if missed := silent(openings, analyze(e.before, e.after)); len(missed) > 0 {
				t.Logf("%s: found in edit %d: %s", name, seed+1, missed[0])
				delete(left, name)
			}
		}
	}
	require.Empty(t, slices.Sorted(maps.Keys(left)), "these ways to break the analysis were not found")
}
