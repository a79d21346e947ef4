package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func receiver() *delivery.WebhookTarget {
	return &delivery.WebhookTarget{
		URL: "https://deploy.example.com/shop", StatusURL: "https://deploy.example.com/shop/{id}?v=1", ObserveURL: "https://DEPLOY.example.com/runs",
		Headers: map[string]string{"X-Site": "eu"}, Secret: "env:KEY", Token: "file:token", SendSecrets: true, Timeout: "30m", PollInterval: "5s",
	}
}

func TestWebhookTargetValidation(t *testing.T) {
	const at = "target.webhook."
	for _, c := range []struct {
		name string
		edit func(*delivery.WebhookTarget)
		want []refusal
	}{
		{"as it should be", func(*delivery.WebhookTarget) {}, nil},
		{"the least", func(w *delivery.WebhookTarget) {
			*w = delivery.WebhookTarget{URL: "https://a.example", Secret: "env:KEY"}
		}, nil},
		{"nothing", func(w *delivery.WebhookTarget) { *w = delivery.WebhookTarget{} }, []refusal{{at + "url", "needed"}, {at + "secret", "reference"}}},
		{"another scheme", func(w *delivery.WebhookTarget) { w.URL = "ftp://a.example" }, []refusal{{at + "url", "not an https address"}}},
		{"no host", func(w *delivery.WebhookTarget) { w.URL = "https://:443/" }, []refusal{{at + "url", "not an https address"}}},
		{"a fragment", func(w *delivery.WebhookTarget) { w.URL += "#now" }, []refusal{{at + "url", "fragment"}}},
		{"a password", func(w *delivery.WebhookTarget) { w.URL = "https://me:hunter2@deploy.example.com" }, []refusal{{at + "url", "give the receiver a token"}}},
		{"no placeholder", func(w *delivery.WebhookTarget) { w.StatusURL = w.URL }, []refusal{{at + "status_url", "{id}"}}},
		{"another port", func(w *delivery.WebhookTarget) { w.StatusURL = "https://deploy.example.com:8443/{id}" }, []refusal{{at + "status_url", "with https://deploy.example.com"}}},
		{"the id as host", func(w *delivery.WebhookTarget) { w.StatusURL = "https://{id}.example.com/" }, []refusal{{at + "status_url", "no other host"}}},
		{"another place to observe", func(w *delivery.WebhookTarget) { w.ObserveURL = "https://example.com" }, []refusal{{at + "observe_url", "no other host"}}},
		{"two spellings of a header", func(w *delivery.WebhookTarget) { w.Headers = map[string]string{"X-Site": "eu", "x-site": "us"} }, []refusal{{at + `headers["x-site"]`, "the same header as X-Site"}}},
		{"a nameless header", func(w *delivery.WebhookTarget) { w.Headers = map[string]string{"": "eu"} }, []refusal{{at + `headers[""]`, "not a header's name"}}},
		{"a cookie", func(w *delivery.WebhookTarget) { w.Headers = map[string]string{"cookie": "a=b"} }, []refusal{{at + `headers["cookie"]`, "would be stored"}}},
		{"a header of ours", func(w *delivery.WebhookTarget) { w.Headers = map[string]string{"idempotency-key": "1"} }, []refusal{{at + `headers["idempotency-key"]`, "by the provider itself"}}},
		{"a long header", func(w *delivery.WebhookTarget) { w.Headers["X-Site"] = strings.Repeat("x", 5_000) }, []refusal{{at + `headers["X-Site"]`, "at most 4096"}}},
		{"a split header", func(w *delivery.WebhookTarget) { w.Headers["X-Site"] = "a\r\nb" }, []refusal{{at + `headers["X-Site"]`, "line breaks"}}},
		{"no time", func(w *delivery.WebhookTarget) { w.Timeout = "0s" }, []refusal{{at + "timeout", "too short"}}},
		{"too much time", func(w *delivery.WebhookTarget) { w.Timeout = "24h1s" }, []refusal{{at + "timeout", "too long"}}},
		{"no interval", func(w *delivery.WebhookTarget) { w.PollInterval = "soon" }, []refusal{{at + "poll_interval", "not a duration"}}},
		{"no time for a look", func(w *delivery.WebhookTarget) { w.Timeout, w.PollInterval = "2s", "" }, []refusal{{at + "poll_interval", "never be looked at"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := production()
			spec.Target = &delivery.Target{Webhook: receiver()}
			c.edit(spec.Target.Webhook)
			refusals := spec.Validate()
			requireRefusals(t, refusals, c.want...)
			require.NotContains(t, refusals.Error(), "hunter2")
		})
	}
	spec := production()
	spec.Target = &delivery.Target{Webhook: receiver()}
	for i := range delivery.MaxHeaders {
		spec.Target.Webhook.Headers[fmt.Sprintf("X-%d", i)] = "x"
	}
	requireRefusals(t, spec.Validate(), refusal{at + "headers", "too many"})
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	for host, allowed := range map[string]bool{"localhost": true, "LOCALHOST:80": true, "127.0.0.1": true, "127.9.9.9:8080": true, "[::1]:80": true,
		"example.com": false, "10.0.0.1": false, "localhost.example.com": false, "127.0.0.1.example.com": false, "0.0.0.0": false, "[::]": false} {
		spec := production()
		spec.Target = &delivery.Target{Webhook: &delivery.WebhookTarget{URL: "http://" + host + "/deploy", Secret: "env:KEY"}}
		require.Equal(t, allowed, len(spec.Validate()) == 0, host)
	}
}

func TestTargetCredentials(t *testing.T) {
	require.Nil(t, (*delivery.Target)(nil).Credentials())
	require.Nil(t, production().Target.Credentials())
	w := receiver()
	require.Equal(t, map[string]string{"secret": "env:KEY", "token": "file:token"}, (&delivery.Target{Webhook: w}).Credentials())
	w.Token = ""
	require.Equal(t, map[string]string{"secret": "env:KEY"}, (&delivery.Target{Webhook: w}).Credentials())
	require.Equal(t, "https://deploy.example.com/shop/a%2Fb?v=1", w.StatusAddress("a/b"))
}

func TestWebhookTargetRevision(t *testing.T) {
	spec := production()
	spec.Target = &delivery.Target{Webhook: receiver()}
	seen := map[string]string{spec.Revision(): "nothing"}
	for name, edit := range map[string]func(*delivery.WebhookTarget){
		"url": func(w *delivery.WebhookTarget) { w.URL += "s" }, "status": func(w *delivery.WebhookTarget) { w.StatusURL = "" },
		"observe": func(w *delivery.WebhookTarget) { w.ObserveURL = "" }, "headers": func(w *delivery.WebhookTarget) { w.Headers = nil },
		"secret": func(w *delivery.WebhookTarget) { w.Secret = "env:X" }, "token": func(w *delivery.WebhookTarget) { w.Token = "" },
		"secrets": func(w *delivery.WebhookTarget) { w.SendSecrets = false }, "timeout": func(w *delivery.WebhookTarget) { w.Timeout = "" },
		"interval": func(w *delivery.WebhookTarget) { w.PollInterval = "" },
	} {
		w := receiver()
		edit(w)
		spec.Target = &delivery.Target{Webhook: w}
		require.NotContains(t, seen, spec.Revision(), "changing %s is changing %s", name, seen[spec.Revision()])
		seen[spec.Revision()] = name
	}
}
