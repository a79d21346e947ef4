package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
)

// How often and how patiently a request is tried again. The whole of it stays below the time in which somebody at a terminal
// begins to wonder.
const (
	maxRetries        = 4
	firstPause        = 100 * time.Millisecond
	longestPause      = 2 * time.Second
	longestRetryAfter = 30 * time.Second // the most that a server's Retry-After is believed
)

var errTooLarge = errors.New("the answer is too large")

// newHTTP makes the retrying client. Every call of the API may be repeated: reads, PUT and DELETE by their nature; cancel,
// previews and readiness because they record nothing; a refresh because it records what is seen now; an approval, an override and a test report because giving one twice records it once.
func newHTTP(transport http.RoundTripper) *retryablehttp.Client {
	h := retryablehttp.NewClient()
	h.Logger = nil // it would write to standard error
	h.RetryMax = maxRetries
	h.RetryWaitMin, h.RetryWaitMax = firstPause, longestPause
	h.CheckRetry = shouldRetry
	h.Backoff = backoff
	h.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer says more than the number of tries
	if transport != nil {
		h.HTTPClient.Transport = transport
	}
	// A redirected write may lose its body, and the actor's name would follow to a host nobody named.
	h.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return h
}

// shouldRetry is asked after each try, and again after the answer's body was read.
func shouldRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil: // the one who gave up is told that, and not what the control plane made of it
		return false, ctx.Err()
	case errors.Is(err, errTooLarge) || errors.Is(err, net.ErrClosed): // the listener in this process does not open again
		return false, err
	case err == nil && isProblem(resp.Header) && final(resp):
		return false, nil
	}
	return retryablehttp.DefaultRetryPolicy(ctx, resp, err)
}

// final reports whether the control plane itself would only say the same again. A defect stays one; and what it calls unavailable it
// has waited for already, as the ledger does for ten seconds: a second layer of patience would multiply the first. An answer that
// says when to come back asks for another try.
func final(problem *http.Response) bool {
	switch problem.StatusCode {
	case http.StatusInternalServerError:
		return true
	case http.StatusServiceUnavailable:
		return problem.Header.Get("Retry-After") == ""
	}
	return false
}

func backoff(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(least, most, attempt, resp), longestRetryAfter)
}

func isProblem(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), api.ContentTypeProblem)
}

// answer is a whole answer: its body was read to the end.
type answer struct {
	status  int
	problem bool
	body    []byte
}

// exchange sends the request, again where that may help, and reads the answer. A body that breaks off counts as a failed try.
func (c *Client) exchange(req *retryablehttp.Request) (*answer, error) {
	var a *answer
	read := func(resp *http.Response) error {
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, c.answerLimit+1))
		if err != nil {
			return fmt.Errorf("the answer broke off: %w", err)
		}
		if int64(len(body)) > c.answerLimit {
			return fmt.Errorf("%w: more than %d bytes", errTooLarge, c.answerLimit)
		}
		c.learn(resp.Header)
		a = &answer{status: resp.StatusCode, problem: isProblem(resp.Header), body: body}
		return nil
	}
	req.SetResponseHandler(read)
	resp, err := c.http.Do(req)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, err
	}
	if a == nil { // the tries ran out on an answer that asks for another one
		if err := read(resp); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
