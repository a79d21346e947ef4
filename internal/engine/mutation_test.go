package engine

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// enough is how many histories may pass before a broken engine must be found out.
const enough = 1500

// deciding breaks what the engine decides from: the world is changed before delivery sees it.
func deciding(change func(*delivery.World)) mutation {
	return mutation{options: func(o *Options) {
		o.decide = func(w delivery.World, entry string) delivery.Decision {
			change(&w)
			return delivery.Decide(w, entry)
		}
	}}
}

// amongApprovals lets the histories be about approvals only: what is wrong with those shows sooner.
func amongApprovals(m mutation) mutation {
	m.onlyApprovals = true
	return m
}

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
			w.Approvals[i].ContentDigest = w.ApprovalDigest(stage, w.Releases[a.Spec.Version])
		}
	}
}

// deployments changes every deployment in the world.
func deployments(change func(*delivery.World, *delivery.Deployment)) func(*delivery.World) {
	return func(w *delivery.World) {
		w.Deployments = slices.Clone(w.Deployments)
		for i := range w.Deployments {
			change(w, &w.Deployments[i])
		}
	}
}

// mutations are engines broken on purpose. A name begins with the number of the invariant that must be found broken.
var mutations = map[string]mutation{
	"1 approvals are not asked": deciding(stages(func(s *delivery.Stage) { s.Gates.Approvals = nil })),
	"1 soak is not asked":       deciding(stages(func(s *delivery.Stage) { s.Gates.Soak = nil })),
	"1 parity is not asked":     deciding(stages(func(s *delivery.Stage) { s.Gates.Parity = false })),
	"1 checks are not asked":    deciding(stages(func(s *delivery.Stage) { s.Gates.Checks = nil })),
	"1 one approval is enough": deciding(func(w *delivery.World) {
		stages(func(s *delivery.Stage) {
			if s.Gates.Approvals != nil {
				one := *s.Gates.Approvals
				one.Required, s.Gates.Approvals = 1, &one
			}
		})(w)
		recovered(w)
	}),
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
	"1 deployed is as good as verified": {ledger: func(s store.Store) store.Store { return credulous{s} }},
	"1 what the gates saw is not what is deployed": deciding(func(w *delivery.World) {
		stages(func(s *delivery.Stage) { s.Config = nil })(w)
	}),
	"2 a manual stage is entered by itself": deciding(stages(func(s *delivery.Stage) { s.Promotion = delivery.Automatic })),
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
		w.Deployments = slices.DeleteFunc(slices.Clone(w.Deployments), delivery.Deployment.InFlight)
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
	"6 a deployment is not in the log":          {ledger: func(s store.Store) store.Store { return silent{s, "deployment.started"} }},
	"6 a failure is not in the log":             {ledger: func(s store.Store) store.Store { return silent{s, "deployment.failed"} }},
	"7 what is done is done again":              deciding(deployments(func(w *delivery.World, d *delivery.Deployment) { d.Content.ConfigRevision += "?" })),
	"8 the preview shows one step less":         {preview: func(p delivery.Preview) delivery.Preview { p.Steps = p.Steps[:max(0, len(p.Steps)-1)]; return p }},
	"8 the preview says that nothing changes":   {preview: func(p delivery.Preview) delivery.Preview { p.Steps, p.Changes = nil, false; return p }},
	"8 the preview always says something does":  {preview: func(p delivery.Preview) delivery.Preview { p.Changes = true; return p }},
	"8 the preview refuses what is accepted":    {preview: func(p delivery.Preview) delivery.Preview { p.Refused = delivery.Errors{{}}; return p }},
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

// credulous is a ledger that takes for verified what was only deployed.
type credulous struct{ store.Store }

type credulousTx struct{ store.Tx }

func (s credulous) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(credulousTx{tx}) })
}

func (tx credulousTx) PutDeployment(ctx context.Context, d delivery.Deployment) error {
	if d.Status == delivery.Failed {
		d.Status, d.VerifiedAt = delivery.Verified, d.SettledAt
	}
	return tx.Tx.PutDeployment(ctx, d)
}

// forgetful is a ledger that lets a version be registered anew.
type forgetful struct{ store.Store }

type forgetfulTx struct{ store.Tx }

func (s forgetful) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(forgetfulTx{tx}) })
}

func (tx forgetfulTx) Release(_ context.Context, pipeline, version string) (delivery.Release, error) {
	return delivery.Release{}, delivery.Errorf(delivery.CodeNotFound, "release %s/%s does not exist", pipeline, version)
}

func (tx forgetfulTx) PutRelease(ctx context.Context, r delivery.Release) error {
	if p, ok := tx.Tx.(*pages); ok {
		delete(p.releases, [2]string{r.Spec.Pipeline, r.Spec.Version})
	}
	return tx.Tx.PutRelease(ctx, r)
}

// silent is a ledger that loses one kind of event.
type silent struct {
	store.Store
	kind string
}

type silentTx struct {
	store.Tx
	kind string
}

func (s silent) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(silentTx{tx, s.kind}) })
}

func (tx silentTx) AppendEvent(ctx context.Context, e delivery.Event) (delivery.Event, error) {
	if e.Kind == tx.kind {
		return e, nil
	}
	return tx.Tx.AppendEvent(ctx, e)
}

// TestEveryMutationIsFound breaks the engine in each of these ways and lets the same histories find it: an oracle that finds
// nothing in them would prove nothing about the engine as it is.
func TestEveryMutationIsFound(t *testing.T) {
	for name, m := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lived := rapid.Custom(func(t *rapid.T) []string {
				u := newUniverse(t, newMemory(), m, newTally())
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
