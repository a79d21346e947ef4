package worker

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// enough is how many histories may pass before a broken engine must be found out.
const enough = 1500

// deciding breaks what the engine decides from: the world is changed before delivery sees it.
func deciding(change func(*delivery.World)) mutation {
	return mutation{options: func(o *engineOptions) {
		o.decide = func(w delivery.World, entry string) delivery.Decision {
			change(&w)
			return delivery.Decide(w, entry)
		}
	}}
}

// among lets the histories be about some kinds of gates only: what is wrong with those shows sooner.
func among(m mutation, kinds ...string) mutation {
	m.only = kinds
	return m
}

// amongApprovals lets the histories be about approvals only.
func amongApprovals(m mutation) mutation { return among(m, "approvals") }

// stages changes every stage of the pipeline in the world.
func stages(change func(*delivery.Stage)) func(*delivery.World) {
	return func(w *delivery.World) {
		w.Pipeline.Stages = slices.Clone(w.Pipeline.Stages)
		for i := range w.Pipeline.Stages {
			change(&w.Pipeline.Stages[i])
		}
	}
}

// recovered makes approvals cover what is there now, whatever they were given for.
func recovered(w *delivery.World) {
	w.Approvals = slices.Clone(w.Approvals)
	for i, a := range w.Approvals {
		if stage, ok := w.Pipeline.Stage(a.Spec.Stage); ok {
			w.Approvals[i].Contents = w.ApprovalContents(stage, w.Releases[a.Spec.Version])
		}
	}
}

// deployments changes every deployment in the world.
func deployments(change func(*delivery.World, *delivery.Deployment)) func(*delivery.World) {
	return func(w *delivery.World) {
		changed := w.History.Deployments()
		for i := range changed {
			change(w, &changed[i])
		}
		w.History = delivery.NewHistory(changed)
	}
}

// reports changes every report in the world.
func reports(change func(*delivery.World, *delivery.TestReport)) func(*delivery.World) {
	return func(w *delivery.World) {
		w.Reports = slices.Clone(w.Reports)
		for i := range w.Reports {
			change(w, &w.Reports[i])
		}
	}
}

// aboutEverything makes each report one about every release.
func aboutEverything(w *delivery.World) {
	all := slices.Clone(w.Reports)
	for _, version := range sortedKeys(w.Releases) {
		for _, r := range w.Reports {
			r.Spec.Version, r.ReleaseDigest = version, w.Releases[version].Digest
			all = append(all, r)
		}
	}
	w.Reports = all
}

func windows(change func(*schedule.Window)) func(*delivery.World) {
	return stages(func(s *delivery.Stage) {
		s.Gates.Windows = maps.Clone(s.Gates.Windows)
		for name, w := range s.Gates.Windows {
			change(&w)
			s.Gates.Windows[name] = w
		}
	})
}

func oneMore(w *delivery.World) {
	stages(func(s *delivery.Stage) {
		if s.Gates.MaxDeploys != nil {
			more := *s.Gates.MaxDeploys
			more.Count++
			s.Gates.MaxDeploys = &more
		}
	})(w)
}

// forgiving lets a condition that cannot be answered pass.
func forgiving(w *delivery.World) {
	stages(func(s *delivery.Stage) {
		s.Gates.Expressions = maps.Clone(s.Gates.Expressions)
		for name, e := range s.Gates.Expressions {
			if e.Condition == unanswerable {
				e.Condition = `!("FEATURE" in config) || ` + unanswerable
			}
			s.Gates.Expressions[name] = e
		}
	})(w)
}

func narrowed(w *delivery.World) {
	w.Freezes = slices.Clone(w.Freezes)
	for i := range w.Freezes {
		w.Freezes[i].Pipelines = []string{"blog"}
	}
}

// overrides changes every override in the world.
func overrides(change func(*delivery.Override)) func(*delivery.World) {
	return func(w *delivery.World) {
		w.Overrides = slices.Clone(w.Overrides)
		for i := range w.Overrides {
			change(&w.Overrides[i])
		}
	}
}

var everyGate = []string{"approvals", "checks", "cooldown", "expressions", "freeze", "max_deploys", "parity", "previous_stage", "soak", "tests", "windows"}

func forEveryRelease(w *delivery.World) {
	all := slices.Clone(w.Overrides)
	for _, version := range sortedKeys(w.Releases) {
		for _, o := range w.Overrides {
			o.Spec.Version, o.ReleaseDigest = version, w.Releases[version].Digest
			all = append(all, o)
		}
	}
	w.Overrides = all
	remade(w)
}

// remade makes overrides cover what is there now, whatever they were made for.
func remade(w *delivery.World) {
	overrides(func(o *delivery.Override) {
		if stage, ok := w.Pipeline.Stage(o.Spec.Stage); ok {
			o.Contents = w.ApprovalContents(stage, w.Releases[o.Spec.Version])
		}
	})(w)
}

func dropIf[T any](condition bool, from *[]T) {
	if condition {
		*from = nil
	}
}

// ownKeys takes each decision for signed by the person it names.
func ownKeys(w *delivery.World) map[string]string {
	signers := map[string]string{}
	for _, a := range w.Approvals {
		signers[a.ID] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(keys[whois(a.Spec.Approver)].PublicKey())))
	}
	return signers
}

// mutations are engines broken on purpose. A name begins with the number of the invariant that must be found broken.
var mutations = map[string]mutation{
	"1 approvals are not asked":                        deciding(stages(func(s *delivery.Stage) { s.Gates.Approvals = nil })),
	"1 soak is not asked":                              deciding(stages(func(s *delivery.Stage) { s.Gates.Soak = nil })),
	"1 parity is not asked":                            deciding(stages(func(s *delivery.Stage) { s.Gates.Parity = nil })),
	"1 what a release was tested with is not compared": among(deciding(testedNow), "parity"),
	"1 drift where a release was tested is not seen":   among(deciding(func(w *delivery.World) { w.Observations = allIsWell(w) }), "parity"),
	"1 a replica does not follow its source": among(deciding(func(w *delivery.World) {
		w.Environments = maps.Clone(w.Environments)
		for name, env := range w.Environments {
			if env.ReplicaOf != "" {
				env.Config = nil
				w.Environments[name] = env
			}
		}
	}), "parity"),
	"1 what a rollback would not find is ignored": deciding(func(w *delivery.World) {
		w.Rollbacks = maps.Clone(w.Rollbacks)
		for key := range w.Rollbacks {
			w.Rollbacks[key] = ""
		}
	}),
	"1 checks are not asked": among(deciding(stages(func(s *delivery.Stage) { s.Gates.Checks = nil })), "checks"),
	"1 one approval is enough": amongApprovals(deciding(func(w *delivery.World) {
		stages(func(s *delivery.Stage) {
			if s.Gates.Approvals != nil {
				one := *s.Gates.Approvals
				one.Required, s.Gates.Approvals = 1, &one
			}
		})(w)
		recovered(w)
	})),
	"1 approvals of other content count": amongApprovals(deciding(recovered)),
	"1 old approvals count": amongApprovals(deciding(func(w *delivery.World) {
		w.Approvals = slices.Clone(w.Approvals)
		for i := range w.Approvals {
			w.Approvals[i].DecidedAt = w.Now
		}
	})),
	"1 rejections are forgotten": amongApprovals(deciding(func(w *delivery.World) {
		w.Approvals = slices.DeleteFunc(slices.Clone(w.Approvals), func(a delivery.Approval) bool { return a.Spec.Decision == delivery.Reject })
	})),
	"1 what was revoked was never said": amongApprovals(deciding(func(w *delivery.World) {
		w.Approvals = slices.DeleteFunc(slices.Clone(w.Approvals), func(a delivery.Approval) bool { return a.RevokedAt != nil })
	})),
	"1 anybody revokes a rejection":     amongApprovals(mutation{ledger: func(s store.Store) store.Store { return agreeable{s} }}),
	"1 deployed is as good as verified": {ledger: func(s store.Store) store.Store { return deployedAsVerified{s} }},
	"1 authorized is as good as verified": among(deciding(deployments(func(w *delivery.World, d *delivery.Deployment) {
		if d.Authorized() {
			d.Status, d.VerifiedAt = delivery.Verified, &w.Now
		}
	})), "terraform"),
	"1 what the checks refused is verified": among(mutation{ledger: func(s store.Store) store.Store { return trusting{s} }}, "terraform"),
	"1 what the gates saw is not what is deployed": deciding(func(w *delivery.World) {
		stages(func(s *delivery.Stage) { s.Config = nil })(w)
	}),
	"1 tests are not asked":                   among(deciding(stages(func(s *delivery.Stage) { s.Gates.Tests = nil })), "tests"),
	"1 reports of other releases count":       among(deciding(aboutEverything), "tests"),
	"1 withdrawn reports count":               among(mutation{ledger: func(s store.Store) store.Store { return unforgetting{s} }}, "tests"),
	"1 old reports count":                     among(deciding(reports(func(w *delivery.World, r *delivery.TestReport) { r.RecordedAt = w.Now })), "tests"),
	"1 skipped tests ran":                     among(deciding(reports(func(_ *delivery.World, r *delivery.TestReport) { r.Counts.Skipped = 0 })), "tests"),
	"1 failures are forgiven":                 among(deciding(reports(func(_ *delivery.World, r *delivery.TestReport) { r.Counts.Failures = 0 })), "tests"),
	"1 windows are always open":               among(deciding(stages(func(s *delivery.Stage) { s.Gates.Windows = nil })), "windows"),
	"1 windows are all in one zone":           among(deciding(windows(func(w *schedule.Window) { w.TimeZone = "" })), "windows"),
	"1 a clock that was set back is believed": among(deciding(func(w *delivery.World) { w.Ledger.At = w.Now }), "windows", "tests", "cooldown"),
	"1 windows close a minute late":           among(deciding(windows(func(w *schedule.Window) { w.End = strings.Replace(w.End, ":15", ":59", 1) })), "windows"),
	"1 cooldown is not asked":                 among(deciding(stages(func(s *delivery.Stage) { s.Gates.Cooldown = nil })), "cooldown"),
	"1 one delivery more than max_deploys":    among(deciding(oneMore), "max_deploys"),
	"1 expressions are not asked":             among(deciding(stages(func(s *delivery.Stage) { s.Gates.Expressions = nil })), "expressions"),
	"1 an expression's error passes":          among(deciding(forgiving), "expressions"),
	"1 freezes are not seen":                  among(deciding(func(w *delivery.World) { w.Freezes = nil }), "freezes"),
	"1 freezes hold for one pipeline only":    among(deciding(narrowed), "freezes"),
	"1 expired overrides count":               among(deciding(overrides(func(o *delivery.Override) { o.ExpiresAt = o.CreatedAt.AddDate(900, 0, 0) })), "overrides", "expressions", "tests"),
	"1 revoked overrides count":               among(mutation{ledger: func(s store.Store) store.Store { return unforgetting{s} }}, "overrides", "tests"),
	"1 overrides skip every gate":             among(deciding(overrides(func(o *delivery.Override) { o.Spec.Gates = everyGate })), "overrides", "expressions", "tests"),
	"1 every gate is overridable": among(deciding(func(w *delivery.World) {
		stages(func(s *delivery.Stage) { s.Overridable = everyGate })(w)
		remade(w)
	}), "overrides", "expressions", "tests"),
	"1 overrides of other content count": among(deciding(remade), "overrides", "expressions", "tests"),
	"1 overrides are for every release":  among(deciding(forEveryRelease), "overrides", "expressions", "tests"),
	"1 overrides skip a policy's gates":  among(deciding(func(w *delivery.World) { dropIf(len(w.Overrides) > 0, &w.Policies) }), "overrides", "policies", "expressions", "tests"),
	"1 policies are not asked":           among(deciding(func(w *delivery.World) { w.Policies = nil }), "policies", "expressions"),
	"1 policies hold by environment only": among(deciding(func(w *delivery.World) {
		w.Policies = again(w.Policies)
		for i := range w.Policies {
			w.Policies[i].Tiers = nil
		}
	}), "policies", "expressions"),
	"1 anybody's signature counts": among(deciding(func(w *delivery.World) { w.Signers = ownKeys(w) }), "approvals", "policies"),
	"1 production needs no gate": deciding(stages(func(s *delivery.Stage) {
		if text(s.Gates) == "{}" {
			s.Gates.None = "not said"
		}
	})),
	"2 a manual stage is entered without a promotion": deciding(stages(func(s *delivery.Stage) { s.Promotion = delivery.Automatic })),
	"2 another version than the promoted one": deciding(func(w *delivery.World) {
		w.Promotions = again(w.Promotions)
		for stage, p := range w.Promotions {
			for _, version := range sortedKeys(w.Releases) {
				p.Spec.Version = version
			}
			w.Promotions[stage] = p
		}
	}),
	"7 what is in flight is not seen": deciding(func(w *delivery.World) {
		w.History = delivery.NewHistory(slices.DeleteFunc(w.History.Deployments(), delivery.Deployment.InFlight))
	}),
	"4 a release can be given other content": {ledger: func(s store.Store) store.Store { return forgetful{s} }},
	"5 what failed is tried again": deciding(deployments(func(_ *delivery.World, d *delivery.Deployment) {
		if broke(*d) {
			d.Attempt = 0
		}
	})),
	"5 what was rolled back is tried again": deciding(deployments(func(_ *delivery.World, d *delivery.Deployment) {
		if d.Status == delivery.RolledBack {
			d.Attempt = 0
		}
	})),
	"5 a stopped rollout goes on":                                deciding(deployments(func(_ *delivery.World, d *delivery.Deployment) { d.MaxFailures = 9 })),
	"1 what was interrupted goes on without asking":              {options: func(o *engineOptions) { o.decide = resumeAnyway }},
	"1 what was interrupted goes on though its stage was edited": deciding(deployments(func(_ *delivery.World, d *delivery.Deployment) { d.Terms = "" })),
	"8 what may go on is rolled back": deciding(deployments(func(_ *delivery.World, d *delivery.Deployment) {
		if d.Kind != delivery.KindRollback && d.InFlight() {
			d.Terms = "others"
		}
	})),
	"5 one work tries a failed rollback for ever": deciding(func(w *delivery.World) { w.Tried = nil }),
	"8 a failed rollback is never tried again": deciding(func(w *delivery.World) {
		w.Tried = map[string]bool{}
		for _, d := range w.History.Deployments() {
			w.Tried[d.ID] = true
		}
	}),
	"8 a failed rollback holds what it restores": deciding(deployments(func(_ *delivery.World, d *delivery.Deployment) {
		if d.Kind == delivery.KindRollback && broke(*d) {
			d.Kind = delivery.KindDeliver
		}
	})),
	"6 a deployment is not in the log": {ledger: func(s store.Store) store.Store { return silent{s, "deployment.started"} }},
	"6 a failure is not in the log":    {ledger: func(s store.Store) store.Store { return silent{s, "deployment.failed"} }},
	"7 what is done is done again":     deciding(deployments(func(w *delivery.World, d *delivery.Deployment) { d.Content.ConfigRevision += "?" })),
	"8 the preview shows one step less": {preview: func(p delivery.DeliveryPreview) delivery.DeliveryPreview {
		p.Steps = p.Steps[:max(0, len(p.Steps)-1)]
		return p
	}},
	"8 the preview says that nothing changes":   {preview: func(p delivery.DeliveryPreview) delivery.DeliveryPreview { p.Steps, p.Changes = nil, false; return p }},
	"8 the preview always says something does":  {preview: func(p delivery.DeliveryPreview) delivery.DeliveryPreview { p.Changes = true; return p }},
	"8 the preview refuses what is accepted":    {preview: func(p delivery.DeliveryPreview) delivery.DeliveryPreview { p.Refused = delivery.Errors{{}}; return p }},
	"8 drift is previewed and not healed":       deciding(func(w *delivery.World) { w.Observations = allIsWell(w) }),
	"8 only the first environment is delivered": deciding(stages(func(s *delivery.Stage) { s.Environments = s.Environments[:1] })),
}

func allIsWell(w *delivery.World) map[string]delivery.Observation {
	well := map[string]delivery.Observation{}
	for env := range w.Environments {
		well[env] = delivery.Observation{Running: true}
	}
	return well
}

// resumeAnyway finishes what was interrupted, whatever the gates say.
func resumeAnyway(w delivery.World, entry string) delivery.Decision {
	d := delivery.Decide(w, entry)
	d.Steps = slices.Clone(d.Steps)
	for i, step := range d.Steps {
		for _, interrupted := range w.History.Deployments() {
			if step.Kind == delivery.StepRollback && interrupted.ID == step.Deployment && interrupted.InFlight() {
				d.Steps[i] = delivery.Step{Kind: delivery.StepResume, Stage: step.Stage, Environment: step.Environment, Version: interrupted.Content.Version,
					Deployment: interrupted.ID, Rollout: interrupted.Rollout, Attempt: interrupted.Attempt, Purpose: interrupted.Kind, Content: interrupted.Content}
			}
		}
	}
	return d
}

// TestEveryMutationIsFound breaks the engine in each of these ways and lets the same histories find it: an oracle that finds
// nothing in them would prove nothing about the engine as it is.
func TestEveryMutationIsFound(t *testing.T) {
	for name, m := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lived := rapid.Custom(func(t *rapid.T) []string {
				u := newSimulation(t, newMemory(), m, newCounters())
				u.stopAt = "[" + name[:1] + "]"
				return u.live()
			})
			for seed := range enough {
				if wrong := lived.Example(seed + 1); len(wrong) > 0 {
					t.Logf("found in history %d: %s", seed+1, wrong[0])
					return
				}
			}
			require.Fail(t, "the mutation survived", "%d histories did not show that %s", enough, name)
		})
	}
}
