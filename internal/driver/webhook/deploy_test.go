package webhook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/webhook"
)

// answering serves each request with the handler, and counts.
func answering(t *testing.T, handler http.HandlerFunc) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func plain(target delivery.WebhookTarget) driver.Request {
	target.Secret = "env:KEY"
	return driver.Request{ID: "d1", Pipeline: "shop", Environment: "eu", Version: "1.4.2", ConfigRevision: "sha256:11",
		Target: delivery.Target{Webhook: &target}, Credentials: map[string]string{"secret": key},
		Secrets: map[string]string{"PASSWORD": "hunter2"}, SecretNames: []string{"PASSWORD"}}
}

func TestADeploymentThatIsNeverSettledEndsWithItsTime(t *testing.T) {
	c := newClock()
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/status")
		writeJSON(w, http.StatusAccepted, map[string]any{"status": "running", "message": "third of five servers"})
	})
	begin := c.Now()
	_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address + "/deploy", Timeout: "5m", PollInterval: "10s"}))
	require.EqualError(t, err, "deploying shop 1.4.2 through the target's webhook: it did not finish within 5m0s; raise the target's timeout "+
		`if it needs longer. The receiver last said that it is running: third of five servers; what runs in environment "eu" may be changed`)
	require.LessOrEqual(t, c.Now().Sub(begin), 5*time.Minute)
	require.Equal(t, []time.Duration{10 * time.Second, 15 * time.Second, 22500 * time.Millisecond, 30 * time.Second}, c.pauses[:4])
}

func TestAReceiverThatGoesAwayIsAskedUntilTheTimeIsOver(t *testing.T) {
	c := newClock()
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.Error(w, "being deployed myself", http.StatusBadGateway)
			return
		}
		writeJSON(w, http.StatusAccepted, map[string]any{"status": "running", "status_url": "status"})
	})
	begin := c.Now()
	_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address + "/a/deploy"}))
	require.ErrorContains(t, err, "it did not finish within 10m0s, and the receiver did not report its last state: GET "+address+
		"/a/status answered 502 Bad Gateway: being deployed myself")
	require.Greater(t, c.Now().Sub(begin), 9*time.Minute)
}

func TestAReceiverThatDoesNotAnswerInTime(t *testing.T) {
	c := newClock()
	address, asked := answering(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address, Timeout: "5s"}))
	require.ErrorContains(t, err, "the receiver gave no answer within 5s: POST "+address+" answered 503 Service Unavailable")
	require.EqualValues(t, 3, asked.Load(), "at 0, 1 and 3 seconds")
}

func TestRetryAfterIsHonoredWithinBounds(t *testing.T) {
	for header, want := range map[string]time.Duration{"": time.Second, "0": time.Second, "17": 17 * time.Second, "86400": time.Minute,
		"99999999999999999999": time.Second, "-5": time.Second, "soon": time.Second,
		"Fri, 02 Jan 2026 03:04:25 GMT": 20 * time.Second, "Fri, 02 Jan 2037 03:04:25 GMT": time.Minute, "Thu, 01 Jan 1970 00:00:00 GMT": time.Second} {
		c := newClock()
		address, asked := answering(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
		require.ErrorContains(t, err, `answered 429 Too Many Requests; environment "eu" should run what it ran`)
		require.Equal(t, want, c.pauses[0], header)
		require.EqualValues(t, 7, asked.Load())
	}
}

func TestALookMayBeAskedForLater(t *testing.T) {
	c := newClock()
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			writeJSON(w, http.StatusOK, map[string]any{"status": "succeeded"})
			return
		}
		w.Header().Set("Location", "/status")
		w.Header().Set("Retry-After", "45")
		w.WriteHeader(http.StatusAccepted)
	})
	_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
	require.NoError(t, err)
	require.Equal(t, []time.Duration{45 * time.Second}, c.pauses)
}

func TestNobodyListens(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	c := newClock()
	_, err = c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: "http://" + listener.Addr().String()}))
	require.ErrorContains(t, err, "dial: ")
	require.ErrorContains(t, err, `nothing was changed in environment "eu"`)
	require.Len(t, c.pauses, 6)
}

func TestWhatIsNotAskedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no such\n\x1b[31mpipeline", http.StatusUnprocessableEntity)
		},
			"answered 422 Unprocessable Entity: no such pipeline; environment"},
		"refused in JSON": {func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusUnauthorized, map[string]any{"message": "wrong signature"})
		}, "answered 401 Unauthorized: wrong signature; environment"},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/take?token=hidden", http.StatusPermanentRedirect)
		}, "answered 308 Permanent Redirect, a redirect to http://elsewhere.example/take; only a GET is redirected"},
		"redirected at the same host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/take", http.StatusTemporaryRedirect)
		}, "answered 307 Temporary Redirect, a redirect to "},
		"no address": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, "gave no address (status_url"},
		"password in address": {func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, http.StatusAccepted, map[string]any{"status": "running", "status_url": "http://a:b@" + r.Host})
		}, "status address on another host"},
		"nonsense address": {func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, http.StatusAccepted, map[string]any{"status": "running", "status_url": "http://%zz"})
		}, "the status address that it gave is none"},
	} {
		t.Run(name, func(t *testing.T) {
			address, asked := answering(t, test.handler)
			_, err := newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "hidden")
			require.EqualValues(t, 1, asked.Load())
		})
	}
}

func TestAnAnswerNeedsNoBody(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		address, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		result, err := newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
		require.NoError(t, err)
		require.JSONEq(t, `{"deployment": "d1", "config_revision": "sha256:11"}`, result.Receipt)
	}
}

// Only a POST may be answered by its status alone: an empty answer to a look says nothing about the deployment.
func TestALookNeedsABody(t *testing.T) {
	c := newClock()
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/status")
			w.WriteHeader(http.StatusAccepted)
		}
	})
	_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address, Timeout: "1m"}))
	require.ErrorContains(t, err, `its "status" is not running, succeeded or failed`)
}

// A receiver that does not know a deployment never got it: its process was ended before it was sent.
func TestADeathBeforeSending(t *testing.T) {
	methods := []string{}
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method)
		if r.Method == http.MethodGet {
			http.NotFound(w, r)
		}
	})
	request := plain(delivery.WebhookTarget{URL: address, StatusURL: address + "/status"})
	request.Resumed = true
	_, err := newClock().driver().Deploy(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, []string{http.MethodGet, http.MethodPost}, methods)
}

func TestSecretsAreSentOnRequestOnly(t *testing.T) {
	for _, send := range []bool{false, true} {
		var told map[string]json.RawMessage
		address, _ := answering(t, func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = json.Unmarshal(body, &told)
			}
			if err != nil {
				panic(err)
			}
		})
		_, err := newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address, SendSecrets: send}))
		require.NoError(t, err)
		require.JSONEq(t, `["PASSWORD"]`, string(told["secret_names"]))
		if !send {
			require.NotContains(t, told, "secrets")
			continue
		}
		require.JSONEq(t, `{"PASSWORD": "hunter2"}`, string(told["secrets"]))
	}
}

func TestAReceiptHoldsNoSecret(t *testing.T) {
	address, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"status": "succeeded", "receipt": "run 7 with hunter2 and " + key})
	})
	result, err := newClock().driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: address}))
	require.NoError(t, err)
	require.JSONEq(t, `{"deployment": "d1", "config_revision": "sha256:11", "receipt": "run 7 with *** and ***"}`, result.Receipt)
}

// TestADeathBetweenAcceptingAndAnswering is the case that the whole protocol is for, once with each way to go on.
func TestADeathBetweenAcceptingAndAnswering(t *testing.T) {
	for _, tells := range []string{"location", "template"} {
		r := serving(t)
		r.tells, r.looks = tells, 2
		inner := r.Config.Handler
		ctx, die := context.WithCancel(t.Context())
		alive := true
		methods := []string{}
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			methods = append(methods, request.Method)
			if !alive {
				inner.ServeHTTP(w, request)
				return
			}
			alive = false
			inner.ServeHTTP(httptest.NewRecorder(), request)
			die()
			<-request.Context().Done()
		}))
		t.Cleanup(front.Close)
		r.URL = front.URL

		request := requestTo(r)
		_, err := r.clock.driver().Deploy(ctx, request)
		require.ErrorIs(t, err, context.Canceled)
		request.Resumed = true
		_, err = r.clock.driver().Deploy(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, 1, r.starts["shop"])
		require.Equal(t, "succeeded", r.begun["d1"].status)
		want := []string{"POST", "POST", "GET", "GET"}
		if tells == "template" {
			want = []string{"POST", "GET", "GET"}
		}
		require.Equal(t, want, methods)
		require.Empty(t, r.problems)
	}
}

func TestACredentialThatCannotBeUsed(t *testing.T) {
	address, asked := answering(t, func(http.ResponseWriter, *http.Request) {})
	r := plain(delivery.WebhookTarget{URL: address, ObserveURL: address})
	r.Credentials = nil
	d := newClock().driver()
	_, err := d.Deploy(t.Context(), r)
	require.ErrorContains(t, err, "set what target.webhook.secret refers to")
	require.ErrorContains(t, err, "nothing was changed")
	seen, err := d.Observe(t.Context(), r)
	require.NoError(t, err)
	require.Contains(t, seen.Unknown, "set what target.webhook.secret refers to")

	r.Target.Webhook.Token = "env:TOKEN"
	for _, token := range []string{"", "two words", "line\n", "ümlaut"} {
		r.Credentials = map[string]string{"secret": key, "token": token}
		_, err = d.Deploy(t.Context(), r)
		require.ErrorContains(t, err, "set what target.webhook.token refers to")
		require.Zero(t, asked.Load())
	}
}

func TestAnotherKindOfTargetIsRefused(t *testing.T) {
	d := webhook.New(webhook.Options{})
	_, err := d.Deploy(t.Context(), driver.Request{})
	require.Error(t, err)
	_, err = d.Observe(t.Context(), driver.Request{})
	require.Error(t, err)
}

func TestTheReceiverHasToBeWhoItSays(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"status": "succeeded"})
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	c := newClock()
	_, err := c.driver().Deploy(t.Context(), plain(delivery.WebhookTarget{URL: server.URL}))
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	require.ErrorContains(t, err, "nothing was changed")
	require.Empty(t, c.pauses, "asking again makes nobody trustworthy")

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := webhook.New(webhook.Options{Now: c.Now, Pause: c.pause, Roots: roots})
	_, err = trusting.Deploy(t.Context(), plain(delivery.WebhookTarget{URL: server.URL}))
	require.NoError(t, err)

	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	_, err = trusting.Deploy(t.Context(), plain(delivery.WebhookTarget{URL: old.URL}))
	require.ErrorContains(t, err, "protocol version")
	require.Empty(t, c.pauses)
}

func TestObserving(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		unknown string
	}{
		"fine":            {told(`{"running": true, "version": "1.4.2", "deployment": "d1", "config_revision": "sha256:11"}`), ""},
		"not found":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "answered 404 Not Found"},
		"forbidden":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not "+key, http.StatusForbidden) }, "answered 403 Forbidden: not ***"},
		"down":            {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "answered 502 Bad Gateway"},
		"no JSON":         {told("fine"), "its answer cannot be used: is not the JSON object that is needed"},
		"nothing":         {told(""), "is empty"},
		"half":            {told(`{"running": true}`), `not its "version"`},
		"without running": {told(`{"version": "1.4.2"}`), "does not say whether anything is running"},
		"too much":        {told(strings.Repeat(" ", 2<<20)), "larger than 1048576 bytes"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://b.example/", http.StatusFound)
		}, "a redirect to https://b.example/"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := answering(t, test.handler)
			c := newClock()
			begin := c.Now()
			seen, err := c.driver().Observe(t.Context(), plain(delivery.WebhookTarget{URL: address, ObserveURL: address + "/look?a=b"}))
			require.NoError(t, err)
			require.Contains(t, seen.Unknown, test.unknown)
			require.False(t, seen.Drifted())
			require.Equal(t, test.unknown == "", seen.Unknown == "")
			require.Equal(t, test.unknown == "", seen.Running)
			require.LessOrEqual(t, c.Now().Sub(begin), time.Minute)
			require.NotContains(t, seen.Unknown, key)
		})
	}
}

func told(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if _, err := io.WriteString(w, text); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func TestWithoutAnObserveURLNothingIsKnown(t *testing.T) {
	seen, err := newClock().driver().Observe(t.Context(), plain(delivery.WebhookTarget{URL: "https://deploy.example.com"}))
	require.NoError(t, err)
	require.Equal(t, delivery.Observation{Unknown: "the target's webhook has no observe_url, so nothing tells what runs; with one, drift is seen"}, seen)

	r := plain(delivery.WebhookTarget{URL: "https://deploy.example.com", ObserveURL: "https://deploy.example.com"})
	r.Receipt = "not ours"
	seen, err = newClock().driver().Observe(t.Context(), r)
	require.NoError(t, err)
	require.Contains(t, seen.Unknown, "receipt of deployment d1 cannot be read")
}
