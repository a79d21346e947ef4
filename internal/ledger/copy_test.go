package ledger

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// A ledger goes from each kind of database to each, and nothing of it changes on the way; then its history goes on there.
func TestCopyKeepsEverything(t *testing.T) {
	t.Parallel()
	for from, source := range databases {
		for to, target := range databases {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				first, second := source(t), target(t)
				history(t, first)
				before := exported(t, first)
				report, err := Copy(t.Context(), first, second, quiet)
				require.NoError(t, err)
				require.Zero(t, report.Missed)
				require.Equal(t, before, exported(t, second), "the copy is the same, byte for byte")
				require.Equal(t, before, exported(t, first), "the source is as it was")

				verified, err := Verify(t.Context(), second, report.Last, quiet)
				require.NoError(t, err)
				require.Equal(t, report.Events, verified.Events)
				require.Equal(t, report.Rows, verified.Rows)

				withPlane(t, second, func(e *controlplane.Plane) { deliver(t, e, "4") })
				later, err := Verify(t.Context(), second, report.Last, quiet)
				require.NoError(t, err)
				require.Greater(t, later.Events, verified.Events, "the chain goes on from its last link")
			})
		}
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	for kind, address := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source, target := address(t), address(t)
			history(t, source)
			withPlane(t, target, func(e *controlplane.Plane) {
				_, err := e.PutEnvironment(t.Context(), alice, delivery.EnvironmentSpec{Name: "mine", Tier: delivery.TierOther})
				require.NoError(t, err)
			})
			before := exported(t, target)
			for _, to := range []string{target, source} {
				_, err := Copy(t.Context(), source, to, quiet)
				require.ErrorContains(t, err, "is not empty")
				require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err))
			}
			require.Equal(t, before, exported(t, target))

			nowhere := filepath.Join(t.TempDir(), "no.db")
			_, err := Copy(t.Context(), nowhere, address(t), quiet)
			require.ErrorContains(t, err, "there is no ledger")
			require.NoFileExists(t, nowhere)
		})
	}
}

// A copy that is interrupted, wherever it is, leaves the target empty, and can be done again.
func TestInterruptedCopy(t *testing.T) {
	t.Parallel()
	for kind, address := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source, target := address(t), address(t)
			history(t, source)
			for _, work := range []string{"verifying the source", "copying", "verifying the copy"} {
				ctx, cancel := context.WithCancel(t.Context())
				_, err := Copy(ctx, source, target, counting(work, 10, cancel))
				require.Error(t, err, work)
				require.ErrorIs(t, err, context.Canceled, work)
			}
			require.NoError(t, sqlstore.Fill(t.Context(), target, func(*sqlstore.Filling) error { return nil }), "it is empty")
			_, err := Copy(t.Context(), source, target, quiet)
			require.NoError(t, err)
			require.Equal(t, exported(t, source), exported(t, target))
		})
	}
}

// What the source gains while it is copied stays behind, and that is told.
func TestCopyOfALedgerInUse(t *testing.T) {
	t.Parallel()
	source, target := databases["sqlite"](t), pgtest.URL(t)
	history(t, source)
	before := exported(t, source)
	report, err := Copy(t.Context(), source, target, counting("copying", 1, func() {
		withPlane(t, source, func(e *controlplane.Plane) {
			_, err := e.PutEnvironment(t.Context(), alice, delivery.EnvironmentSpec{Name: "late", Tier: delivery.TierOther})
			require.NoError(t, err)
		})
	}))
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Missed)
	require.Equal(t, before, exported(t, target))
}

// What the target's database gives back is compared with what it was given, before it is kept.
func TestATargetThatChangesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	source, target := databases["sqlite"](t), pgtest.URL(t)
	history(t, source)
	require.NoError(t, sqlstore.Fill(t.Context(), target, func(*sqlstore.Filling) error { return nil }))
	pgtest.Shared(t).Exec(t, target, `CREATE FUNCTION lie() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN NEW.document := replace(NEW.document, 'production', 'productiom'); RETURN NEW; END $$;
		CREATE TRIGGER lie BEFORE INSERT ON pipelines FOR EACH ROW EXECUTE FUNCTION lie()`)
	_, err := Copy(t.Context(), source, target, quiet)
	require.ErrorContains(t, err, "does not give back what was written into it")
	require.NoError(t, sqlstore.Fill(t.Context(), target, func(*sqlstore.Filling) error { return nil }), "nothing was kept")
}
