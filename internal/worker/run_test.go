package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// slow is a driver that works until it is let go, or told to stop.
type slow struct {
	*fakeDriver
	working, letGo chan struct{}
	once           sync.Once
	stopped        atomic.Int32 // how often it was told to stop
}

func (d *slow) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	d.once.Do(func() { close(d.working) })
	select {
	case <-d.letGo:
		return d.fakeDriver.Deploy(ctx, r)
	case <-ctx.Done():
		d.stopped.Add(1)
		return driver.Result{}, ctx.Err()
	}
}

// atWork has a delivery under way in the driver.
func atWork(t *testing.T) (*fixture, *slow) {
	h := newFixture(t)
	d := &slow{fakeDriver: h.driver, working: make(chan struct{}), letGo: make(chan struct{})}
	h.Engine = h.engine(func(o *engineOptions) { o.Drivers = map[string]driver.Driver{"directory": d} })
	h.declares(stage("development", delivery.Automatic, "dev"))
	_, err := h.PutRelease(t.Context(), ann, release("1.0", 1))
	require.NoError(t, err)
	<-d.working
	return h, d
}

// While work waits for its lease, another process may ask for another version. Anyone who waited for this one is told so.
func TestARequestThatIsOvertakenBeforeItBeginsSaysSo(t *testing.T) {
	h, once := newFixture(t), sync.Once{}
	development := stage("development", delivery.Automatic, "dev")
	overtake := func() {
		require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) error {
			next := release("2.0", 1)
			_, appended := tx.AppendEvents(t.Context(), delivery.Event{Kind: delivery.EventReleaseRegistered, Subject: "shop/2.0", Actor: bob})
			_, asked := tx.RequestWork(t.Context(), delivery.WorkRecord{Pipeline: "shop", Stage: "development", Holder: "another", Version: "2.0", RequestedBy: bob}, h.clock.now(), DefaultLeaseTTL)
			return errors.Join(appended, asked,
				tx.PutRelease(t.Context(), delivery.Release{Spec: next.Spec, Digest: next.Spec.Digest(), Attempt: 1, RegisteredBy: bob}),
				tx.PutPromotion(t.Context(), next.LeadingPromotion(delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{development}}, bob, h.clock.now())))
		}))
	}
	h.Engine = h.engine(func(o *engineOptions) {
		pause := o.Pause
		o.Pause = func(ctx context.Context, d time.Duration) error {
			once.Do(overtake)
			return pause(ctx, d)
		}
	})
	h.declares(development)
	h.take(h.clock.now())
	overtaken, err := h.PutReleaseAndWait(t.Context(), ann, release("1.0", 1), manyMoments)
	require.NoError(t, err)
	requireRefusal(t, overtaken.Work.Failure, delivery.CodeConflict, "bob@example.com asked for 2.0 meanwhile")
}

func TestWaitReturnsWhenItsTimeIsOver(t *testing.T) {
	h, d := atWork(t)
	state, err := h.WaitRelease(t.Context(), "shop", "1.0", time.Millisecond)
	require.NoError(t, err)
	require.False(t, state.Work.Finished)
	require.Equal(t, delivery.StageDeploying, state.Stages["development"].Status)

	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = h.WaitRelease(gone, "shop", "1.0", manyMoments)
	require.ErrorIs(t, err, context.Canceled, "a caller that left is not waited for")

	close(d.letGo)
	state, err = h.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	require.True(t, state.Work.Finished)
	require.Nil(t, state.Work.Failure)
	require.Nil(t, state.Work.Stopped)
	require.Equal(t, "1.0 to dev: deploying", state.Work.Progress)
	require.Equal(t, delivery.StageVerified, state.Stages["development"].Status)
}

// TestStopping stops the work in its middle, in each of the ways there are, and lets another process go on at once.
func TestStopping(t *testing.T) {
	ways := map[string]func(*fixture) error{
		"cancel": func(h *fixture) error { return h.Cancel(context.Background(), "shop", "development") },
		"close":  func(h *fixture) error { return h.Close(context.Background()) },
	}
	for name, stop := range ways {
		t.Run(name, func(t *testing.T) {
			h, _ := atWork(t)
			require.NoError(t, stop(h))
			work := h.Work("shop", "development")
			require.True(t, work.Finished, "stopping waits for the safe point")
			requireRefusal(t, work.Failure, delivery.CodeUnavailable, "applying again goes on from the ledger")
			require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments())

			before := h.clock.now()
			h.Engine = h.engine()
			require.Nil(t, h.delivers("1.0", 1).Failure)
			require.Equal(t, []string{"1.0 to dev: deliver verified"}, h.deployments())
			require.Equal(t, before, h.clock.now(), "the lease was given up, so nobody waits for it")
		})
	}
	t.Run("with a caller that leaves", func(t *testing.T) {
		h, d := atWork(t)
		gone, leave := context.WithCancel(context.Background())
		leave()
		// The work stops all the same; only the caller does not wait for it.
		err := h.Cancel(gone, "shop", "development")
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
		require.NoError(t, h.Cancel(context.Background(), "shop", "development"))
		close(d.letGo)
		require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments())
	})
	t.Run("what is not under way", func(t *testing.T) {
		h := newFixture(t)
		require.NoError(t, h.Cancel(t.Context(), "shop", "development"))
		require.NoError(t, h.Close(t.Context()))
	})
}

// TestStoppingStopsWhatIsBeforeToo has two more operations wait for the first, as two releases of one pipeline in one configuration do.
func TestStoppingStopsWhatIsBeforeToo(t *testing.T) {
	h, d := atWork(t)
	for _, version := range []string{"1.1", "1.2"} {
		_, err := h.PutRelease(t.Context(), bob, release(version, 1))
		require.NoError(t, err)
	}
	patient, leave := context.WithTimeout(context.Background(), time.Minute)
	defer leave()
	require.NoError(t, h.Cancel(patient, "shop", "development"))
	require.EqualValues(t, 1, d.stopped.Load())
	require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments(), "what waited begins nothing")
	requireRefusal(t, h.Work("shop", "development").Failure, delivery.CodeUnavailable, "applying again goes on from the ledger")

	before := h.clock.now()
	close(d.letGo)
	require.Nil(t, h.delivers("1.2", 1).Failure)
	require.Equal(t, []string{"1.0 to dev: deliver superseded", "1.2 to dev: deliver verified"}, h.deployments())
	require.Equal(t, before, h.clock.now(), "nobody waits for a lease")
	require.Nil(t, h.runs[runKey{"shop", "development"}].before, "what has ended is forgotten")
}

// hasty is a ledger whose caller gives up, and stops the work, while the next change is being recorded.
type hasty struct {
	store.Store
	giveUp func()
}

func (s *hasty) Update(ctx context.Context, f func(store.Tx) error) error {
	err := s.Store.Update(context.WithoutCancel(ctx), f) // the database kept it by the time that anybody noticed
	if stop := s.giveUp; stop != nil {
		s.giveUp = nil
		stop()
	}
	return err
}

// TestARequestThatIsGivenUpBeginsNothing: an operation may be on record by the time that its caller is gone. The work begins with the next.
func TestARequestThatIsGivenUpBeginsNothing(t *testing.T) {
	for name, put := range map[string]struct {
		entry string
		ask   func(ctx context.Context, e *Engine) error
		done  []string
	}{
		"release": {"development", func(ctx context.Context, e *Engine) error {
			_, err := e.PutRelease(ctx, bob, release("2.0", 1))
			return err
		}, []string{"1.0 to dev: deliver superseded", "2.0 to dev: deliver verified"}},
		"promotion": {"production", func(ctx context.Context, e *Engine) error {
			_, err := e.PutPromotion(ctx, bob, promotion("production", "1.0", delivery.WhenBlockedPend))
			return err
		}, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verifying", "1.0 to us: deliver verifying"}},
		"verification": {"production", func(ctx context.Context, e *Engine) error {
			_, err := e.PutVerification(ctx, bob, verificationOf("1.0"))
			return err
		}, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verified", "1.0 to us: deliver verified", "1.0 to asia: deliver verified"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			h.byTerraformIn()
			require.Nil(t, h.delivers("1.0", 1).Failure)
			if name == "verification" {
				_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
				require.NoError(t, err)
			}
			stood, key := h.deployments(), runKey{"shop", put.entry}

			ledger := &hasty{Store: h.ledger}
			e := h.engine(func(o *engineOptions) { o.Store = ledger })
			ctx, leave := context.WithCancel(t.Context())
			ledger.giveUp = func() {
				leave()
				require.NoError(t, e.Cancel(t.Context(), key.pipeline, key.entry))
			}
			requireRefusal(t, put.ask(ctx, e), delivery.CodeUnavailable, "applying again goes on from the ledger")
			require.NoError(t, e.Await(t.Context(), key.pipeline, key.entry, manyMoments))
			require.Equal(t, stood, h.deployments())

			require.NoError(t, put.ask(t.Context(), e))
			require.NoError(t, e.Await(t.Context(), key.pipeline, key.entry, manyMoments))
			require.Nil(t, e.Work(key.pipeline, key.entry).Failure)
			require.Equal(t, put.done, h.deployments())
		})
	}
}

// ending is a driver, and checks, that are done at the very moment at which their work is stopped.
type ending struct {
	*fakeDriver
	*fakeChecker
	end func()
}

func (d *ending) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	result, err := d.fakeDriver.Deploy(ctx, r)
	d.end()
	return result, err
}

func (d *ending) Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	result, err := d.fakeChecker.Check(ctx, r)
	d.end()
	return result, err
}

// TestWorkThatIsStoppedJustAsItIsDoneGivesItsLeaseUp: nothing of it can be recorded anymore, and anyone who goes on does not wait.
func TestWorkThatIsStoppedJustAsItIsDoneGivesItsLeaseUp(t *testing.T) {
	deliver := func(h *fixture, e *Engine) error {
		_, err := e.PutRelease(h.t.Context(), ann, release("1.0", 1))
		return err
	}
	for name, example := range map[string]struct {
		entry string
		begin func(*fixture, *Engine) error
		end   func(d *ending, o *engineOptions)
	}{
		"deploying": {"development", deliver, func(d *ending, o *engineOptions) { o.Drivers = map[string]driver.Driver{"directory": d} }},
		"checking":  {"development", deliver, func(d *ending, o *engineOptions) { o.Checkers = map[string]check.Checker{"command": d} }},
		"verifying": {"production", func(h *fixture, e *Engine) error {
			require.Nil(h.t, h.delivers("1.0", 1).Failure)
			_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
			require.NoError(h.t, err)
			_, err = e.PutVerification(h.t.Context(), bob, verificationOf("1.0"))
			return err
		}, func(d *ending, o *engineOptions) { o.Checkers = map[string]check.Checker{"command": d} }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			h.declares(verifying(stage("development", delivery.Automatic, "dev")), verifying(stage("production", delivery.Manual, "eu", "us")))
			for _, env := range []string{"eu", "us"} {
				h.environment(env, func(spec *delivery.EnvironmentSpec) { spec.Target = nil })
			}
			d := &ending{fakeDriver: h.driver, fakeChecker: h.checker}
			e := h.engine(func(o *engineOptions) { example.end(d, o) })
			d.end = e.end
			require.NoError(t, example.begin(h, e))
			key := runKey{"shop", example.entry}
			require.NoError(t, e.Await(t.Context(), key.pipeline, key.entry, manyMoments))
			requireRefusal(t, e.Work(key.pipeline, key.entry).Failure, delivery.CodeUnavailable, "applying again goes on from the ledger")

			before := h.clock.now()
			again := h.engine()
			require.NoError(t, example.begin(h, again))
			require.NoError(t, again.Await(t.Context(), key.pipeline, key.entry, manyMoments))
			require.Nil(t, again.Work(key.pipeline, key.entry).Failure)
			require.Equal(t, before, h.clock.now(), "nobody waits for a lease")
			h.requireToldOnce()
		})
	}
}

// TestANewerRequestWaitsItsTurn asks for another version while the first is on its way: they do not mix.
func TestANewerRequestWaitsItsTurn(t *testing.T) {
	h, d := atWork(t)
	_, err := h.PutRelease(t.Context(), bob, release("2.0", 1))
	require.NoError(t, err)
	close(d.letGo)
	state, err := h.WaitRelease(t.Context(), "shop", "2.0", manyMoments)
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
	require.Equal(t, []string{"1.0 to dev: deliver superseded", "2.0 to dev: deliver verified"}, h.deployments())
}

// TestAnOvertakenWishSaysSo lets another process ask for another version meanwhile.
func TestAnOvertakenWishSaysSo(t *testing.T) {
	h, d := atWork(t)
	require.NoError(t, h.overtake("2.0"))
	close(d.letGo)
	state, err := h.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	requireRefusal(t, state.Work.Failure, delivery.CodeConflict, "shop/development was to get 1.0, but bob@example.com asked for 2.0 meanwhile")
}

// overtake asks for another version in a process that does not get to do it.
func (h *fixture) overtake(version string) error {
	other := h.engine(func(o *engineOptions) {
		o.Pause = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
	})
	_, err := other.PutRelease(context.Background(), bob, release(version, 1))
	return err
}

// Work waits for the work before it, and forgets what it knew from before that. Where nothing was under way, it still holds.
func TestWorkQueues(t *testing.T) {
	known := &delivery.World{}
	synctest.Test(t, func(t *testing.T) {
		w, before := &Worker{}, &run{done: make(chan struct{})}
		next, passed := &run{before: before, known: known}, false
		go func() {
			w.queue(next, before)
			passed = true
		}()
		synctest.Wait()
		require.False(t, passed)
		close(before.done)
		synctest.Wait()
		require.True(t, passed)
		require.Nil(t, next.known)
		require.Nil(t, next.before, "or a process would keep all that it ever did")

		later := &run{before: before, known: known}
		w.queue(later, before)
		require.Same(t, known, later.known)
	})
}

// Work is canceled after it was requested, and before this process begins it.
func TestARequestThatIsCanceledBeforeItBegins(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	var request delivery.WorkRecord
	require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) (err error) {
		request, err = h.Request(t.Context(), tx, ann, "shop", "development", "1.0")
		return err
	}))
	require.NoError(t, h.Cancel(t.Context(), "shop", "development"))
	requireRefusal(t, h.StartPromotion(t.Context(), request, delivery.World{}), delivery.CodeUnavailable, "was stopped at a safe point")
}

// A process that is at work says so again and again, or others would take its work for interrupted.
func TestWorkKeepsItselfAlive(t *testing.T) {
	h, _ := working(t)
	other := h.engine()
	h.clock.move(time.Hour) // by this clock it was silent for long
	require.Eventually(t, func() bool {
		state, err := other.Release(t.Context(), "shop", "1.0")
		return err == nil && !state.Work.Finished
	}, 20*time.Second, time.Millisecond)
}
