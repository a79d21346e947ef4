package provider

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// refreshes is what one walk learned about pipelines: a look at what each runs, and where everything of it stands. One request asks for as
// many pipelines as are known to matter, so the number of requests hardly depends on the number of resources. Anything that this process
// writes makes it ask again. It is safe for concurrent use.
type refreshes struct {
	mu       sync.Mutex
	expected map[string]bool     // pipelines that this walk has to do with
	alone    map[string]bool     // those that are not looked at unless they are asked for
	requests map[string]*refresh // the request that has a pipeline's answer, or will have it
}

// refresh is one request. It does not depend on the caller who made it, so a canceled resource does not fail the others.
type refresh struct {
	request delivery.RefreshRequest
	done    chan struct{}
	states  map[string]delivery.PipelineState
	err     error
}

func newRefreshes() *refreshes {
	return &refreshes{expected: map[string]bool{}, alone: map[string]bool{}, requests: map[string]*refresh{}}
}

// expect notes a pipeline that this walk has to do with.
func (r *refreshes) expect(pipeline string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected[pipeline] = true
}

// get returns where a pipeline stands. The error is not_found if it does not exist. A failure is not kept.
func (r *refreshes) get(ctx context.Context, pipeline string, ask func(context.Context, delivery.RefreshRequest) ([]delivery.PipelineState, error)) (delivery.PipelineState, error) {
	for {
		one := r.requestFor(ctx, pipeline, ask)
		select {
		case <-ctx.Done():
			return delivery.PipelineState{}, ctx.Err()
		case <-one.done:
		}
		state, ok := one.states[pipeline]
		switch {
		case one.err != nil || ok:
			return state, one.err
		case slices.Contains(one.request.Pipelines, pipeline):
			return state, delivery.Errorf(delivery.CodeNotFound, "pipeline %q does not exist", pipeline)
		}
		// It came along with others, and is looked at only if it is asked for.
	}
}

// peek returns where a pipeline stands if that is known already.
func (r *refreshes) peek(pipeline string) (delivery.PipelineState, bool) {
	r.mu.Lock()
	one := r.requests[pipeline]
	r.mu.Unlock()
	if one == nil {
		return delivery.PipelineState{}, false
	}
	select {
	case <-one.done:
		state, ok := one.states[pipeline]
		return state, ok
	default:
		return delivery.PipelineState{}, false
	}
}

// requestFor returns the request that has the pipeline's answer, after making it if need be.
func (r *refreshes) requestFor(ctx context.Context, pipeline string, ask func(context.Context, delivery.RefreshRequest) ([]delivery.PipelineState, error)) *refresh {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.requests[pipeline]; one != nil {
		return one
	}
	one := &refresh{request: delivery.RefreshRequest{Pipelines: []string{pipeline}, Next: r.next(pipeline)}, done: make(chan struct{})}
	for _, name := range append(one.request.Next, pipeline) {
		r.requests[name] = one
	}
	go func() {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxObserving)
		defer cancel()
		defer close(one.done)
		states, err := ask(detached, one.request)
		one.states, one.err = byName(states, func(s delivery.PipelineState) string { return s.Pipeline }), err
		r.conclude(one)
	}()
	return one
}

// next lists the pipelines that are worth asking for along with one.
func (r *refreshes) next(with string) []string {
	next := []string{}
	for _, name := range slices.Sorted(maps.Keys(r.expected)) {
		if name != with && !r.alone[name] && r.requests[name] == nil && len(next)+1 < delivery.MaxRefresh {
			next = append(next, name)
		}
	}
	return next
}

// conclude forgets a request that failed, and what came along with others in vain.
func (r *refreshes) conclude(one *refresh) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Concat(one.request.Pipelines, one.request.Next) {
		_, answered := one.states[name]
		if one.err == nil && !answered && slices.Contains(one.request.Next, name) {
			r.alone[name] = true
		}
		if (one.err != nil || r.alone[name] && !answered) && r.requests[name] == one {
			delete(r.requests, name)
		}
	}
}

// invalidate forgets every answer, after every write.
func (r *refreshes) invalidate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.requests)
}

// refresh returns where a pipeline stands, after a look at what it runs. All resources of a walk share one look.
func (s *session) refresh(ctx context.Context, pipeline string) (delivery.PipelineState, error) {
	api, err := s.client(ctx)
	if err != nil {
		return delivery.PipelineState{}, err
	}
	return s.refreshes.get(ctx, pipeline, api.Refresh)
}

// observing is the way to the control plane, once that has looked at what a pipeline runs: reading looks at nothing. A pipeline that does not
// exist is left to the reader.
func (s *session) observing(ctx context.Context, pipeline string) (*client.Client, error) {
	if _, err := s.refresh(ctx, pipeline); err != nil && !delivery.IsNotFound(err) {
		return nil, err
	}
	return s.client(ctx)
}

// release returns a release and where it stands, after a look at what its pipeline runs.
func (s *session) release(ctx context.Context, pipeline, version string) (delivery.ReleaseState, error) {
	api, err := s.observing(ctx, pipeline)
	if err != nil {
		return delivery.ReleaseState{}, err
	}
	if state, ok := s.refreshes.peek(pipeline); ok {
		if found, ok := state.Release(version); ok {
			return found, nil
		}
	}
	return api.Release(ctx, pipeline, version)
}

// promotion returns a promotion and where it stands, after a look at what its pipeline runs.
func (s *session) promotion(ctx context.Context, pipeline, stage string) (delivery.PromotionState, error) {
	api, err := s.observing(ctx, pipeline)
	if err != nil {
		return delivery.PromotionState{}, err
	}
	if state, ok := s.refreshes.peek(pipeline); ok {
		if found, ok := state.Promotion(stage); ok {
			return found, nil
		}
	}
	return api.Promotion(ctx, pipeline, stage)
}

// keeps reports whether this plan leaves a pipeline as it stands, so that delivering what it declares does nothing and tells nothing. It looks
// at what runs, but not if the plan changes something anyway. It is false while that is not known; the next request to the control plane
// says why.
func (s *session) keeps(ctx context.Context, pipeline string) bool {
	recorded, err := s.recordedPipeline(ctx, pipeline)
	if err != nil || !s.changes.PipelineKnown(pipeline, recorded) {
		return false
	}
	changes := s.changes.ForPipeline(pipeline, recorded)
	if changes.ChangesAnything() || !s.changes.DeliveriesKnown(pipeline) {
		return false
	}
	state, err := s.refresh(ctx, pipeline)
	return err == nil && state.KeptBy(changes)
}

// works reports whether the environments of a pipeline exist and can be deployed to, where this plan changes neither. It is false while that
// is not known.
func (s *session) works(ctx context.Context, spec delivery.PipelineSpec) bool {
	if s.changes.ForPipeline(spec.Name, &spec).ChangesAnything() || len(spec.Validate()) > 0 {
		return false
	}
	known, next := map[string]delivery.EnvironmentSpec{}, []string{}
	for _, stage := range spec.Stages {
		next = append(next, stage.Environments...)
	}
	for range 3 { // the environments, those that they name, and the sources of those
		related := []string{}
		for _, name := range next {
			found, err := s.Environment(ctx, name)
			if err != nil && !delivery.IsNotFound(err) {
				return false
			}
			if _, done := known[name]; err == nil && !done {
				known[name] = found.Spec
				related = append(related, found.Spec.RelatedTo()...)
			}
		}
		next = related
	}
	effective, err := delivery.Effective(known)
	return err == nil && len(spec.ValidateEnvironments(effective)) == 0
}
