package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// said is one event of a log that is sealed only when it is whole: anyone who can write the ledger can seal it.
type said struct {
	actor  string
	kind   EventKind
	object any
}

// sealed is the log as its chain has it.
func sealed(t *testing.T, log []said) []Event {
	t.Helper()
	events, hash := make([]Event, len(log)), ""
	for i, s := range log {
		data, err := json.Marshal(s.object)
		require.NoError(t, err)
		events[i] = Event{At: fixtureNow, Actor: s.actor, Kind: s.kind, Subject: "x", Data: data}.Sealed(int64(i+1), hash)
		hash = events[i].Hash
	}
	return events
}

// judged is what an audit of a log says whose rows all match it.
func judged(t *testing.T, log []said) error {
	t.Helper()
	audit := NewAudit("")
	for _, e := range sealed(t, log) {
		require.NoError(t, audit.Event(e))
	}
	clear(audit.latest)
	return audit.End()
}

// passed are gates that passed.
func passed(names ...string) []GateResult {
	gates := []GateResult{}
	for _, name := range names {
		gates = append(gates, GateResult{Name: name, Verdict: VerdictPassed})
	}
	return gates
}

// gatedShop is the fixture with gates: production asks for an approval and a soak, and a policy for a cooldown.
func gatedShop() World {
	w := shopFixture()
	w.Pipeline.Stages[1].Gates = Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}, Soak: &SoakGate{Stage: "staging", Duration: "1h"}}
	w.Pipeline.Stages[1].Overridable = []string{"approvals", "freeze", "soak"}
	return w
}

// overrideOf is carl's override of gates of production.
func overrideOf(w World, id string, gates ...string) Override {
	return Override{ID: id, Spec: OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Gates: gates}, ReleaseDigest: w.Releases["1.0"].Digest, Actor: "carl",
		CreatedAt: fixtureNow, ExpiresAt: fixtureNow.Add(time.Hour)}
}

func approvalOf(id, who string, decision ApprovalDecision) Approval {
	return Approval{ID: id, Spec: ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: decision, Approver: who}, RecordedBy: who, DecidedAt: fixtureNow}
}

// honestly is a log of what can happen: 1.0 gets into production by an approval and an override, is healed there, and 1.1 is rolled back.
func honestly() []said {
	w := gatedShop()
	log := []said{}
	add := func(actor string, kind EventKind, object any) { log = append(log, said{actor, kind, object}) }
	for _, name := range []string{"stg", "eu", "us"} {
		add("ann", EventEnvironmentDeclared, w.Environments[name])
	}
	add("ann", EventPipelineDeclared, w.Pipeline)
	add("ann", EventPolicyDeclared, PolicySpec{Name: "slow", Tiers: []Tier{TierProduction}, Gates: Gates{Cooldown: &CooldownGate{Duration: "1m"}}})
	add("ci", EventReleaseRegistered, w.Releases["1.0"])
	add("ci", EventReleaseRegistered, w.Releases["1.1"])
	add("bob", EventApprovalApproved, approvalOf("a1", "bob", Approve))
	add("dora", EventApprovalRejected, approvalOf("r1", "dora", Reject))
	add("Dora", EventApprovalRevoked, revokedApproval(approvalOf("r1", "dora", Reject)))
	add("carl", EventOverrideMade, overrideOf(w, "o1", "soak"))
	carry := func(d Deployment, to ...DeploymentEvent) Deployment {
		for _, event := range to {
			after, kind, err := d.After(event, fixtureNow)
			if err != nil {
				panic(err)
			}
			d = after
			add("ci", kind, d)
		}
		return d
	}
	begin := func(seq int64, version, env string, change func(*Deployment)) Deployment {
		return deployed(w, seq, version, env, unrecorded).with(func(d *Deployment) { d.SettledAt = nil; change(d) })
	}
	gates := passed("previous_stage", "approvals", "soak", "policy.slow.cooldown")
	gates[1].Approvals, gates[2].Override = []string{"a1"}, "o1"
	carry(begin(1, "1.0", "stg", func(*Deployment) {}), DeploymentStarted, DeploymentDeployed, DeploymentVerified)
	first := carry(begin(2, "1.0", "eu", func(d *Deployment) { d.Gates = gates }), DeploymentStarted, DeploymentResumed, DeploymentDeployed, DeploymentVerified)
	heal := carry(begin(3, "1.0", "eu", func(d *Deployment) { d.Kind = KindHeal }), DeploymentStarted, DeploymentDeployed, DeploymentVerified)
	carry(first, DeploymentSuperseded)
	failed := carry(begin(4, "1.1", "eu", func(d *Deployment) { d.Gates = passed("previous_stage", "approvals", "soak", "policy.slow.cooldown") }), DeploymentStarted, DeploymentFailed)
	carry(begin(5, "1.0", "eu", func(d *Deployment) { d.Kind, d.Replaces = KindRollback, failed.ID }), DeploymentStarted, DeploymentDeployed, DeploymentVerified)
	carry(heal, DeploymentSuperseded)
	carry(failed, DeploymentRolledBack)
	return log
}

// An interrupted deployment is superseded by the rollback that takes its place.
func TestARollbackOfWhatWasInterruptedIsNoProblem(t *testing.T) {
	log := edited(EventDeploymentFailed, "d4", func(d *Deployment) { d.Status = Superseded })(honestly())
	i := where(log, EventDeploymentFailed, "d4")
	log[i].kind = EventDeploymentSuperseded
	require.NoError(t, judged(t, log[:len(log)-1]))
}

func revokedApproval(a Approval) Approval {
	a.RevokedAt = later(0)
	return a
}

func revokedOverride(o Override) Override {
	o.RevokedAt = later(0)
	return o
}

func TestWhatHappensIsNoProblem(t *testing.T) {
	require.NoError(t, judged(t, honestly()))
}

// forgery changes an honest log. Its chain is sealed afterwards, so only its meaning is wrong.
type forgery struct {
	name   string
	change func(log []said) []said
	says   string
}

// where finds the first event of a kind about a deployment, or about anything when id is empty.
func where(log []said, kind EventKind, id string) int {
	i := slices.IndexFunc(log, func(s said) bool {
		d, is := s.object.(Deployment)
		return s.kind == kind && (id == "" || is && d.ID == id)
	})
	if i < 0 {
		panic(fmt.Sprint("the log has no ", kind, " of ", id))
	}
	return i
}

// edited changes the object of one event.
func edited[T any](kind EventKind, id string, change func(*T)) func([]said) []said {
	return func(log []said) []said {
		i := where(log, kind, id)
		text, err := json.Marshal(log[i].object)
		if err != nil {
			panic(err)
		}
		var object T // a copy: the events share what they point to
		if err := json.Unmarshal(text, &object); err != nil {
			panic(err)
		}
		change(&object)
		log[i].object = object
		return log
	}
}

// throughout changes a deployment in all of its events.
func throughout(id string, change func(*Deployment)) func([]said) []said {
	return func(log []said) []said {
		for i, s := range log {
			if d, is := s.object.(Deployment); is && d.ID == id {
				d.Gates = slices.Clone(d.Gates)
				log[i].object = d.with(change)
			}
		}
		return log
	}
}

func without(kind EventKind, id string) func([]said) []said {
	return func(log []said) []said { i := where(log, kind, id); return slices.Delete(log, i, i+1) }
}

// before inserts an event before another one.
func before(kind EventKind, id string, more said) func([]said) []said {
	return func(log []said) []said { return slices.Insert(log, where(log, kind, id), more) }
}

func by(actor string, kind EventKind, id string) func([]said) []said {
	return func(log []said) []said { log[where(log, kind, id)].actor = actor; return log }
}

func requireFound(t *testing.T, forgeries []forgery) {
	t.Helper()
	for _, f := range forgeries {
		t.Run(f.name, func(t *testing.T) {
			err := judged(t, f.change(honestly()))
			require.ErrorContains(t, err, f.says)
			require.Equal(t, CodeConflict, CodeOf(err))
		})
	}
}

func TestAForgedDeploymentIsFound(t *testing.T) {
	started := EventDeploymentStarted
	requireFound(t, []forgery{
		{"verified before it was deployed", without(EventDeploymentDeployed, "d2"), `deployment "d2" is said to be "verified" now, and it was "deploying" before`},
		{"deployed before it was started", without(started, "d1"), `deployment "d1" is said to be "verifying" now, and it was "not recorded" before`},
		{"started twice", before(EventDeploymentDeployed, "d1", said{"ci", started, deployed(gatedShop(), 1, "1.0", "stg", Deploying)}), `"d1" is said to be "deploying" now`},
		{"verified without a driver", edited(started, "d1", func(d *Deployment) { d.Status = Verifying }), `deployment "d1" is to be verified, and no driver deployed it`},
		{"another content", edited(EventDeploymentVerified, "d2", func(d *Deployment) { d.Content.Config = map[string]string{"A": "b"} }), `deployment "d2" has another content than when it was begun`},
		{"another pipeline", edited(EventDeploymentVerified, "d2", func(d *Deployment) { d.Pipeline = "other" }), `deployment "d2" is of other to eu in stage "production", and was begun as one of shop`},
		{"another stage", edited(EventDeploymentVerified, "d2", func(d *Deployment) { d.Stage = "staging" }), `in stage "staging", and was begun`},
		{"another environment", edited(EventDeploymentVerified, "d2", func(d *Deployment) { d.Environment = "us" }), `is of shop to us`},
		{"other gates", edited(EventDeploymentVerified, "d2", func(d *Deployment) { d.Gates = nil }), `has another kind or other gates`},
		{"two in flight", before(EventDeploymentDeployed, "d2", said{"ci", started, deployed(gatedShop(), 9, "1.1", "eu", Deploying).with(func(d *Deployment) {
			d.Gates = passed("previous_stage", "approvals", "soak", "policy.slow.cooldown")
		})}), `deployment "d9" was begun in eu while deployment "d2" of shop was still in flight there`},
		{"not what was released", throughout("d1", func(d *Deployment) { d.Content.Artifacts = map[string]Artifact{"app": {URI: "evil"}} }), `"d1" brings another content than release shop/1.0 has`},
		{"nothing to heal", throughout("d2", func(d *Deployment) { d.Kind = KindHeal }), `"d2" says that it heals eu, and release 1.0 did not run verified there`},
		{"healed with another release", throughout("d4", func(d *Deployment) { d.Kind = KindHeal }), `"d4" says that it heals eu`},
		{"nothing to roll back", throughout("d5", func(d *Deployment) { d.Replaces = "d1" }), `"d5" says that it rolls back deployment "d1", which was not made in eu`},
		{"rolled back what was replaced", throughout("d5", func(d *Deployment) { d.Replaces = "d2" }), `rolls back deployment "d2", which is "superseded"`},
		{"rolled back to something new", throughout("d5", func(d *Deployment) { d.Content.Config = map[string]string{"A": "b"} }), `rolls eu back to a content that was never verified there`},
	})
}

func TestAForgedReleaseIsFound(t *testing.T) {
	again := func(change func(*Release)) func([]said) []said {
		r := gatedShop().Releases["1.0"]
		change(&r)
		return func(log []said) []said { return append(log, said{"ci", EventReleaseDeclared, r}) }
	}
	const says = `release "shop/1.0" has another content than the one it was registered with`
	requireFound(t, []forgery{
		{"another digest", again(func(r *Release) { r.Digest = "sha256:00" }), says},
		{"other artifacts", again(func(r *Release) { r.Spec.Artifacts = map[string]Artifact{"app": {URI: "evil"}} }), says},
		{"another source", again(func(r *Release) { r.Spec.Source = &Source{Revision: "evil"} }), says},
		{"the digest of another content", edited(EventReleaseRegistered, "", func(r *Release) { r.Spec.Labels = map[string]string{"a": "b"} }), `has the digest of another content`},
	})
}

func TestForgedGatesAreFound(t *testing.T) {
	gate := func(i int, change func(*GateResult)) func([]said) []said {
		return throughout("d2", func(d *Deployment) { change(&d.Gates[i]) })
	}
	lacking := func(i int) func([]said) []said {
		return throughout("d2", func(d *Deployment) { d.Gates = slices.Delete(d.Gates, i, i+1) })
	}
	w, started := gatedShop(), EventDeploymentStarted
	override := func(change func(*Override)) func([]said) []said { return edited(EventOverrideMade, "", change) }
	const skipped = `deployment "d2" skipped gate "soak" by override "o1", which does not count: `
	requireFound(t, []forgery{
		{"not passed", gate(1, func(g *GateResult) { g.Verdict = VerdictPending }), `deployment "d2" was begun although gate "approvals" had not passed (pending)`},
		{"no stage before", lacking(0), `does not record gate "previous_stage"`},
		{"no approvals", lacking(1), `does not record gate "approvals", which was asked of stage "production" then`},
		{"no policy", lacking(3), `does not record gate "policy.slow.cooldown"`},
		{"under a freeze", before(started, "d2", said{"ann", EventFreezeDeclared, FreezeSpec{Name: "f", StartsAt: "2027-01-01T00:00:00Z", EndsAt: "2028-01-01T00:00:00Z", Environments: []string{"eu"}}}), `does not record gate "freeze"`},
		{"an override that nobody made", without(EventOverrideMade, ""), skipped + "no event records that it was made"},
		{"a revoked override", before(started, "d2", said{"ann", EventOverrideRevoked, revokedOverride(overrideOf(w, "o1", "soak"))}), skipped + "it was revoked before"},
		{"an expired override", override(func(o *Override) { o.ExpiresAt = fixtureNow.Add(-MaxClockSkew) }), skipped + "it had expired at 2027-03-01T08:55:00Z"},
		{"an override of another gate", override(func(o *Override) { o.Spec.Gates = []string{"freeze"} }), skipped + "it does not name that gate"},
		{"an override of another release", override(func(o *Override) { o.Spec.Version = "1.1" }), skipped + "it is one for another release or stage"},
		{"an override of a content before", override(func(o *Override) { o.ReleaseDigest = "sha256:00" }), skipped + "it is one for another release or stage"},
		{"an override of a policy", gate(3, func(g *GateResult) { g.Override = "o1" }), `skipped gate "policy.slow.cooldown" by override "o1"`},
		{"an override that the stage stopped allowing", before(started, "d2", said{"ann", EventPipelineDeclared, func() PipelineSpec {
			p := gatedShop().Pipeline
			p.Stages[1].Overridable = nil
			return p
		}()}), skipped + "the stage does not let that gate be overridden"},
		{"an approval that nobody gave", without(EventApprovalApproved, ""), `passed gate "approvals" by decision "a1", and no event records that it was made`},
		{"an approval that was revoked", before(started, "d2", said{"bob", EventApprovalRevoked, revokedApproval(approvalOf("a1", "bob", Approve))}), `by decision "a1", which is a rejection or was revoked before`},
		{"an approval of something else", edited(EventApprovalApproved, "", func(a *Approval) { a.Spec.Version = "1.1" }), `by decision "a1", which is about another release or stage`},
	})
}

func TestForgedDecisionsAreFound(t *testing.T) {
	requireFound(t, []forgery{
		{"of another person", edited(EventApprovalApproved, "", func(a *Approval) { a.RecordedBy = "mallory" }), `decision "a1" is one of bob, and mallory recorded it without a signature of theirs`},
		{"recorded by another actor", by("mallory", EventApprovalApproved, ""), `decision "a1" says that bob recorded it, and mallory did`},
		{"a rejection as an approval", edited(EventApprovalRejected, "", func(a *Approval) { a.Spec.Decision = Approve }), `decision "r1" says "approve"`},
		{"revoked by another person", by("mallory", EventApprovalRevoked, ""), `rejection "r1" of dora is revoked by mallory, and only the person who rejected may do that`},
		{"changed when revoked", edited(EventApprovalRevoked, "", func(a *Approval) { a.Spec.Approver = "mallory" }), `decision "r1" says something else than when it was made`},
		{"revoked and never made", without(EventApprovalRejected, ""), `decision "r1" is revoked, and no event records that it was made`},
		{"revoked twice", before(EventOverrideMade, "", said{"dora", EventApprovalRevoked, revokedApproval(approvalOf("r1", "dora", Reject))}), `decision "r1" is revoked twice`},
		{"made twice", before(EventOverrideMade, "", said{"bob", EventApprovalApproved, approvalOf("a1", "bob", Approve)}), `decision "a1" is recorded twice`},
		{"an override that the stage does not allow", edited(EventOverrideMade, "", func(o *Override) { o.Spec.Gates = []string{"soak", "tests"} }), `override "o1" skips the gate "tests", and stage "production" did not let it be overridden`},
		{"an author's override", func(log []said) []said {
			o := overrideOf(gatedShop(), "o2", "approvals")
			o.Actor = "Ann"
			return append(log, said{"ann", EventOverrideMade, o})
		}, `override "o2" skips the approvals of release shop/1.0, and Ann is one of its authors`},
		{"another actor's override", by("mallory", EventOverrideMade, ""), `override "o1" says that carl made it, and mallory did`},
		{"an override made twice", before(EventDeploymentStarted, "d1", said{"carl", EventOverrideMade, overrideOf(gatedShop(), "o1", "soak")}), `override "o1" is recorded twice`},
		{"an override that is revoked and was never made", func(log []said) []said {
			return append(log, said{"ann", EventOverrideRevoked, revokedOverride(overrideOf(gatedShop(), "o2", "soak"))})
		}, `override "o2" is revoked, and no event records that it was made`},
		{"an override changed when revoked", func(log []said) []said {
			return append(log, said{"ann", EventOverrideRevoked, revokedOverride(overrideOf(gatedShop(), "o1", "freeze"))})
		}, `override "o1" says something else than when it was made`},
	})
}

func TestTheFirstProblemIsNamedAndAllAreCounted(t *testing.T) {
	one := by("mallory", EventApprovalRevoked, "")(honestly())
	err := judged(t, one)
	require.ErrorContains(t, err, `event 10 (approval.revoked x): rejection "r1"`)
	require.ErrorContains(t, err, "It is the only such event. Find out who did it, then restore the ledger from a backup")
	two := without(EventDeploymentDeployed, "d3")(one)
	require.ErrorContains(t, judged(t, two), `event 10 (approval.revoked x): rejection "r1"`)
	require.ErrorContains(t, judged(t, two), "It is the first of 2 such problems")
}

// What an older release did not record is no problem.
func TestWhatIsAbsentIsNoProblem(t *testing.T) {
	for name, change := range map[string]func([]said) []said{
		"who recorded an approval": edited(EventApprovalApproved, "", func(a *Approval) { a.RecordedBy, a.Contents = "", nil }),
		"by whom a gate passed":    throughout("d2", func(d *Deployment) { d.Gates[1].Approvals = nil }),
		"the pipeline":             without(EventPipelineDeclared, ""),
		"when an override ends": edited(EventOverrideMade, "", func(o *Override) {
			o.ExpiresAt, o.Spec.ExpiresAt = time.Time{}, Timestamp(fixtureNow.Add(time.Hour).Format(time.RFC3339))
		}),
		"a signature is enough": edited(EventApprovalApproved, "", func(a *Approval) { a.RecordedBy, a.Spec.Signature = "bob", "signed" }),
	} {
		require.NoError(t, judged(t, change(honestly())), name)
	}
}
