package client

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// plane is a control plane of one promotion and one release, whose work finishes when the test says so.
type plane struct {
	mu    sync.Mutex
	looks int // unsettled answers left
	first delivery.Promotion
	mode  string // the promotion policy of the first stage
	seen  []string
	onGet func()
	stop  func(w http.ResponseWriter)
}

func (p *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, r.Method+" "+r.RequestURI)
	work := delivery.Work{}
	switch {
	case r.Method == http.MethodPost:
		if p.stop != nil {
			p.stop(w)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	case r.URL.Path == api.Fill(api.PathPipeline, "shop"):
		reply(w, delivery.Pipeline{Spec: delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "development", Promotion: delivery.PromotionPolicy(p.mode)}}}})
		return
	case r.Method == http.MethodGet:
		if p.onGet != nil {
			p.onGet()
		}
		if p.looks--; p.looks < 0 {
			work = delivery.Work{Finished: true, Stopped: &delivery.StageDecision{Stage: "production"}}
		}
	}
	reply(w, delivery.PromotionState{Promotion: p.first, Work: work, Status: delivery.StageWaiting})
}

func reply(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// watcher is a client of the plane that counts its pauses instead of making them.
func watcher(t *testing.T, p *plane) (*Client, *int) {
	t.Helper()
	pauses := 0
	c := New(Config{Address: "http://embedded", Transport: inProcess(t, p), Actor: "alice"})
	c.pause = func(context.Context, time.Duration) error { pauses++; return nil }
	return c, &pauses
}

const (
	promotionURI = "/v1/pipelines/shop/promotions/production"
	releaseURI   = "/v1/pipelines/shop/releases/1.0.0"
)

var (
	promotion = delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0.0"}
	release   = delivery.ReleaseRequest{Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0.0"}}
)

func TestPutWaitsUntilTheWorkIsSettled(t *testing.T) {
	p := &plane{looks: 2}
	c, pauses := watcher(t, p)
	state, err := c.PutPromotion(t.Context(), promotion)
	require.NoError(t, err)
	require.True(t, state.Work.Finished)
	require.Equal(t, "production", state.Work.Stopped.Stage)
	look := "GET " + promotionURI + "?version=1.0.0&wait=20s"
	require.Equal(t, []string{"PUT " + promotionURI + "?wait=20s", look, look, look}, p.seen)
	require.Equal(t, 2, *pauses, "a server that does not hold a look must not be asked without a pause")

	p = &plane{}
	c, _ = watcher(t, p)
	_, err = c.PutRelease(t.Context(), release)
	require.NoError(t, err)
	require.Equal(t, []string{"PUT " + releaseURI + "?wait=20s", "GET " + releaseURI + "?wait=20s"}, p.seen)
}

func TestGivingUpStopsTheWork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &plane{looks: 9, onGet: cancel}
	c, _ := watcher(t, p)
	c.pause = pause
	state, err := c.PutPromotion(ctx, promotion)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "promotion shop/production")
	require.Equal(t, delivery.StageWaiting, state.Status, "what was seen last is told")
	require.Equal(t, "POST "+promotionURI+"/cancel", p.seen[len(p.seen)-1])
}

func TestGivingUpARelease(t *testing.T) {
	for mode, last := range map[delivery.PromotionPolicy]string{
		delivery.Automatic: "POST /v1/pipelines/shop/promotions/development/cancel",
		delivery.Manual:    "GET /v1/pipelines/shop", // work there belongs to a promotion
	} {
		ctx, cancel := context.WithCancel(t.Context())
		p := &plane{looks: 9, onGet: cancel, mode: string(mode)}
		c, _ := watcher(t, p)
		c.pause = pause
		_, err := c.PutRelease(ctx, release)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, last, p.seen[len(p.seen)-1])
	}
}

func TestWhatCannotBeStoppedIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &plane{looks: 9, onGet: cancel, stop: func(w http.ResponseWriter) {
		problem(`{"code":"conflict","detail":"somebody else is at it"}`, 409)(w, nil)
	}}
	c, _ := watcher(t, p)
	c.pause = pause
	_, err := c.PutPromotion(ctx, promotion)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "somebody else is at it")
	require.Nil(t, delivery.ErrorsOf(err), "the context's end is the reason, not the other error")
}

func TestARefusedStartIsNotWatched(t *testing.T) {
	refusal := problem(`{"code":"conflict","detail":"a gate is closed"}`, 409)
	tries := 0
	c := New(Config{Address: "http://embedded", Transport: inProcess(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries++
		refusal(w, r)
	}))})
	_, err := c.PutPromotion(t.Context(), promotion)
	require.Equal(t, delivery.Errors{{Code: delivery.CodeConflict, Message: "a gate is closed"}}, err)
	require.Equal(t, 1, tries)
}

func TestPauseEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, pause(ctx, time.Hour), context.Canceled)
	require.NoError(t, pause(t.Context(), time.Nanosecond))
}
