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

// crashInjector ends one process at a chosen call to the outside: the ledger, a driver, a check. After that
// nothing the process does has any effect.
type crashInjector struct {
	mu     sync.Mutex
	left   int    // touches until the end; negative: it does not end
	after  bool   // the last touch still takes effect, and its answer is lost
	gentle func() // instead of dying, be asked to stop
	dead   bool
	armed  bool // it ends at the next deployment
}

func neverCrashes() *crashInjector { return &crashInjector{left: -1} }

// touch says whether the touch takes effect, and whether the process lives to see the answer.
func (l *crashInjector) touch() (effect bool, err error) {
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

func (l *crashInjector) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead || (l.gentle != nil && l.left < 0)
}

// limit sets after how many touches it ends.
func (l *crashInjector) limit(touches int, after bool, gentle func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.after, l.gentle, l.armed = touches, after, gentle, false
}

// arm lets the process end at the next deployment.
func (l *crashInjector) arm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = true
}

func (l *crashInjector) atADeployment() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.armed && l.left < 0 {
		l.left = 0
	}
	l.armed = false
}

// underCrashes does something in a process that may crash.
func underCrashes[T any](l *crashInjector, do func() (T, error)) (T, error) {
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

type crashingStore struct {
	store.Store
	crash *crashInjector
}

func (s crashingStore) View(ctx context.Context, f func(store.Reader) error) error {
	_, err := underCrashes(s.crash, func() (struct{}, error) { return struct{}{}, s.Store.View(ctx, f) })
	return err
}

func (s crashingStore) Update(ctx context.Context, f func(store.Tx) error) error {
	_, err := underCrashes(s.crash, func() (struct{}, error) { return struct{}{}, s.Store.Update(ctx, f) })
	return err
}

type crashingDriver struct {
	driver.Driver
	crash *crashInjector
}

func (d crashingDriver) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	d.crash.atADeployment()
	return underCrashes(d.crash, func() (driver.Result, error) { return d.Driver.Deploy(ctx, r) })
}

func (d crashingDriver) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	return underCrashes(d.crash, func() (delivery.Observation, error) { return d.Driver.Observe(ctx, r) })
}

type crashingChecker struct {
	check.Checker
	crash *crashInjector
}

func (c crashingChecker) Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	return underCrashes(c.crash, func() (delivery.CheckResult, error) { return c.Checker.Check(ctx, r) })
}
