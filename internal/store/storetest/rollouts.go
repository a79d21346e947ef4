package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var rollouts = map[string]func(*testing.T, ledger){
	"are none where nothing was delivered": func(t *testing.T, l ledger) {
		l.add(t, rolledOut("d1", "api", "production", "r1", noon))
		require.Equal(t, []delivery.RolloutRecord{}, read(t, l, rolloutsOf("shop")))
	},
	"begin with their first deployment": func(t *testing.T, l ledger) {
		l.add(t, rolledOut("d1", "shop", "production", "r1", late), rolledOut("d2", "shop", "production", "r1", noon.Add(time.Hour)),
			rolledOut("d3", "shop", "production", "r1", noon.Add(-time.Hour)))
		require.Equal(t, []delivery.RolloutRecord{{ID: "r1", Stage: "production", StartedAt: noon}}, read(t, l, rolloutsOf("shop")))
	},
	"are seen in the transaction that begins them, and gone with it": func(t *testing.T, l ledger) {
		err := l.Update(t.Context(), func(tx store.Tx) error {
			require.NoError(t, addDeployment(rolledOut("d1", "shop", "production", "r1", noon))(t.Context(), tx))
			begun, err := rolloutsOf("shop")(t.Context(), tx)
			require.NoError(t, err)
			require.Len(t, begun, 1)
			return errOnPurpose
		})
		require.Equal(t, errOnPurpose, err)
		require.Empty(t, read(t, l, rolloutsOf("shop")))
	},
	"are not begun by a deployment that was refused": func(t *testing.T, l ledger) {
		l.add(t, rolledOut("d1", "shop", "production", "r1", noon))
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			requireCode(t, delivery.CodeConflict, addDeployment(rolledOut("d1", "shop", "production", "r2", noon))(ctx, tx))
			return nil
		})
		require.Equal(t, []string{"production/r1"}, begun(read(t, l, rolloutsOf("shop"))))
	},
	"are not begun by taking something back": func(t *testing.T, l ledger) {
		failed, undone := rolledOut("d1", "shop", "production", "r1", noon), rolledOut("d2", "shop", "production", "r1", noon.Add(time.Minute))
		undone.Kind, undone.Replaces = delivery.KindRollback, "d1"
		alone := rolledOut("d3", "shop", "production", "r2", noon.Add(2*time.Minute))
		alone.Kind = delivery.KindRollback
		healed := rolledOut("d4", "shop", "production", "r3", noon.Add(3*time.Minute))
		healed.Kind = delivery.KindHeal
		l.add(t, failed, undone, alone, healed)
		require.Equal(t, []delivery.RolloutRecord{
			{ID: "r1", Stage: "production", StartedAt: noon},
			{ID: "r3", Stage: "production", StartedAt: noon.Add(3 * time.Minute)},
		}, read(t, l, rolloutsOf("shop")))
		l.add(t, rolledOut("d5", "shop", "production", "r2", noon.Add(4*time.Minute))) // delivers in what began as taking back
		require.Equal(t, []string{"production/r1", "production/r3", "production/r2"}, begun(read(t, l, rolloutsOf("shop"))))
	},
	"count whatever became of them": func(t *testing.T, l ledger) {
		d := rolledOut("d1", "shop", "production", "r1", noon)
		d.Status, d.VerifiedAt, d.SettledAt = delivery.Deploying, nil, nil
		d = l.add(t, d)[0]
		for _, status := range []delivery.DeploymentStatus{delivery.Verifying, delivery.Failed, delivery.RolledBack, delivery.Superseded} {
			d.Status = status
			l.write(t, putDeployment(d))
			require.Equal(t, []delivery.RolloutRecord{{ID: "r1", Stage: "production", StartedAt: noon}}, read(t, l, rolloutsOf("shop")))
		}
	},
	"are those of each stage of one pipeline": func(t *testing.T, l ledger) {
		l.add(t, rolledOut("d1", "shop", "production", "r1", noon.Add(3*time.Minute)), rolledOut("d2", "shop", "development", "r1", noon.Add(2*time.Minute)),
			rolledOut("d3", "api", "production", "r1", noon.Add(time.Minute)), rolledOut("d4", "shop", "production", "r2", noon))
		require.Equal(t, []string{"production/r2", "development/r1", "production/r1"}, begun(read(t, l, rolloutsOf("shop"))))
		require.Equal(t, []string{"production/r1"}, begun(read(t, l, rolloutsOf("api"))))
	},
	"are each one deployment, where none is named": func(t *testing.T, l ledger) {
		l.add(t, rolledOut("d1", "shop", "production", "", noon), rolledOut("d2", "shop", "production", "", noon))
		require.Equal(t, []string{"production/d1", "production/d2"}, begun(read(t, l, rolloutsOf("shop"))))
	},
	"are the newest of each stage, though the clock was set back": func(t *testing.T, l ledger) {
		story, want := []delivery.Deployment{}, []string{}
		for i := range delivery.MaxRollouts + 5 {
			at := noon.Add(time.Duration(i) * time.Second)
			if i < 5 {
				at = noon.Add(24 * time.Hour) // the clock ran ahead: these began last, as far as anybody knows
			} else if i >= 10 {
				want = append(want, fmt.Sprintf("production/p%d", i))
			}
			story = append(story, rolledOut(fmt.Sprintf("p%d", i), "shop", "production", fmt.Sprintf("p%d", i), at))
		}
		want = append(want, "production/p0", "production/p1", "production/p2", "production/p3", "production/p4")
		story = append(story, rolledOut("back", "shop", "development", "back", noon))
		l.add(t, story...)
		require.Equal(t, append([]string{"development/back"}, want...), begun(read(t, l, rolloutsOf("shop"))))
	},
	"are those that began after a moment, of the stages that are asked for": func(t *testing.T, l ledger) {
		l.add(t, rolledOut("d1", "shop", "production", "r1", noon.Add(2*time.Hour)), rolledOut("d2", "shop", "production", "r2", noon),
			rolledOut("d3", "shop", "production", "r3", noon.Add(time.Microsecond)), rolledOut("d4", "shop", "production", "r4", noon.Add(-time.Second)),
			rolledOut("d5", "shop", "development", "r5", noon.Add(time.Hour)))
		require.Equal(t, []string{"production/r3", "production/r1"}, begun(read(t, l, func(ctx context.Context, r store.Reader) ([]delivery.RolloutRecord, error) {
			return r.Rollouts(ctx, "shop", []string{"production"}, noon)
		})))
	},
	"are those of as many stages as a pipeline may have": func(t *testing.T, l ledger) {
		stages := []string{}
		for i := range delivery.MaxStages {
			stages = append(stages, fmt.Sprintf("stage-%d", i))
		}
		l.add(t, rolledOut("d1", "shop", stages[0], "r1", noon), rolledOut("d2", "shop", stages[len(stages)-1], "r1", noon.Add(time.Hour)))
		require.Equal(t, []string{"stage-0/r1", "stage-99/r1"}, begun(read(t, l, func(ctx context.Context, r store.Reader) ([]delivery.RolloutRecord, error) {
			return r.Rollouts(ctx, "shop", stages, time.Time{})
		})))
		require.Equal(t, []delivery.RolloutRecord{}, read(t, l, func(ctx context.Context, r store.Reader) ([]delivery.RolloutRecord, error) {
			return r.Rollouts(ctx, "shop", nil, time.Time{})
		}))
	},
	"agree with their definition on any history": func(t *testing.T, l ledger) {
		random := rand.New(rand.NewPCG(20261120, 2)) //nolint:gosec // the same history each time, on purpose
		history := []delivery.Deployment{}
		for i := range 400 {
			d := rolledOut(fmt.Sprintf("d%d", i), pick(random, "shop", "shop", "api"), pick(random, "development", "staging", "production"),
				fmt.Sprintf("r%d", random.IntN(80)), noon.Add(time.Duration(random.IntN(300))*time.Minute))
			d.Kind = pick(random, delivery.KindDeliver, delivery.KindDeliver, delivery.KindHeal, delivery.KindRollback)
			d.Status = pick(random, delivery.Verified, delivery.Superseded, delivery.Failed, delivery.RolledBack)
			history = append(history, d)
		}
		l.add(t, history...)
		for _, pipeline := range []string{"shop", "api", "web"} {
			require.Equal(t, rolloutsByDefinition(history, pipeline), read(t, l, rolloutsOf(pipeline)))
		}
	},
}

// rolloutsByDefinition says the same as the interface's comment, by looking at everything. It knows no limit.
func rolloutsByDefinition(history []delivery.Deployment, pipeline string) []delivery.RolloutRecord {
	records := []delivery.RolloutRecord{}
	for _, d := range history {
		known := slices.ContainsFunc(records, func(r delivery.RolloutRecord) bool { return r.ID == d.Rollout && r.Stage == d.Stage })
		if d.Pipeline == pipeline && d.Kind != delivery.KindRollback && !known {
			records = append(records, delivery.RolloutRecord{ID: d.Rollout, Stage: d.Stage, StartedAt: d.CreatedAt})
		}
	}
	slices.SortStableFunc(records, func(a, b delivery.RolloutRecord) int { return a.StartedAt.Compare(b.StartedAt) })
	return records
}

// rolledOut is a verified deployment of a rollout, made at a moment.
func rolledOut(id, pipeline, stage, rollout string, at time.Time) delivery.Deployment {
	d := deployment(id, pipeline, "environment-of-"+stage, "1.0.0")
	d.Stage, d.Rollout, d.CreatedAt = stage, rollout, at
	return d
}

func rolloutsOf(pipeline string) question[[]delivery.RolloutRecord] {
	return func(ctx context.Context, r store.Reader) ([]delivery.RolloutRecord, error) {
		return r.Rollouts(ctx, pipeline, []string{"development", "staging", "production"}, time.Time{})
	}
}

func begun(records []delivery.RolloutRecord) []string {
	list := make([]string, len(records))
	for i, r := range records {
		list[i] = r.Stage + "/" + r.ID
	}
	return list
}
