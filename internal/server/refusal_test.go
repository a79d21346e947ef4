package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
)

// send makes one request without the client, which would not make the mistakes tested here.
func send(h http.Handler, method, path, body string, header ...string) (*httptest.ResponseRecorder, api.Problem) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var p api.Problem
	if w.Header().Get("Content-Type") == api.ContentTypeProblem {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			panic(err)
		}
	}
	return w, p
}

func TestShapesAreRefusedAtTheirPaths(t *testing.T) {
	e := &recording{}
	h := server.New(e, slog.New(slog.DiscardHandler))
	as := []string{api.ActorHeader, "alice"}
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     []string // "field: part of the message", in any order
	}{
		{"unknown attributes", "PUT", "/v1/environments/e", `{"name":"e","colour":"red","parity":{"against":"x"}}`, as, 422,
			[]string{"colour: no such attribute", "parity.against: no such attribute"}},
		{"another letter case", "PUT", "/v1/environments/e", `{"Name":"e"}`, as, 422, []string{"Name: no such attribute"}},
		{"wrong types", "PUT", "/v1/pipelines/p", `{"name":"p","stages":[{"name":3,"gates":{"approvals":{"required":"two"}}}]}`, as, 422,
			[]string{"stages[0].name: expected string", "stages[0].gates.approvals.required: expected integer"}},
		{"a null in a map", "PUT", "/v1/environments/e", `{"name":"e","config":{"A":null}}`, as, 422, []string{"config.A: expected string"}},
		{"no JSON", "PUT", "/v1/environments/e", `name = "e"`, as, 400, []string{": cannot be read"}},
		{"two values", "PUT", "/v1/environments/e", `{"name":"e"}{"name":"e"}`, as, 400, []string{": cannot be read"}},
		{"no body", "PUT", "/v1/environments/e", "", as, 400, []string{": body is required"}},
		{"another media type", "PUT", "/v1/environments/e", `name: e`, append([]string{"Content-Type", "application/yaml"}, as...), 415, []string{": unknown content type"}},
		{"no actor", "PUT", "/v1/environments/e", `{"name":"e"}`, nil, 422, []string{"actor: nobody is named"}},
		{"a blank actor", "DELETE", "/v1/environments/e", "", []string{api.ActorHeader, ""}, 422, []string{"actor: nobody is named"}},
		{"another name than the path's", "PUT", "/v1/environments/e", `{"name":"f"}`, as, 422, []string{`name: the body says "f"`}},
		{"another release than the path's", "PUT", "/v1/pipelines/p/releases/1", `{"spec":{"pipeline":"q","version":"2"}}`, as, 422,
			[]string{`spec.pipeline: the body says "q"`, `spec.version: the body says "2"`}},
		{"another promotion than the path's", "PUT", "/v1/pipelines/p/promotions/s", `{"pipeline":"p","stage":"t"}`, as, 422, []string{`stage: the body says "t"`}},
		{"another pipeline than the path's", "PUT", "/v1/pipelines/p", `{"name":"q"}`, as, 422, []string{`name: the body says "q"`}},
		{"another freeze than the path's", "PUT", "/v1/freezes/f", `{"name":"g"}`, as, 422, []string{`name: the body says "g"`}},
		{"another policy than the path's", "PUT", "/v1/policies/p", `{"name":"q"}`, as, 422, []string{`name: the body says "q"`}},
		{"a gate of a policy that is none", "PUT", "/v1/policies/p", `{"name":"p","gates":{"vibes":true}}`, as, 422, []string{"gates.vibes: no such attribute"}},
		{"an override without an actor", "POST", "/v1/overrides", `{"pipeline":"p"}`, nil, 422, []string{"actor: nobody is named"}},
		{"a report without an actor", "POST", "/v1/test-reports", `{"junit":""}`, nil, 422, []string{"actor: nobody is named"}},
		{"a report's counts instead of its text", "POST", "/v1/test-reports", `{"counts":{"tests":9}}`, as, 422, []string{"counts: no such attribute"}},
		{"a time that is none", "POST", "/v1/pipelines/p/releases/1/stages/s/readiness", `{"at":"friday"}`, nil, 422, []string{"at: expected string to be RFC 3339 date-time"}},
		{"a number that is none", "GET", "/v1/events?after=x", "", nil, 422, []string{"after: invalid integer"}},
		{"a negative limit", "GET", "/v1/events?limit=-1", "", nil, 422, []string{"limit: -1 is not"}},
		{"a negative limit of deployments", "GET", "/v1/pipelines/p/deployments?limit=-1", "", nil, 422, []string{"limit: -1 is not"}},
		{"an unknown parameter", "GET", "/v1/events?before=3", "", nil, 422, []string{"before: unknown query parameter"}},
		{"too large", "PUT", "/v1/environments/e", `{"name":"` + strings.Repeat("e", api.MaxBodyBytes) + `"}`, as, 413, []string{": too large"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, p := send(h, c.method, c.path, c.body, c.header...)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, c.status, p.Status)
			require.Equal(t, delivery.CodeInvalid, p.Code)
			require.Len(t, p.Errors, len(c.want), "%v", p.Errors)
			for _, want := range c.want {
				field, part, _ := strings.Cut(want, ": ")
				require.Condition(t, func() bool {
					for _, one := range p.Errors {
						if one.Field == field && strings.Contains(one.Message, part) && one.Code == delivery.CodeInvalid {
							return true
						}
					}
					return false
				}, "%q is not among %v", want, p.Errors)
			}
			require.Empty(t, e.asked)
		})
	}
}

// No proxy and no browser keeps an answer, or takes it for something else.
func TestNoAnswerIsKept(t *testing.T) {
	h := server.New(&recording{}, slog.New(slog.DiscardHandler))
	for _, path := range []string{"/v1/environments/e", "/v1/nowhere", api.PathOpenAPI} {
		w, _ := send(h, "GET", path, "")
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), path)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), path)
	}
}

// It is refused for its first byte, which is quicker to find out than that all of it is in order.
func TestABodyOfExactlyTheLimitIsRead(t *testing.T) {
	w, p := send(server.New(&recording{}, slog.New(slog.DiscardHandler)), "PUT", "/v1/environments/e", strings.Repeat("x", api.MaxBodyBytes), api.ActorHeader, "alice")
	require.Equal(t, 400, w.Code)
	require.Less(t, len(p.Detail), 200)
}

func TestUnknownPathsAreNotMissingObjects(t *testing.T) {
	h := server.New(&recording{}, slog.New(slog.DiscardHandler))
	w, p := send(h, "GET", "/v1/environment/e", "")
	require.Equal(t, 404, w.Code)
	require.Equal(t, delivery.CodeInvalid, p.Code)
	require.Contains(t, p.Detail, "/v1/environment/e")
	w, p = send(h, "POST", "/v1/environments/e", "{}")
	require.Equal(t, 405, w.Code)
	require.Equal(t, delivery.CodeInvalid, p.Code)
	require.Contains(t, w.Header().Get("Allow"), "PUT")
	require.Contains(t, p.Detail, "PUT")
}

func TestErrorsOfNoKindAreLoggedNotShown(t *testing.T) {
	var log bytes.Buffer
	h := server.New(&recording{fail: fmt.Errorf("loading: %w", errors.New("password=hunter2"))}, slog.New(slog.NewTextHandler(&log, nil)))
	w, p := send(h, "GET", "/v1/environments/e", "")
	require.Equal(t, 500, w.Code)
	require.Equal(t, delivery.CodeInternal, p.Code)
	require.NotContains(t, w.Body.String(), "hunter2")
	require.Contains(t, log.String(), "hunter2")
	id := strings.TrimSuffix(strings.Fields(p.Detail)[2], ";")
	require.Len(t, id, 10)
	require.Contains(t, log.String(), id)
}

func TestPanicsAreLoggedNotShown(t *testing.T) {
	var log bytes.Buffer
	e := &recording{panic: "password=hunter2"}
	h := server.New(e, slog.New(slog.NewTextHandler(&log, nil)))
	w, p := send(h, "DELETE", "/v1/environments/e", "", api.ActorHeader, "alice")
	require.Equal(t, 500, w.Code)
	require.Equal(t, delivery.CodeInternal, p.Code)
	require.NotContains(t, w.Body.String(), "hunter2")
	require.Contains(t, log.String(), "hunter2")
	require.Contains(t, log.String(), "recording_test.go") // the stack
	require.Contains(t, log.String(), "/v1/environments/e")

	e.panic = http.ErrAbortHandler
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { send(h, "GET", "/v1/environments/e", "") })
}

// wire breaks while an answer is written.
type wire struct{ *httptest.ResponseRecorder }

func (wire) Write([]byte) (int, error) { panic("the answer cannot be written") }

// Once a part of an answer is out, nothing can be said anymore: the connection breaks off, so that nobody takes the part for the whole.
func TestAPanicWithinAnAnswerBreaksItOff(t *testing.T) {
	var log bytes.Buffer
	h := server.New(&recording{}, slog.New(slog.NewTextHandler(&log, nil)))
	w := wire{httptest.NewRecorder()}
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/environments/e", nil)) })
	require.Contains(t, log.String(), "the answer cannot be written")
}

// A defect that the control plane found itself is told, and logged too; a refusal is nothing for the log.
func TestDefectsAreLogged(t *testing.T) {
	for code, logged := range map[delivery.Code]bool{delivery.CodeInternal: true, delivery.CodeInvalid: false, delivery.CodeConflict: false} {
		var log bytes.Buffer
		h := server.New(&recording{fail: delivery.Errorf(code, "row 7 is damaged")}, slog.New(slog.NewTextHandler(&log, nil)))
		_, p := send(h, "GET", "/v1/environments/e", "")
		require.Equal(t, "row 7 is damaged", p.Detail)
		require.Equal(t, logged, strings.Contains(log.String(), "row 7 is damaged"), code)
	}
}

func TestRequestThatWasGivenUpIsNoDefect(t *testing.T) {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	e := &recording{block: cancel, fail: context.Canceled}
	w := httptest.NewRecorder()
	server.New(e, slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/environments/e", nil).WithContext(ctx))
	require.Equal(t, 503, w.Code)
	require.Empty(t, log.String())
}

func TestListsAreNeverNull(t *testing.T) {
	w, _ := send(server.New(&empty{}, slog.New(slog.DiscardHandler)), "GET", "/v1/environments", "")
	require.Equal(t, "[]\n", w.Body.String())
}

type empty struct{ recording }

func (*empty) Environments(context.Context) ([]delivery.Environment, error) { return nil, nil }

func TestEachRequestIsOneLineOfTheDebugLog(t *testing.T) {
	var log bytes.Buffer
	h := server.New(&recording{}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	send(h, "GET", "/v1/approvals/a%2Fb", "")
	require.Contains(t, log.String(), "path=/v1/approvals/a%2Fb status=200")
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
}
