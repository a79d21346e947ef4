package control_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/control"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// overtaken is a worker that another process overtakes at once: before this one has begun, work on version 2.0 was asked for and done.
// A real worker cannot be made to lose at exactly this moment.
type overtaken struct {
	control.Worker
	ledger store.Store
	now    time.Time
}

func (o overtaken) Request(ctx context.Context, tx store.Tx, actor, pipeline, stage, version string) (delivery.WorkRecord, error) {
	return tx.RequestWork(ctx, delivery.WorkRecord{Pipeline: pipeline, Stage: stage, Holder: "this", Version: version, RequestedBy: actor, RequestedAt: o.now}, o.now, time.Minute)
}

func (o overtaken) StartPromotion(ctx context.Context, mine delivery.WorkRecord, _ delivery.World) error {
	return o.ledger.Update(ctx, func(tx store.Tx) error {
		rival, err := o.Request(ctx, tx, "bob@example.com", mine.Pipeline, mine.Stage, "2.0")
		if err != nil {
			return err
		}
		rival.FinishedAt = &o.now
		return tx.PutWork(ctx, rival, o.now, time.Minute)
	})
}

func (overtaken) Unrecorded(string, string) (delivery.WorkRecord, bool) {
	return delivery.WorkRecord{}, false
}

// quiet observes nothing, because nothing runs.
type quiet struct{ control.Observer }

func (quiet) Preflight(context.Context, delivery.Deployment) error { return nil }

func (quiet) Claimed(context.Context, delivery.Ledger, delivery.Deployment) error { return nil }
func (quiet) Unrecorded(string) []delivery.Recording                              { return nil }

// How the work on another version ended is not how the work on this one did: a caller who was overtaken is told so, and never that all
// went well.
func TestOvertakenRequestIsNoSuccess(t *testing.T) {
	for name, promotion := range map[string]delivery.PromotionPolicy{"release": delivery.Automatic, "promotion": delivery.Manual} {
		t.Run(name, func(t *testing.T) {
			ctx, now := t.Context(), time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
			ledger, err := sqlstore.Open(ctx, filepath.Join(t.TempDir(), "ledger.db"))
			require.NoError(t, err)
			defer ledger.Close() //nolint:errcheck // a temporary file
			c := control.New(control.Options{Store: ledger, Journal: journal.New(ledger, func() time.Time { return now }), Observer: quiet{},
				Worker: overtaken{ledger: ledger, now: now}, Poll: time.Millisecond})
			const alice = "alice@example.com"
			target := &delivery.Target{Directory: &delivery.DirectoryTarget{Path: t.TempDir()}}
			_, err = c.PutEnvironment(ctx, alice, delivery.EnvironmentSpec{Name: "eu", Tier: "production", Target: target})
			require.NoError(t, err)
			_, err = c.PutPipeline(ctx, alice, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
				{Name: "production", Environments: []string{"eu"}, Promotion: promotion}}})
			require.NoError(t, err)
			artifacts := map[string]delivery.Artifact{"app": {URI: "app.tar.gz", Digest: "sha256:" + "00000000000000000000000000000000000000000000000000000000000000aa"}}

			released, err := c.PutRelease(ctx, alice, delivery.ReleaseRequest{Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0", Artifacts: artifacts}, Attempt: 1})
			require.NoError(t, err)
			work := released.Work
			if promotion == delivery.Manual {
				require.True(t, work.Finished, "a release of such a pipeline waits for a promotion")
				require.Nil(t, work.Failure)
				promoted, err := c.PutPromotion(ctx, alice, delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0", WhenBlocked: delivery.WhenBlockedFail, Attempt: 1})
				require.NoError(t, err)
				work = promoted.Work
			}
			require.True(t, work.Finished)
			require.NotNil(t, work.Failure)
			require.Equal(t, delivery.CodeConflict, work.Failure.Code)
			require.Contains(t, work.Failure.Message, "bob@example.com asked for 2.0 meanwhile")
		})
	}
}
