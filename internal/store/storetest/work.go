package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

const ttl = time.Minute

func work(stage, version string) delivery.WorkRecord {
	return delivery.WorkRecord{Pipeline: "shop", Stage: stage, Holder: "h1", Version: version, RequestedBy: "ann@example.com", RequestedAt: noon}
}

// request asks for work, as of now by the machine's clock: a ledger that several machines share goes by its own clock.
func (l ledger) request(t *testing.T, w delivery.WorkRecord) (requested delivery.WorkRecord) {
	t.Helper()
	l.write(t, func(ctx context.Context, tx store.Tx) (err error) {
		requested, err = tx.RequestWork(ctx, w, time.Now(), ttl)
		return err
	})
	return requested
}

func (l ledger) put(t *testing.T, w delivery.WorkRecord, ttl time.Duration) {
	t.Helper()
	l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutWork(ctx, w, time.Now(), ttl) })
}

func workOn(pipeline string) func(context.Context, store.Reader) ([]delivery.WorkRecord, error) {
	return func(ctx context.Context, r store.Reader) ([]delivery.WorkRecord, error) {
		return r.Work(ctx, pipeline, time.Now())
	}
}

var workRecords = map[string]func(*testing.T, ledger){
	"are numbered by stage, and the newest request replaces the one before": func(t *testing.T, l ledger) {
		first := l.request(t, work("staging", "1.0"))
		require.EqualValues(t, 1, first.Number)
		require.EqualValues(t, 1, l.request(t, work("production", "1.0")).Number)
		second := l.request(t, work("staging", "2.0"))
		require.EqualValues(t, 2, second.Number)
		found := read(t, l, workOn("shop"))
		require.Len(t, found, 2)
		require.Equal(t, "production", found[0].Stage)
		require.Equal(t, second, found[1])
		require.Empty(t, read(t, l, workOn("blog")))

		first.Progress = "too late"
		l.put(t, first, ttl)
		require.Equal(t, second, read(t, l, workOn("shop"))[1], "what was replaced is left alone")
	},
	"tell how far it has come, and how it ended": func(t *testing.T, l ledger) {
		w := l.request(t, work("staging", "1.0"))
		w.Progress = "deploying 1.0 to eu"
		l.put(t, w, ttl)
		require.Equal(t, []delivery.WorkRecord{w}, read(t, l, workOn("shop")))
		require.False(t, w.Ended())

		at := noon.Add(time.Hour)
		w.FinishedAt, w.Failure = &at, delivery.Errorf(delivery.CodeConflict, "1.0 failed")
		w.Stopped = &delivery.StageDecision{Stage: "staging", Version: "1.0", Status: delivery.StageFailed}
		l.put(t, w, 0)
		found := read(t, l, workOn("shop"))
		require.Equal(t, []delivery.WorkRecord{w}, found)
		require.True(t, found[0].Ended())
		require.False(t, found[0].Interrupted, "it has ended")
	},
	"of a silent holder are interrupted": func(t *testing.T, l ledger) {
		w := l.request(t, work("staging", "1.0"))
		require.False(t, read(t, l, workOn("shop"))[0].Interrupted)
		l.put(t, w, -time.Second)
		found := read(t, l, workOn("shop"))[0]
		require.True(t, found.Interrupted)
		require.True(t, found.Ended())
		l.request(t, work("staging", "1.0"))
		require.False(t, read(t, l, workOn("shop"))[0].Interrupted, "the next request takes it over")
	},
	"are canceled, with those before and not those after": func(t *testing.T, l ledger) {
		l.request(t, work("staging", "1.0"))
		cancel := func(ctx context.Context, tx store.Tx) error { return tx.CancelWork(ctx, "shop", "staging") }
		l.write(t, cancel)
		require.True(t, read(t, l, workOn("shop"))[0].CancelRequested())
		w := l.request(t, work("staging", "2.0"))
		found := read(t, l, workOn("shop"))[0]
		require.False(t, found.CancelRequested())
		require.EqualValues(t, 1, found.Canceled, "the one before was")
		l.write(t, cancel)
		l.put(t, w, ttl)
		require.True(t, read(t, l, workOn("shop"))[0].CancelRequested(), "progress does not take it back")
	},
}

var recordings = map[string]func(*testing.T, ledger){
	"replace those before": func(t *testing.T, l ledger) {
		seen := func(env, version string) delivery.Recording {
			return delivery.Recording{At: noon, Environment: env, Expected: "d1", Observation: &delivery.Observation{Running: true, Version: version}}
		}
		said := func(version string, passed bool) delivery.Recording {
			return delivery.Recording{At: noon, Check: &delivery.CheckKey{Stage: "production", Version: version, Name: "smoke"},
				Result: &delivery.CheckResult{Name: "smoke", Passed: passed, Detail: "it answered"}}
		}
		put := func(list ...delivery.Recording) {
			l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutRecordings(ctx, "shop", list) })
		}
		all := func(ctx context.Context, r store.Reader) ([]delivery.Recording, error) {
			return r.Recordings(ctx, "shop")
		}
		put()
		require.Empty(t, read(t, l, all))
		put(seen("eu", "1.0"), seen("us", "1.0"), said("1.0", false))
		put(seen("us", "2.0"), said("2.0", true))
		require.Equal(t, []delivery.Recording{said("2.0", true), seen("eu", "1.0"), seen("us", "2.0")}, read(t, l, all))

		many := []delivery.Recording{}
		for i := range 1200 {
			many = append(many, seen(fmt.Sprintf("customer-%d", i), "1.0"))
		}
		put(many...)
		require.Len(t, read(t, l, all), 1200+3)
	},
}
