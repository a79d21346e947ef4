package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// What is read at once is what is read by each noun.
var together = map[string]func(*testing.T, ledger){
	"what is declared": func(t *testing.T, l ledger) {
		require.Equal(t, store.Declared{Promotions: []delivery.Promotion{}, Freezes: []delivery.FreezeSpec{}, Policies: []delivery.PolicySpec{}}, read(t, l, declaredFor("shop")))
		l.write(t, putPromotions(promotion("shop", "staging"), promotion("shop", "Production"), promotion("api", "staging")))
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			for _, name := range []string{"shop", "api"} {
				if err := tx.PutPipeline(ctx, pipeline(name)); err != nil {
					return err
				}
			}
			for _, name := range []string{"winter", "Black-friday", "summer"} {
				if err := tx.PutFreeze(ctx, freeze(name)); err != nil {
					return err
				}
				if err := tx.PutPolicy(ctx, policy(name)); err != nil {
					return err
				}
			}
			return nil
		})
		spec := read(t, l, theShop)
		require.Equal(t, store.Declared{Pipeline: &spec, Promotions: read(t, l, thePromotions), Freezes: read(t, l, allFreezes), Policies: read(t, l, allPolicies)},
			read(t, l, declaredFor("shop")))
		require.Len(t, read(t, l, declaredFor("shop")).Promotions, 2)
		require.Len(t, read(t, l, declaredFor("shop")).Freezes, 3)
		require.Nil(t, read(t, l, declaredFor("nowhere")).Pipeline)
	},
	"the head of the log": func(t *testing.T, l ledger) {
		require.Empty(t, read(t, l, head))
		for _, subject := range []string{"first", "second"} {
			l.write(t, func(ctx context.Context, tx store.Tx) error {
				before, err := tx.Head(ctx)
				require.NoError(t, err)
				appended, err := tx.AppendEvents(ctx, delivery.Event{At: noon, Kind: delivery.EventReleaseRegistered, Subject: subject})
				require.NoError(t, err)
				require.Equal(t, before, appended[0].Previous)
				after, err := tx.Head(ctx)
				require.Equal(t, appended[0].Hash, after)
				return err
			})
			last := read(t, l, eventsAfter(0, 10))
			require.Equal(t, last[len(last)-1].Hash, read(t, l, head))
			require.Equal(t, read(t, l, head), read(t, l, declaredFor("shop")).Head)
		}
	},
	"evidence": func(t *testing.T, l ledger) {
		later := noon.Add(time.Hour)
		l.write(t, putReleases(release("shop", "1.1.0"), release("shop", "1.0.0"), release("shop", "2.0.0"), release("api", "1.0.0")))
		l.write(t, addApprovals(approval("a", "shop", "1.0.0", later), approval("c", "shop", "1.1.0", noon), approval("b", "shop", "1.0.0", noon), approval("d", "shop", "2.0.0", noon)))
		l.write(t, addTestReports(testReport("a", "shop", "1.0.0", later), testReport("c", "shop", "1.1.0", noon), testReport("b", "shop", "1.0.0", noon), testReport("d", "api", "1.0.0", noon)))
		l.write(t, addOverrides(override("a", "shop", "1.0.0", later), override("c", "shop", "1.1.0", noon), override("b", "shop", "1.0.0", noon), override("d", "shop", "2.0.0", noon)))
		l.write(t, revoke("b", later), withdraw("b", later), revokeOverride("b", later))
		for _, versions := range [][]string{{"1.1.0", "1.0.0", "9.9.9"}, {"2.0.0"}, {"9.9.9"}} {
			require.Equal(t, store.Evidence{Releases: read(t, l, releasesOf("shop", versions...)), Approvals: read(t, l, approvalsOf("shop", versions...)),
				TestReports: read(t, l, testReportsOf("shop", versions...)), Overrides: read(t, l, overridesOf("shop", versions...))}, read(t, l, evidenceAbout("shop", versions...)))
		}
		require.Len(t, read(t, l, evidenceAbout("shop", "1.0.0", "1.1.0")).Approvals, 3)
		require.Equal(t, store.Evidence{Releases: []delivery.Release{}, Approvals: []delivery.Approval{}, TestReports: []delivery.TestReport{}, Overrides: []delivery.Override{}},
			read(t, l, evidenceAbout("shop")))
	},
}

func declaredFor(pipeline string) question[store.Declared] {
	return func(ctx context.Context, r store.Reader) (store.Declared, error) { return r.Declared(ctx, pipeline) }
}

func head(ctx context.Context, r store.Reader) (string, error) { return r.Head(ctx) }

func evidenceAbout(pipeline string, versions ...string) question[store.Evidence] {
	return func(ctx context.Context, r store.Reader) (store.Evidence, error) {
		return r.Evidence(ctx, pipeline, versions...)
	}
}

func promotion(pipeline, stage string) delivery.Promotion {
	return delivery.Promotion{Spec: delivery.PromotionSpec{Pipeline: pipeline, Stage: stage, Version: "1.0.0"}, RequestedBy: "ann@example.com", RequestedAt: noon}
}
