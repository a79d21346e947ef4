package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/memnet"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
)

// A handler that panics is a defect of the control plane. The caller is told that and not the reason, the log has the reason, and nobody
// tries again: a defect stays one.
func TestAPanicInProcessIsAnInternalDefect(t *testing.T) {
	var log bytes.Buffer
	var tries atomic.Int32
	handler := server.New(&recording{panic: "password=hunter2"}, slog.New(slog.NewTextHandler(&log, nil)))
	listener := memnet.Listen()
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		handler.ServeHTTP(w, r)
	})}}
	s.Start()
	transport := client.InProcess(listener)
	_, err := client.New(client.Config{Address: "http://embedded", Transport: transport, Actor: actor}).
		PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "e"})
	transport.CloseIdleConnections()
	s.Close() // the handler has returned: the log is whole
	require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err), "%v", err)
	require.Len(t, delivery.ErrorsOf(err), 1)
	require.NotContains(t, err.Error(), "hunter2")
	require.EqualValues(t, 1, tries.Load())
	require.Contains(t, log.String(), "hunter2")
	require.Contains(t, log.String(), "recording_test.go", "the stack shows where")
	require.Contains(t, log.String(), "method=PUT path=/v1/environments/e")
}

func TestABodyIsReadUpToItsLimit(t *testing.T) {
	spec := func(size int) string {
		const begin, end = `{"name":"e","config":{"A":"`, `"}}`
		return begin + strings.Repeat("x", size-len(begin)-len(end)) + end
	}
	e := &recording{}
	h := server.New(e, slog.New(slog.DiscardHandler))
	w, _ := send(h, "PUT", "/v1/environments/e", spec(api.MaxBodyBytes), api.ActorHeader, actor)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, "PutEnvironment", e.last().method)

	e.asked = nil
	w, p := send(h, "PUT", "/v1/environments/e", spec(api.MaxBodyBytes+1), api.ActorHeader, actor)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	require.Equal(t, delivery.CodeInvalid, p.Code)
	require.Empty(t, e.asked)
}

func TestAPageHasAtMostItsLimit(t *testing.T) {
	for asks, gets := range map[string]int{"": api.DefaultLimit, "?limit=0": api.DefaultLimit, "?limit=1": 1,
		"?limit=999": api.MaxLimit - 1, "?limit=1000": api.MaxLimit, "?limit=1001": api.MaxLimit} {
		e := &recording{}
		w, _ := send(server.New(e, slog.New(slog.DiscardHandler)), "GET", "/v1/events"+asks, "")
		require.Equal(t, http.StatusOK, w.Code, asks)
		require.Equal(t, asked{"Events", []any{int64(0), gets}}, e.last(), asks)
	}
}
