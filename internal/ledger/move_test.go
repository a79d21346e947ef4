package ledger

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

var mover = By{Actor: alice, At: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}

// After a move one ledger goes on, under the same id, and the other one says where.
func TestMoveSealsItsSource(t *testing.T) {
	t.Parallel()
	for from, source := range databases {
		for to, target := range databases {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				first, second := source(t), target(t)
				history(t, first)
				before := stateOf(t, first)
				report, err := Move(t.Context(), first, second, mover, quiet)
				require.NoError(t, err)
				require.Equal(t, before.Newest.Ledger, report.ID)
				place, err := sqlstore.Place(second)
				require.NoError(t, err)

				require.Equal(t, &delivery.LedgerMove{To: place}, stateOf(t, first).Moved)
				withPlane(t, first, func(e *controlplane.Plane) {
					_, err := e.PutEnvironment(t.Context(), alice, delivery.EnvironmentSpec{Name: "late", Tier: delivery.TierOther})
					require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err))
					require.ErrorContains(t, err, "it was moved to "+place)
					require.ErrorContains(t, err, "CD_LEDGER")
				})
				_, err = Move(t.Context(), first, target(t), mover, quiet)
				require.ErrorContains(t, err, "it was moved to "+place)
				_, err = Copy(t.Context(), first, target(t), quiet)
				require.ErrorContains(t, err, "copy that one")

				after := stateOf(t, second)
				require.Nil(t, after.Moved)
				require.Equal(t, before.Newest.Ledger, after.Newest.Ledger, "it is the same ledger")
				require.NoError(t, recognize(t, second, before.Newest))
				require.NoError(t, recognize(t, second, stateOf(t, first).Newest), "a state that was written with the sealed ledger goes on")
				withPlane(t, second, func(e *controlplane.Plane) { deliver(t, e, "4") })
				for _, address := range []string{first, second} {
					_, err := Verify(t.Context(), address, report.Last, quiet)
					require.NoError(t, err)
				}
			})
		}
	}
}

// A move that fails leaves a source that takes changes, and one whose process died is finished by the next.
func TestAMoveThatFailsCanBeRepeated(t *testing.T) {
	t.Parallel()
	for kind, address := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source, target := address(t), address(t)
			history(t, source)
			for _, work := range []string{"verifying the source", "copying", "verifying the copy"} {
				ctx, cancel := context.WithCancel(t.Context())
				_, err := Move(ctx, source, target, mover, counting(work, 10, cancel))
				require.ErrorIs(t, err, context.Canceled, work)
				require.Nil(t, stateOf(t, source).Moved, "it is open again")
			}
			withPlane(t, source, func(e *controlplane.Plane) { deliver(t, e, "4") })
			place, err := sqlstore.Place(target)
			require.NoError(t, err)
			require.NoError(t, seal(t.Context(), source, place, mover)) // and then the process died
			_, err = Move(t.Context(), source, target, mover, quiet)
			require.NoError(t, err)
			require.Nil(t, stateOf(t, target).Moved)
		})
	}
}

func TestMoveRefusesBeforeItSeals(t *testing.T) {
	t.Parallel()
	source, target := databases["sqlite"](t), databases["sqlite"](t)
	history(t, source)
	history(t, target)
	_, err := Move(t.Context(), source, target, mover, quiet)
	require.ErrorContains(t, err, "is not empty")
	require.Nil(t, stateOf(t, source).Moved)
	nowhere := filepath.Join(t.TempDir(), "no.db")
	_, err = Move(t.Context(), nowhere, databases["sqlite"](t), mover, quiet)
	require.ErrorContains(t, err, "there is no ledger")
	require.NoFileExists(t, nowhere)
	_, err = Move(t.Context(), source, databases["sqlite"](t), By{Actor: "a\nb", At: mover.At}, quiet)
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), "the actor can be recorded")
	require.Nil(t, stateOf(t, source).Moved)
}

// A ledger that is lost, or lost its end, is replaced by one that says so.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for kind, address := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			lost := address(t)
			history(t, lost)
			position := stateOf(t, lost).Newest
			next := address(t)
			for range 2 {
				_, err := Adopt(t.Context(), next, position, mover)
				require.NoError(t, err)
			}
			require.EqualValues(t, 1, stateOf(t, next).Newest.Seq, "it is recorded once")
			require.Equal(t, []delivery.LedgerPosition{position}, stateOf(t, next).Adopted)
			require.NoError(t, recognize(t, next, position))
			beyond := position
			beyond.Seq++
			require.Error(t, recognize(t, next, beyond))
			_, err := Verify(t.Context(), next, "", quiet)
			require.NoError(t, err)

			_, err = Adopt(t.Context(), lost, stateOf(t, lost).Newest, mover)
			require.NoError(t, err)
			require.Empty(t, stateOf(t, lost).Adopted, "it has that event itself")
			_, err = Adopt(t.Context(), lost, delivery.LedgerPosition{Ledger: position.Ledger, Seq: 100_000, Hash: position.Hash}, mover)
			require.NoError(t, err)
			require.Len(t, stateOf(t, lost).Adopted, 1, "it lost what came after its end")
		})
	}
}

func stateOf(t *testing.T, address string) (found delivery.Ledger) {
	t.Helper()
	require.NoError(t, withSnapshot(t.Context(), address, func(_ string, s sqlstore.Snapshot) (err error) {
		found, err = s.Ledger(t.Context())
		return err
	}))
	return found
}

func recognize(t *testing.T, address string, kept delivery.LedgerPosition) (refusal error) {
	t.Helper()
	opened, err := sqlstore.Open(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, opened.Close()) }()
	require.NoError(t, opened.View(t.Context(), func(r store.Reader) error {
		found, err := r.Ledger(t.Context())
		require.NoError(t, err)
		page := delivery.LedgerPageOf(kept.Seq)
		hashes, err := r.EventHashes(t.Context(), page)
		refusal = delivery.LedgerPage{Ledger: found, First: page*delivery.LedgerPageSize + 1, Hashes: hashes}.Recognize(kept)
		return err
	}))
	return refusal
}
