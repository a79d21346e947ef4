package worker

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// customers is a stage over many environments.
func customers(n int, rollout delivery.Rollout) delivery.Stage {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("customer-%03d", i)
	}
	s := stage("customers", delivery.Automatic, names...)
	s.Rollout = &rollout
	return s
}

// TestOnePipelineOverAHundredEnvironments delivers to each of them once, and looks at each once: not again for every wave.
func TestOnePipelineOverAHundredEnvironments(t *testing.T) {
	const many = 100
	h := newFixture(t)
	h.declares(customers(many, delivery.Rollout{MaxParallel: 10}))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	deploys, _ := h.driver.count()
	require.Equal(t, many, deploys)
	require.LessOrEqual(t, h.driver.looks, 3*many, "once while delivering, and once each time the release was read back")
}

// TestARolloutStopsAfterTooManyFailures fails some of a hundred: as many as it bears, and then one more.
func TestARolloutStopsAfterTooManyFailures(t *testing.T) {
	h := newFixture(t)
	h.declares(customers(100, delivery.Rollout{MaxParallel: 5, MaxFailures: 2}))
	require.Nil(t, h.delivers("1.0", 1).Failure)

	h.driver.refuse["customer-012/shop"], h.driver.refuse["customer-050/shop"] = 1, 1
	borne := h.delivers("1.1", 1)
	requireRefusal(t, borne.Failure, delivery.CodeConflict, "1.1 was rolled back in customers (customer-050, attempt 1): the environment refuses 1.1; it failed in customer-012 too; delivered by "+ann)
	require.Equal(t, map[string]int{"1.0": 2, "1.1": 98}, h.running())
	require.Nil(t, h.delivers("1.1", 2).Failure, "raising the attempt goes to those that it is missing in")
	require.Equal(t, map[string]int{"1.1": 100}, h.running())

	for _, i := range []int{3, 14, 15} {
		h.driver.refuse[fmt.Sprintf("customer-%03d/shop", i)] = 1
	}
	before, _ := h.driver.count()
	stopped := h.delivers("2.0", 1)
	requireRefusal(t, stopped.Failure, delivery.CodeConflict, "it failed in")
	require.Equal(t, map[string]int{"1.1": 100}, h.running())
	after, _ := h.driver.count()
	require.Equal(t, 2*20, after-before, "four waves of five went out and were taken back; nobody else was touched")
}

// running counts the environments by the version that runs there.
func (h *fixture) running() map[string]int {
	found := map[string]int{}
	for _, at := range h.driver.copied() {
		found[at.version]++
	}
	return found
}

// TestAHundredEnvironmentsCostNoMoreStatements reads where a release stands, and previews the next one, over one environment and over a
// hundred: the ledger is asked as often.
func TestAHundredEnvironmentsCostNoMoreStatements(t *testing.T) {
	t.Parallel()
	reads := func(n int) []int64 {
		statements := &atomic.Int64{}
		h := newFixture(t, func(o *engineOptions) { o.Store = counted{o.Store, statements} })
		h.declares(customers(n, delivery.Rollout{MaxParallel: n}))
		require.Nil(t, h.delivers("1.0", 1).Failure)
		took := []int64{}
		count := func(f func() error) {
			before := statements.Load()
			require.NoError(t, f())
			took = append(took, statements.Load()-before)
		}
		next := release("1.1", 1)
		count(func() error { _, err := h.Release(t.Context(), "shop", "1.0"); return err })
		count(func() error { _, err := h.Deployed(t.Context(), "shop", "customer-000"); return err })
		count(func() error {
			preview, err := h.PreviewRelease(t.Context(), ann, previewOf(next))
			require.Len(t, preview.Steps, n)
			return err
		})
		return took
	}
	one := reads(1)
	require.NotContains(t, one, int64(0))
	require.Equal(t, one, reads(100))
}
