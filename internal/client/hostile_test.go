package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// hostile starts a server on the loopback interface that answers try after try with the given handlers, the last one for good,
// and a client that does not dawdle between tries.
func hostile(t *testing.T, answers ...http.HandlerFunc) (*Client, *atomic.Int32) {
	t.Helper()
	tries := &atomic.Int32{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(tries.Add(1))
		answers[min(n, len(answers))-1](w, r)
	}))
	s.Config.ErrorLog = discard
	s.Start()
	t.Cleanup(s.Close)
	c := New(Config{Address: strings.Replace(s.URL, "http://", "http://user:hunter2@", 1), Actor: "alice"})
	c.http.RetryWaitMin, c.http.RetryWaitMax = time.Microsecond, time.Microsecond
	return c, tries
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", code) }
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func problem(p string, code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.ContentTypeProblem+"; charset=utf-8")
		w.WriteHeader(code)
		fmt.Fprint(w, p)
	}
}

func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	fmt.Fprint(w, `{"spec":`)
}

func abort(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

const fine = `{"spec":{"name":"e"},"status":{"effective_config":{},"revision":"r"}}`

func TestTriesAgainUntilItIsAnswered(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"500": status(500), "502": status(502), "503": status(503), "429": status(429), "truncated": truncated, "connection closed": abort,
		"503 of ours, for now": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			problem(`{"code":"unavailable","detail":"starting"}`, 503)(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, tries := hostile(t, first, status(http.StatusBadGateway), text(fine))
			e, err := c.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "e"})
			require.NoError(t, err)
			require.Equal(t, "r", e.Status.Revision)
			require.EqualValues(t, 3, tries.Load())
		})
	}
}

func TestBodyIsSentAgain(t *testing.T) {
	bodies := make(chan int64, 2)
	c, _ := hostile(t, func(w http.ResponseWriter, r *http.Request) { bodies <- r.ContentLength; status(503)(w, r) },
		func(w http.ResponseWriter, r *http.Request) { bodies <- r.ContentLength; text(fine)(w, r) })
	_, err := c.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "e"})
	require.NoError(t, err)
	first := <-bodies
	require.Positive(t, first)
	require.Equal(t, first, <-bodies)
}

func TestRetryAfterIsHonored(t *testing.T) {
	c, tries := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "0")
		status(429)(w, r)
	}, text(fine))
	c.http.RetryWaitMin, c.http.RetryWaitMax = time.Hour, time.Hour // only the header can make it faster
	_, err := c.Environment(t.Context(), "e")
	require.NoError(t, err)
	require.EqualValues(t, 2, tries.Load())

	after := func(seconds string) time.Duration {
		return backoff(firstPause, longestPause, 0, &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {seconds}}})
	}
	require.Equal(t, 7*time.Second, after("7"))
	require.Equal(t, longestRetryAfter, after("86400"))
}

func TestGivesUpInTheEnd(t *testing.T) {
	for name, one := range map[string]struct {
		answer http.HandlerFunc
		code   delivery.Code
		says   string
	}{
		"500":       {status(500), delivery.CodeInternal, "answered 500 Internal Server Error"},
		"503":       {status(503), delivery.CodeUnavailable, "answered 503 Service Unavailable"},
		"closed":    {abort, delivery.CodeUnavailable, "cannot be reached: EOF"},
		"truncated": {truncated, delivery.CodeUnavailable, "broke off: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			c, tries := hostile(t, one.answer)
			_, err := c.Environment(t.Context(), "e")
			require.ErrorContains(t, err, one.says)
			require.Equal(t, one.code, delivery.CodeOf(err))
			require.NotNil(t, delivery.ErrorsOf(err))
			require.NotContains(t, err.Error(), "hunter2")
			require.EqualValues(t, maxRetries+1, tries.Load())
		})
	}
}

func TestDoesNotTryAgainWhatCannotHelp(t *testing.T) {
	for name, one := range map[string]struct {
		answer http.HandlerFunc
		code   delivery.Code
		says   string
	}{
		"wrong JSON":         {text(`<html>welcome</html>`), delivery.CodeInternal, "check that the endpoint is its address"},
		"JSON of a stranger": {text(`["a"]`), delivery.CodeInternal, "check that the endpoint"},
		"nothing":            {text(``), delivery.CodeInternal, "check that the endpoint"},
		"404 of a stranger":  {status(404), delivery.CodeInvalid, "answered 404 Not Found without saying why; check that the endpoint is a control plane's"},
		"404 as a problem of a stranger": {problem(`{"title":"Not Found","status":404}`, 404), delivery.CodeInvalid,
			"answered 404"},
		"404 of ours":    {problem(`{"code":"not_found","errors":[{"code":"not_found","message":"no environment \"e\""}]}`, 404), delivery.CodeNotFound, `no environment "e"`},
		"no list":        {problem(`{"code":"conflict","detail":"in use"}`, 409), delivery.CodeConflict, "in use"},
		"nulls":          {problem(`{"code":"conflict","detail":"in use","errors":[null]}`, 409), delivery.CodeConflict, "in use"},
		"a code to come": {problem(`{"code":"frozen","errors":[{"code":"frozen","message":"frozen until Monday"}]}`, 409), delivery.CodeConflict, "frozen until Monday"},
		"503 of ours": {problem(`{"code":"unavailable","errors":[{"code":"unavailable","message":"the ledger is locked"}]}`, 503), delivery.CodeUnavailable,
			"the ledger is locked"},
		"defect":          {problem(`{"code":"internal","detail":"internal error X"}`, 500), delivery.CodeInternal, "internal error X"},
		"redirect":        {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, delivery.CodeInternal, "redirects are not followed"},
		"broken envelope": {problem(`{"code":`, 422), delivery.CodeInvalid, "answered 422"},
	} {
		t.Run(name, func(t *testing.T) {
			c, tries := hostile(t, one.answer)
			_, err := c.Environment(t.Context(), "e")
			require.ErrorContains(t, err, one.says)
			require.Equal(t, one.code, delivery.CodeOf(err))
			require.Len(t, delivery.ErrorsOf(err), 1)
			require.NotContains(t, err.Error(), "hunter2")
			require.EqualValues(t, 1, tries.Load())
		})
	}
}

// Programs read the gates of a refusal; its message is for people.
func TestGatesOfARefusalAreData(t *testing.T) {
	refusal := delivery.Error{Code: delivery.CodeConflict, Message: "may not enter", Gates: []delivery.GateResult{
		{Name: "approvals", Verdict: delivery.VerdictPending, Reason: "0 of 1 approvals"}, {Name: "soak", Verdict: delivery.VerdictPassed, Override: "o"}}}
	text, err := json.Marshal(api.NewProblem(delivery.Errors{&refusal}))
	require.NoError(t, err)
	c, _ := hostile(t, problem(string(text), http.StatusConflict))
	_, err = c.PutPromotion(t.Context(), promotion)
	require.Equal(t, delivery.Errors{&refusal}, err)
}

func TestHugeAnswerIsNotReadToItsEnd(t *testing.T) {
	c, tries := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // for as long as somebody reads
			if _, err := fmt.Fprint(w, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	})
	c.answerLimit = 1 << 20
	_, err := c.Environments(t.Context())
	require.ErrorContains(t, err, "too large")
	require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err))
	require.EqualValues(t, 1, tries.Load())
}

func TestAnAnswerIsReadUpToItsLimit(t *testing.T) {
	c, _ := hostile(t, text(fine))
	c.answerLimit = int64(len(fine))
	_, err := c.Environment(t.Context(), "e")
	require.NoError(t, err)
	c.answerLimit--
	_, err = c.Environment(t.Context(), "e")
	require.ErrorContains(t, err, "too large")
}

func TestUnreachableIsUnavailable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	address := s.URL
	s.Close()
	c := New(Config{Address: strings.Replace(address, "http://", "http://user:hunter2@", 1) + "/prefix/"})
	c.http.RetryWaitMin, c.http.RetryWaitMax = time.Microsecond, time.Microsecond
	_, err := c.Environment(t.Context(), "e")
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err))
	require.ErrorContains(t, err, address+"/prefix")
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "user")
}

func TestContextEndsBetweenTries(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		status(503)(w, r)
		cancel()
	})
	c.http.RetryWaitMin, c.http.RetryWaitMax = time.Hour, time.Hour
	_, err := c.Environment(ctx, "e")
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, delivery.ErrorsOf(err))

	late, done := context.WithTimeout(t.Context(), time.Nanosecond)
	defer done()
	_, err = c.Environment(late, "e")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	for _, address := range []string{"", "cd.example.com", "ftp://user:hunter2@cd.example.com", "http://", "https://cd.example.com/?a=hunter", "http://user:hunter2@[::1", "http://user:hunter2@h:port"} {
		_, err := New(Config{Address: address}).Environment(t.Context(), "e")
		require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), address)
		require.Equal(t, "endpoint", delivery.ErrorsOf(err)[0].Field)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestEmptyNamesAreRefused(t *testing.T) {
	c, tries := hostile(t, text(fine))
	_, err := c.Environment(t.Context(), "")
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(c.DeleteRelease(t.Context(), "", "1")))
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(c.DeletePolicy(t.Context(), "")))
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(c.RevokeOverride(t.Context(), "")))
	_, err = c.ApprovalRequest(t.Context(), "shop", "", "production", "approve")
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
	require.Zero(t, tries.Load())
}

func TestWhoIsAskingIsSent(t *testing.T) {
	seen := make(chan *http.Request, 1)
	c, _ := hostile(t, func(w http.ResponseWriter, r *http.Request) { seen <- r; text(fine)(w, r) })
	c.userAgent = "terraform-provider-cd/1.2.3"
	_, err := c.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "e"})
	require.NoError(t, err)
	r := <-seen
	require.Equal(t, "alice", r.Header.Get(api.ActorHeader))
	require.Equal(t, "terraform-provider-cd/1.2.3", r.UserAgent())
	user, password, _ := r.BasicAuth()
	require.Equal(t, "user:hunter2", user+":"+password)
}
