package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
)

const (
	pollWait    = 20 * time.Second // how long the server is asked to hold one look
	pollPace    = time.Second      // the least between two looks, should the server not hold them
	cancelGrace = 5 * time.Second  // how long stopping the work may take once the caller has given up
)

// work is a write whose effect takes time: it is started once, then watched until it finishes. The server is asked to answer either once it
// has finished.
type work[S any] struct {
	what     string // names it in messages, as in "release shop/1.4.2"
	start    func(context.Context, url.Values) (S, error)
	look     func(context.Context, url.Values) (S, error)
	finished func(S) bool
	stop     func(context.Context) error
}

// finish starts the work and watches it. When the caller's context ends first, the work is stopped and the context's error is
// returned, with the state that was seen last.
func finish[S any](ctx context.Context, c *Client, w work[S]) (S, error) {
	defer c.wrote() // the work went on after the request that began it
	state, err := watch(ctx, c, w)
	if err == nil || ctx.Err() == nil {
		return state, err
	}
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
	defer done()
	if stopErr := w.stop(grace); stopErr != nil {
		return state, fmt.Errorf("waiting for %s: %w; stopping it failed too: %s", w.what, ctx.Err(), stopErr.Error())
	}
	return state, fmt.Errorf("waiting for %s: %w", w.what, ctx.Err())
}

func watch[S any](ctx context.Context, c *Client, w work[S]) (S, error) {
	state, err := w.start(ctx, waiting())
	for err == nil && !w.finished(state) {
		asked := time.Now()
		next, lookErr := w.look(ctx, waiting())
		if lookErr != nil {
			return state, lookErr
		}
		state = next
		if early := pollPace - time.Since(asked); !w.finished(state) && early > 0 {
			err = c.pause(ctx, early)
		}
	}
	return state, err
}

// waiting is the query of a request that is answered once the work has finished, or after a while.
func waiting() url.Values { return url.Values{"wait": {pollWait.String()}} }

// cancel stops the work on the promotion into a stage at its next safe point, and waits until it has stopped.
func (c *Client) cancel(ctx context.Context, pipeline, stage string) error {
	defer c.wrote()
	return c.send(ctx, http.MethodPost, api.Fill(api.PathCancel, pipeline, stage), nil, nil, nil)
}
