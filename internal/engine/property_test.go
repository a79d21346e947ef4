package engine

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// histories is how many random histories one run goes through.
const histories = 1000

// mutation is a way to break the engine, to see whether the property finds it.
type mutation struct {
	options func(*Options)
	ledger  func(store.Store) store.Store
	preview func(delivery.Preview) delivery.Preview
}

// TestNothingBreaksAnInvariant plays random histories and lets the oracle judge each deployment of theirs.
func TestNothingBreaksAnInvariant(t *testing.T) {
	counts, played := newTally(), atomic.Int64{}
	for played.Load() < histories {
		rapid.Check(t, func(t *rapid.T) {
			played.Add(1)
			u := newUniverse(t, newMemory(), mutation{}, counts)
			if wrong := u.live(); len(wrong) > 0 {
				t.Fatalf("%s\n\nafter:\n%s", strings.Join(wrong, "\n"), strings.Join(u.trace, "\n"))
			}
		})
	}
	require.GreaterOrEqual(t, played.Load(), int64(histories))
	t.Logf("%d histories:\n%s", played.Load(), counts)
}
