package client

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/memnet"
)

var discard = log.New(io.Discard, "", 0)

// inProcess serves a handler within this process, for as long as the test runs.
func inProcess(t *testing.T, h http.Handler) *http.Transport {
	t.Helper()
	listener := memnet.Listen()
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h, ErrorLog: discard}}
	s.Start()
	t.Cleanup(s.Close)
	transport := InProcess(listener)
	t.Cleanup(transport.CloseIdleConnections) // before the server closes: it waits for them
	return transport
}

func inProcessRequest(ctx context.Context, t *testing.T, transport http.RoundTripper) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://embedded/", http.NoBody)
	require.NoError(t, err)
	return transport.RoundTrip(req)
}

// The handler hears that nobody listens anymore, and the caller does not wait until it has.
func TestInProcessTheHandlerIsCanceledWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	returned, heard := make(chan struct{}), make(chan error, 1)
	transport := inProcess(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-returned
		<-r.Context().Done()
		heard <- r.Context().Err()
	}))
	resp, err := inProcessRequest(ctx, t, transport)
	if err == nil {
		resp.Body.Close()
	}
	require.ErrorIs(t, err, context.Canceled)
	close(returned)
	require.ErrorIs(t, <-heard, context.Canceled)
}

// The caller reads the beginning of an answer while the handler still writes.
func TestInProcessAnswersStream(t *testing.T) {
	read := make(chan struct{})
	transport := inProcess(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first ")
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		<-read
		fmt.Fprint(w, "second")
	}))
	resp, err := inProcessRequest(t.Context(), t, transport)
	require.NoError(t, err)
	defer resp.Body.Close()
	begin := make([]byte, len("first "))
	_, err = io.ReadFull(resp.Body, begin)
	require.NoError(t, err)
	require.Equal(t, "first ", string(begin))
	close(read)
	rest, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "second", string(rest))
}

// Requests share connections: a connection for each one would cost more than the request.
func TestInProcessConnectionsAreKept(t *testing.T) {
	listener := memnet.Listen()
	opened := 0
	s := &httptest.Server{Listener: listener, Config: &http.Server{
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, fine) }),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { opened++; return ctx },
	}}
	s.Start()
	transport := InProcess(listener)
	c := New(Config{Address: "http://embedded", Transport: transport})
	for range 50 {
		_, err := c.Environment(t.Context(), "e")
		require.NoError(t, err)
	}
	transport.CloseIdleConnections()
	s.Close()
	require.Equal(t, 1, opened)
}

// A control plane that has ended in this process does not come back, so there is nothing to try again.
func TestInProcessAnEndedControlPlaneIsNotAskedAgain(t *testing.T) {
	listener := memnet.Listen()
	require.NoError(t, listener.Close())
	dials := 0
	transport := InProcess(listener)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return listener.DialContext(ctx, network, address)
	}
	_, err := New(Config{Address: "http://embedded", Transport: transport}).Environment(t.Context(), "e")
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err))
	require.Equal(t, 1, dials)
}

// A handler that fails after its answer began breaks the connection off, in process as over the network.
func TestInProcessAPanicBreaksTheConnection(t *testing.T) {
	transport := inProcess(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	resp, err := inProcessRequest(t.Context(), t, transport)
	if err == nil {
		resp.Body.Close()
	}
	require.ErrorIs(t, err, io.EOF)
}
