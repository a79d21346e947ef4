package http_test

import (
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/check/checktest"
	checkhttp "github.com/delivery-as-code/terraform-provider-cd/internal/check/http"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

func TestConformance(t *testing.T) {
	checktest.Exercise(t, checktest.Subject{
		New:     func(pause check.Pause) check.Checker { return checkhttp.New(pause) },
		Passing: func(t *testing.T) delivery.Check { return at(serve(t, status(http.StatusOK))) },
		Refusing: func(t *testing.T) (delivery.Check, string) {
			return at(serve(t, status(http.StatusServiceUnavailable))), "answered 503, expected 200"
		},
		Vanishing:  func(t *testing.T) delivery.Check { return at("http://" + closedPort(t)) },
		Impossible: func(*testing.T) delivery.Check { return at("gopher://127.0.0.1/") },
		PassingAt: func(t *testing.T, nth int) delivery.Check {
			var asked atomic.Int64
			return at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) < int64(nth) {
					w.WriteHeader(http.StatusBadGateway)
				}
			}))
		},
		Telling: func(t *testing.T, secret string) delivery.Check {
			return at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://"+hex.EncodeToString([]byte(secret))+".example.com/")
				w.WriteHeader(http.StatusFound)
				_, _ = w.Write([]byte(redacttest.Say(secret)))
			}))
		},
		Stalling: func(t *testing.T) (delivery.Check, <-chan struct{}) {
			asked := make(chan struct{}, 100)
			return at(serve(t, func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done()
			})), asked
		},
		Talkative: func(t *testing.T) delivery.Check {
			return at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTeapot)
				_, _ = w.Write([]byte(strings.Repeat("words ", 1<<18)))
			}) + "/" + strings.Repeat("path/", 1<<18))
		},
	})
}

func at(address string) delivery.Check {
	return delivery.Check{HTTP: &delivery.HTTPCheck{URL: address}}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func ask(t *testing.T, asked delivery.HTTPCheck) delivery.CheckResult {
	t.Helper()
	request := delivery.CheckRequest{Name: "health", Check: delivery.Check{HTTP: &asked}}
	result, err := checkhttp.New(check.Sleep).Check(t.Context(), request)
	require.NoError(t, err)
	require.False(t, result.Broken, result.Detail)
	return result
}

func TestItAsksWithGet(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.UserAgent() != "terraform-provider-cd" || r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	result := ask(t, delivery.HTTPCheck{URL: url + "/healthz"})
	require.Equal(t, delivery.CheckResult{Name: "health", Passed: true, Detail: "GET " + url + "/healthz answered 200"}, result)
}

func TestTheExpectedStatusCounts(t *testing.T) {
	url := serve(t, status(http.StatusNoContent))
	require.True(t, ask(t, delivery.HTTPCheck{URL: url, ExpectStatus: 204}).Passed)
	require.False(t, ask(t, delivery.HTTPCheck{URL: url, ExpectStatus: 205}).Passed)
	require.False(t, ask(t, delivery.HTTPCheck{URL: url}).Passed)
}

func TestRedirects(t *testing.T) {
	other := serve(t, status(http.StatusOK))
	home := serve(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{
			"/3": "/2", "/2": "/1", "/1": "/0", "/4": "/3",
			"/loop": "/loop", "/away": other + "/?token=hidden", "/nowhere": "http://%zz/?token=hidden",
		}
		if to := next[r.URL.Path]; to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	})
	for path, want := range map[string]string{
		"/1":       "",
		"/3":       "",
		"/4":       "it redirected more than 3 times",
		"/loop":    "it redirected more than 3 times",
		"/away":    "answered 302 (a redirect to " + other + ", which is not followed), expected 200",
		"/nowhere": "failed: it redirected to what is no address",
	} {
		result := ask(t, delivery.HTTPCheck{URL: home + path})
		require.Equal(t, want == "", result.Passed, "%s: %s", path, result.Detail)
		require.Contains(t, result.Detail, want)
		require.NotContains(t, result.Detail, "hidden")
	}
	require.True(t, ask(t, delivery.HTTPCheck{URL: home + "/away", ExpectStatus: 302}).Passed, "a redirect may be what is expected")
	require.True(t, ask(t, delivery.HTTPCheck{URL: home + "/1", ExpectStatus: 302}).Passed)
}

func TestWhatMayBeSecretInAnAddressIsNotShown(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "alice" || password != "hunter2" || r.FormValue("key") != "s3cret" {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	host := strings.TrimPrefix(url, "http://")
	for _, address := range []string{
		"http://alice:hunter2@" + host + "/ok?key=s3cret&verbose&s3cret#s3cret",
		"http://alice:hunter2@" + closedPort(t) + "/?key=s3cret",
	} {
		result := ask(t, delivery.HTTPCheck{URL: address})
		require.NotContains(t, result.Detail, "hunter2")
		require.NotContains(t, result.Detail, "s3cret")
		require.Contains(t, result.Detail, "key=***")
		require.Equal(t, strings.Contains(address, host), result.Passed, result.Detail)
	}
}

func TestAHalfAnswerIsNoAnswer(t *testing.T) {
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("only so much"))
	})
	gone := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = connection.Close()
		}
	})
	for _, url := range []string{cut, gone} {
		result := ask(t, delivery.HTTPCheck{URL: url})
		require.False(t, result.Passed)
		require.Contains(t, result.Detail, "the connection ended before the answer did")
	}
}

func TestABodyWithoutEndIsNotReadToItsEnd(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	require.True(t, ask(t, delivery.HTTPCheck{URL: url}).Passed)
}

func TestABodyThatStallsTimesOut(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	result := ask(t, delivery.HTTPCheck{URL: url, Timeout: "100ms"})
	require.False(t, result.Passed)
	require.Contains(t, result.Detail, "did not answer within 100ms")
}

func TestACertificateOfNobodyKnownIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(status(http.StatusOK))
	t.Cleanup(server.Close)
	result := ask(t, delivery.HTTPCheck{URL: server.URL})
	require.False(t, result.Passed)
	require.Contains(t, result.Detail, "certificate")
}

func TestEachAttemptConnectsAnew(t *testing.T) {
	peers := make(chan string, 2)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		peers <- r.RemoteAddr
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	ask(t, delivery.HTTPCheck{URL: url, Attempts: 2, Interval: "1ms"})
	first, second := <-peers, <-peers
	require.NotEqual(t, first, second)
}
