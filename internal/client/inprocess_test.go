package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// outcome is what a caller sees of one exchange.
type outcome struct {
	failed        bool
	status        string
	header        http.Header
	body          string
	bodyFailed    bool
	contentLength int64
}

// exchangeOnce makes one request over a transport. Header fields that belong to the connection are left out.
func exchangeOnce(t *testing.T, transport http.RoundTripper, base string, ask func(base string) *http.Request) outcome {
	t.Helper()
	resp, err := transport.RoundTrip(ask(base))
	if err != nil {
		return outcome{failed: true}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	resp.Header.Del("Date")
	return outcome{status: resp.Status, header: resp.Header, body: string(body), bodyFailed: err != nil, contentLength: resp.ContentLength}
}

func request(method, path string, body func() io.Reader, change ...func(*http.Request)) func(string) *http.Request {
	return func(base string) *http.Request {
		var reader io.Reader
		if body != nil {
			reader = body()
		}
		r, err := http.NewRequest(method, base+path, reader)
		if err != nil {
			panic(err)
		}
		r.Header.Set("User-Agent", "test") // the network's transport adds its own otherwise
		for _, c := range change {
			c(r)
		}
		return r
	}
}

func four() io.Reader { return strings.NewReader("four") }

var discard = log.New(io.Discard, "", 0)

// echo writes down what a handler sees of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Header.Del("Accept-Encoding")
	fmt.Fprintf(w, "method %s\nuri %s\npath %s\nraw %s\nquery %s\nscheme %q host %q user %v\nproto %s\nlength %d\nencoding %v\nheader %v\nbody %q %v\nremote %t\n",
		r.Method, r.RequestURI, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.Scheme, r.URL.Host, r.URL.User, r.Proto,
		r.ContentLength, r.TransferEncoding, r.Header, body, err, strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"))
}

func TestInProcessIsLikeTheNetwork(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		request func(string) *http.Request
	}{
		{"plain get", echo, request("GET", "/a/b?x=1&y=%20", nil)},
		{"escaped path", echo, request("GET", "/a%2Fb/%2E%2E/c%20d?", nil)},
		{"no path", echo, request("GET", "", nil)},
		{"fragment", echo, request("GET", "/a#part", nil)},
		{"empty body", echo, request("POST", "/", func() io.Reader { return http.NoBody })},
		{"body of known length", echo, request("PUT", "/", four)},
		{"body of unknown length", echo, request("PUT", "/", func() io.Reader { return iotest.OneByteReader(strings.NewReader("four")) })},
		{"empty method", echo, request("GET", "/", nil, func(r *http.Request) { r.Method = "" })},
		{"host of its own", echo, request("GET", "/", nil, func(r *http.Request) { r.Host = "cd.example.com" })},
		{"header spelled otherwise", echo, request("GET", "/", nil, func(r *http.Request) {
			r.Header["cd-actor"] = []string{"  alice\t", "Zoë"}
			r.Header.Set("Host", "liar.example.com")
			r.Header.Set("Content-Length", "9")
		})},
		{"header that cannot be sent", echo, request("GET", "/", nil, func(r *http.Request) { r.Header.Set("Cd-Actor", "a\r\nX: y") })},
		{"header name that cannot be sent", echo, request("GET", "/", nil, func(r *http.Request) { r.Header["a b"] = []string{"c"} })},
		{"scheme that cannot be sent", echo, request("GET", "/", nil, func(r *http.Request) { r.URL.Scheme = "ftp" })},
		{"no host", echo, request("GET", "/", nil, func(r *http.Request) { r.URL.Host, r.Host = "", "" })},

		{"nothing written", func(http.ResponseWriter, *http.Request) {}, request("GET", "/", nil)},
		{"implicit 200", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, request("GET", "/", nil)},
		{"header after WriteHeader", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("A", "1")
			w.WriteHeader(http.StatusCreated)
			w.Header().Set("A", "2")
			w.Header().Set("B", "3")
			fmt.Fprint(w, "x")
		}, request("GET", "/", nil)},
		{"header after Write", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "x")
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
			w.Header().Set("A", "2")
			w.Header().Set("Content-Length", "1")
		}, request("HEAD", "/", nil)},
		{"second WriteHeader", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			w.WriteHeader(http.StatusOK)
		}, request("GET", "/", nil)},
		{"informational", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		}, request("GET", "/", nil)},
		{"unnamed status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299) }, request("GET", "/", nil)},
		{"status that is none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) }, request("GET", "/", nil)},
		{"no content", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			n, err := fmt.Fprint(w, "x")
			if n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
				panic("a body was taken")
			}
		}, request("DELETE", "/", nil)},
		{"not modified", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, request("GET", "/", nil)},
		{"head", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "body") }, request("HEAD", "/", nil)},
		{"head of nothing", func(http.ResponseWriter, *http.Request) {}, request("HEAD", "/", nil)},
		{"type of its own", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, "{}")
		}, request("GET", "/", nil)},
		{"no type wanted", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			fmt.Fprint(w, "{}")
		}, request("GET", "/", nil)},
		{"announced length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			fmt.Fprint(w, "abc")
			if _, err := fmt.Fprint(w, "d"); !errors.Is(err, http.ErrContentLength) {
				panic("more than announced was taken")
			}
		}, request("GET", "/", nil)},
		{"less than announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			fmt.Fprint(w, "abc")
		}, request("GET", "/", nil)},
		{"nonsense announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "few")
			fmt.Fprint(w, "abc")
		}, request("GET", "/", nil)},
		{"body over a limit", func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 3))
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			fmt.Fprint(w, err)
		}, request("PUT", "/", four, func(r *http.Request) { r.Close = true })},
		{"body not read", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }, request("PUT", "/", four)},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("oh") }, request("GET", "/", nil)},
		{"abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, request("GET", "/", nil)},
		{"goroutine ended", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, request("GET", "/", nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(c.handler)
			s.Config.ErrorLog = discard
			s.Start()
			defer s.Close()
			network := exchangeOnce(t, s.Client().Transport, s.URL, c.request)
			network.header.Del("Connection")
			inside := exchangeOnce(t, InProcess(c.handler), s.URL, c.request)
			require.Equal(t, network, inside)
		})
	}
}

// The handler is told that nobody listens any more, and the caller does not wait until it has noticed.
func TestInProcessLetsGoWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release, noticed := make(chan struct{}), make(chan error, 1)
	transport := InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-release
		_, err := r.Body.Read(make([]byte, 1))
		noticed <- errors.Join(err, r.Context().Err())
		fmt.Fprint(w, "too late")
	}))
	body := &closing{Reader: strings.NewReader("four")}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://embedded/", body)
	require.NoError(t, err)
	err = roundTrip(transport, req)
	require.Equal(t, context.Canceled, err)
	require.True(t, body.closed)
	close(release)
	err = <-noticed
	require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
	require.ErrorIs(t, err, context.Canceled)
}

func TestInProcessDoesNotBeginWithAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := &closing{Reader: strings.NewReader("four")}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://embedded/", body)
	require.NoError(t, err)
	err = roundTrip(InProcess(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("called") })), req)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, body.closed)
}

func TestInProcessClosesTheBodyAndEndsTheHandlersContext(t *testing.T) {
	var ctx context.Context
	body := &closing{Reader: strings.NewReader("four")}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://embedded/", body)
	require.NoError(t, err)
	resp, err := InProcess(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.True(t, body.closed)
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	require.Empty(t, req.RequestURI, "the caller's request was changed")
}

func TestInProcessBodyShorterThanAnnounced(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://embedded/", strings.NewReader("four"))
	require.NoError(t, err)
	req.ContentLength = 9
	err = roundTrip(InProcess(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, readErr := io.Copy(io.Discard, r.Body)
		panic(readErr)
	})), req)
	require.ErrorIs(t, err, errPanicked)
	require.ErrorContains(t, err, io.ErrUnexpectedEOF.Error())
}

// roundTrip is for requests of which only the error matters.
func roundTrip(transport http.RoundTripper, req *http.Request) error {
	resp, err := transport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}
