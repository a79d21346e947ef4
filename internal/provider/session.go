package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/fastpath"
)

// session is one configured provider: the client of the control plane, opened at first use, what this plan is about to change, and what was
// read once for all resources. It is safe for concurrent use.
type session struct {
	host          Host
	version       string
	ledger, actor string
	ledgerID      string // the only ledger to use; empty if any will do

	mu      sync.Mutex
	api     *client.Client
	history map[int64]*ledgerPages // by page
	warned  bool                   // of the ledger and the clock

	// configuration returns what the files of the configuration say; they are read once. The error is configuration.ErrNoFiles if there are none.
	configuration func() (*configuration.Configuration, error)

	// severalProviders reports whether the files have another provider configuration than this one.
	severalProviders func() bool

	changes      *changeset.Collector         // what this plan is about to change
	deliveries   map[string]delivering        // what this plan delivers, by resource
	relaxed      []relaxed                    // what this plan makes easier
	replaced     map[string]map[string]string // attributes of what takes the place of a record, by noun and id
	applying     atomic.Bool                  // whether this walk is an apply; false until its first change
	misspelt     misspelt                     // the unknown keys of the files
	environments snapshot[delivery.Environment]
	pipelines    snapshot[delivery.Pipeline]
	refreshes    *refreshes
}

func newSession(host Host, version, ledger, actor string) *session {
	s := &session{host: host, version: version, ledger: ledger, actor: actor, history: map[int64]*ledgerPages{}, changes: changeset.New(), deliveries: map[string]delivering{}, refreshes: newRefreshes()}
	if host.Configuration == nil {
		host.Configuration = func() (*configuration.Configuration, error) { return nil, configuration.ErrNoFiles }
	}
	s.configuration = sync.OnceValues(host.Configuration)
	s.severalProviders = sync.OnceValue(func() bool {
		files, err := s.configuration()
		return err == nil && files.HasSeveralProviders("cd_")
	})
	if s.ledger == "" {
		s.ledger = host.Ledger
	}
	if s.ledger == "" {
		s.ledger = DefaultLedger
	}
	return s
}

// client returns the client of the control plane. It does not remember a failure: the next call tries again. Without a session it returns
// an error.
func (s *session) client(ctx context.Context) (*client.Client, error) {
	if s == nil {
		return nil, delivery.Errorf(delivery.CodeUnavailable, "the provider is not configured: a value in its block is not known yet, or nothing here can open a ledger")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api != nil {
		return s.api, nil
	}
	transport, err := s.host.Open(ctx, s.ledger)
	if err != nil {
		return nil, err
	}
	actor := s.actor
	if actor == "" && s.host.Actor != nil {
		actor = s.host.Actor(ctx)
	}
	if actor == "" {
		return nil, delivery.Errorf(delivery.CodeInvalid, "the actor is not known: set actor in the provider block, or CD_ACTOR")
	}
	api := client.New(client.Config{Address: "http://embedded", Transport: transport, Actor: actor, UserAgent: "terraform-provider-cd/" + s.version, Wrote: s.forget})
	if err := s.requireLedger(ctx, api); err != nil {
		return nil, err
	}
	s.api = api
	return s.api, nil
}

// forget drops what was read, after every write: a freeze may hold any pipeline, and an environment belong to many.
func (s *session) forget() {
	s.environments.invalidate()
	s.pipelines.invalidate()
	s.refreshes.invalidate()
}

// Changes returns what this plan is about to change.
func (s *session) Changes() *changeset.Collector { return s.changes }

// Environment returns an environment from a list that is read once for all resources. The error is not_found if there is none.
func (s *session) Environment(ctx context.Context, name string) (delivery.Environment, error) {
	if s == nil {
		_, err := s.client(ctx)
		return delivery.Environment{}, err
	}
	return s.environments.get(ctx, "environment", name, s.readEnvironments)
}

func (s *session) readEnvironments(ctx context.Context) (map[string]delivery.Environment, error) {
	api, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	all, err := api.Environments(ctx)
	if err != nil {
		return nil, err
	}
	return byName(all, func(e delivery.Environment) string { return e.Spec.Name }), nil
}

// PutEnvironment declares an environment, unless this request has done so already.
func (s *session) PutEnvironment(ctx context.Context, spec delivery.EnvironmentSpec) (delivery.Environment, error) {
	if written, attempted, err := fastpath.Attempted(ctx, spec.Name); attempted {
		return written, err
	}
	api, err := s.client(ctx)
	if err != nil {
		return delivery.Environment{}, err
	}
	return api.PutEnvironment(ctx, spec)
}

// pipeline returns a pipeline, in a plan from a list that is read once for all resources. The error is not_found if there is none.
func (s *session) pipeline(ctx context.Context, name string) (delivery.Pipeline, error) {
	if s == nil {
		_, err := s.client(ctx)
		return delivery.Pipeline{}, err
	}
	s.refreshes.expect(name)
	if !s.applying.Load() {
		return s.pipelines.get(ctx, "pipeline", name, s.readPipelines)
	}
	api, err := s.client(ctx) // each change forgets the list, so every resource would read the whole of it
	if err != nil {
		return delivery.Pipeline{}, err
	}
	return api.Pipeline(ctx, name)
}

func (s *session) readPipelines(ctx context.Context) (map[string]delivery.Pipeline, error) {
	api, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	all, err := api.Pipelines(ctx)
	if err != nil {
		return nil, err
	}
	return byName(all, func(p delivery.Pipeline) string { return p.Spec.Name }), nil
}

func byName[T any](all []T, name func(T) string) map[string]T {
	m := make(map[string]T, len(all))
	for _, one := range all {
		m[name(one)] = one
	}
	return m
}

// snapshot is a list that is read once and kept until something is written. The read does not depend on the first caller, so a canceled
// resource does not fail the others. A failure is not kept.
type snapshot[T any] struct {
	mu      sync.Mutex
	current *reading[T]
}

type reading[T any] struct {
	done  chan struct{}
	items map[string]T
	err   error
}

// maxReading bounds one read of a whole list, and maxObserving one look at what pipelines run, for which programs of the user may be run.
const (
	maxReading   = time.Minute
	maxObserving = 20 * time.Minute
)

func (c *snapshot[T]) get(ctx context.Context, noun, name string, read func(context.Context) (map[string]T, error)) (T, error) {
	var none T
	items, err := c.all(ctx, read)
	if err != nil {
		return none, err
	}
	item, ok := items[name]
	if !ok {
		return none, delivery.Errorf(delivery.CodeNotFound, "%s %q does not exist", noun, name)
	}
	return item, nil
}

// all returns the whole list, which must not be changed.
func (c *snapshot[T]) all(ctx context.Context, read func(context.Context) (map[string]T, error)) (map[string]T, error) {
	c.mu.Lock()
	r := c.current
	if r == nil {
		r = &reading[T]{done: make(chan struct{})}
		c.current = r
		go func() {
			detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxReading)
			defer cancel()
			defer close(r.done)
			if r.items, r.err = read(detached); r.err != nil {
				c.drop(r)
			}
		}()
	}
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.done:
	}
	return r.items, r.err
}

func (c *snapshot[T]) drop(r *reading[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == r {
		c.current = nil
	}
}

// invalidate drops the list, after every write.
func (c *snapshot[T]) invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = nil
}
