package worker

import (
	"context"
	"errors"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// errDead is what everything answers to a process that is gone.
var errDead = errors.New("the process is gone")

// life is the life of one process. It ends at a chosen touch of the world outside: the ledger, a place, a check. From then on
// nothing the process does has any effect.
type life struct {
	mu     sync.Mutex
	left   int    // touches until the end; negative: it does not end
	after  bool   // the last touch still takes effect, and its answer is lost
	gentle func() // instead of dying, be asked to stop
	dead   bool
}

func immortal() *life { return &life{left: -1} }

// touch says whether the touch takes effect, and whether the process lives to see the answer.
func (l *life) touch() (effect bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, errDead
	}
	if l.left < 0 {
		return true, nil
	}
	l.left--
	if l.left >= 0 {
		return true, nil
	}
	if l.gentle != nil {
		l.gentle()
		return true, nil
	}
	l.dead = true
	return l.after, errDead
}

func (l *life) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead || (l.gentle != nil && l.left < 0)
}

// limit sets after how many touches it ends.
func (l *life) limit(touches int, after bool, gentle func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.after, l.gentle = touches, after, gentle
}

// mortal does something in a process that may end.
func mortal[T any](l *life, do func() (T, error)) (T, error) {
	var none T
	effect, end := l.touch()
	if !effect {
		return none, end
	}
	value, err := do()
	if end != nil {
		return none, end
	}
	return value, err
}

type mortalStore struct {
	store.Store
	life *life
}

func (s mortalStore) View(ctx context.Context, f func(store.Reader) error) error {
	_, err := mortal(s.life, func() (struct{}, error) { return struct{}{}, s.Store.View(ctx, f) })
	return err
}

func (s mortalStore) Update(ctx context.Context, f func(store.Tx) error) error {
	_, err := mortal(s.life, func() (struct{}, error) { return struct{}{}, s.Store.Update(ctx, f) })
	return err
}

type mortalDriver struct {
	driver.Driver
	life *life
}

func (d mortalDriver) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	return mortal(d.life, func() (driver.Result, error) { return d.Driver.Deploy(ctx, r) })
}

func (d mortalDriver) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	return mortal(d.life, func() (delivery.Observation, error) { return d.Driver.Observe(ctx, r) })
}

type mortalChecker struct {
	check.Checker
	life *life
}

func (c mortalChecker) Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	return mortal(c.life, func() (delivery.CheckResult, error) { return c.Checker.Check(ctx, r) })
}
