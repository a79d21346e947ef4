package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// answering is a control plane that knows some pipelines and looks at others only when it is asked for them.
type answering struct {
	mu       sync.Mutex
	missing  []string
	alone    []string
	fail     error
	requests []delivery.RefreshRequest
}

func (a *answering) refresh(_ context.Context, r delivery.RefreshRequest) ([]delivery.PipelineState, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, r)
	states := []delivery.PipelineState{}
	for _, name := range r.Pipelines {
		if !slices.Contains(a.missing, name) {
			states = append(states, delivery.PipelineState{Pipeline: name, Leading: fmt.Sprint(len(a.requests))})
		}
	}
	for _, name := range r.Next {
		if !slices.Contains(a.missing, name) && !slices.Contains(a.alone, name) {
			states = append(states, delivery.PipelineState{Pipeline: name, Leading: fmt.Sprint(len(a.requests))})
		}
	}
	return states, a.fail
}

func TestPipelinesAreRefreshedTogether(t *testing.T) {
	t.Parallel()
	control := &answering{alone: []string{"search"}, missing: []string{"gone"}}
	r := newRefreshes()
	get := func(name string) string {
		state, err := r.get(t.Context(), name, control.refresh)
		require.NoError(t, err)
		require.Equal(t, name, state.Pipeline)
		return state.Leading
	}
	for _, name := range []string{"shop", "blog", "search"} {
		r.expect(name)
	}
	_, known := r.peek("shop")
	require.False(t, known)
	require.Equal(t, "1", get("shop"))
	require.Equal(t, "1", get("blog"), "the same request has it")
	state, known := r.peek("blog")
	require.True(t, known)
	require.Equal(t, "1", state.Leading)
	_, known = r.peek("search")
	require.False(t, known)
	require.Equal(t, "2", get("search"), "it is looked at only if it is asked for")
	_, err := r.get(t.Context(), "gone", control.refresh)
	require.True(t, delivery.IsNotFound(err), "%v", err)
	require.Equal(t, []delivery.RefreshRequest{{Pipelines: []string{"shop"}, Next: []string{"blog", "search"}}, {Pipelines: []string{"search"}, Next: []string{}}, {Pipelines: []string{"gone"}, Next: []string{}}}, control.requests)

	r.invalidate()
	_, known = r.peek("shop")
	require.False(t, known, "whatever was written may have changed it")
	require.Equal(t, "4", get("blog"))
	require.Equal(t, []string{"shop"}, control.requests[3].Next, "what is not looked at along with others is not offered again")
}

// One failed request does not fail the resources after it.
func TestAFailedRefreshIsRepeated(t *testing.T) {
	t.Parallel()
	control := &answering{fail: errors.New("the connection was lost")}
	r := newRefreshes()
	r.expect("blog")
	_, err := r.get(t.Context(), "shop", control.refresh)
	require.EqualError(t, err, "the connection was lost")
	control.fail = nil
	for _, name := range []string{"shop", "blog"} {
		state, err := r.get(t.Context(), name, control.refresh)
		require.NoError(t, err)
		require.Equal(t, "2", state.Leading)
	}
}

// A request names as many pipelines as it may, and the next one the rest.
func TestManyPipelinesAreRefreshedInPages(t *testing.T) {
	t.Parallel()
	control, r := &answering{}, newRefreshes()
	names := []string{}
	for i := range 2*delivery.MaxRefresh + 1 {
		names = append(names, fmt.Sprintf("service-%04d", i))
		r.expect(names[i])
	}
	for _, name := range names {
		_, err := r.get(t.Context(), name, control.refresh)
		require.NoError(t, err)
	}
	require.Len(t, control.requests, 3)
	for _, request := range control.requests {
		require.NoError(t, request.Validate().Err())
	}
}

// A caller who gives up does not fail the others who wait for the same request.
func TestACanceledRefreshGoesOn(t *testing.T) {
	t.Parallel()
	control, r, begun, end := &answering{}, newRefreshes(), make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context, request delivery.RefreshRequest) ([]delivery.PipelineState, error) {
		close(begun)
		<-end
		require.NoError(t, ctx.Err())
		return control.refresh(ctx, request)
	}
	canceled, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := r.get(canceled, "shop", slow); first <- err }()
	<-begun
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(end)
	state, err := r.get(t.Context(), "shop", slow)
	require.NoError(t, err)
	require.Equal(t, "shop", state.Pipeline)
}
