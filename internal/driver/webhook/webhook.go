// Package webhook deploys through an HTTP receiver of the user's: the target kind "webhook".
//
//	            POST url                         200: done, or failed
//	deploy ────────────────────► receiver ─────────────────────────► settled
//	   ▲   Idempotency-Key: id        │ 202, or status "running"         ▲
//	   └── 429, 5xx, no answer ───────┤                                  │
//	                                  └──► GET status address ── again ──┘
//	                                            until the timeout
//
// Every request is signed: CD-Signature is "sha256=" and the hexadecimal HMAC-SHA256, by the target's secret, of CD-Timestamp
// (seconds since 1970), a dot, and the body; a GET's body is empty. It is signed again each time it is sent.
//
// The body of the POST is the deployment as JSON: id, pipeline, stage, environment, version, digest, artifacts, config,
// secret_names, config_revision, and secrets if the target says so. Whatever is sent again carries the same Idempotency-Key, the
// deployment's id, and a receiver starts one deployment for each: it is what lets a request whose answer got lost be sent again,
// and a process go on where another one died.
//
// An answer is a JSON object: status ("running", "succeeded" or "failed"), message, receipt, status_url. What cannot be read as
// one was no answer, and is asked for again. No redirect is followed but that of a GET on the same host.
package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Options replace what tests cannot wait for. All have defaults.
type Options struct {
	Now   func() time.Time
	Pause func(ctx context.Context, d time.Duration) error // returns ctx's error when it ends first
	// Within bounds one exchange with the receiver: a context that ends after d.
	Within func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	Roots  *x509.CertPool // who may vouch for a receiver; default the system's
}

// Driver deploys to targets of kind "webhook".
type Driver struct {
	o         Options
	transport http.RoundTripper
}

// New makes a driver.
func New(o Options) *Driver {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Within == nil {
		o.Within = context.WithTimeout
	}
	return &Driver{o, &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// Go repeats what a kept connection lost, unseen by the code that counts and signs.
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		ForceAttemptHTTP2:      true,
	}}
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

// errNotWebhook is a defect of the caller: each kind of target has its own driver.
var errNotWebhook = errors.New("this is no webhook target")

// Deploy hands the deployment to the receiver, and asks it how far it is until it is settled. Canceling ctx stops the asking: the
// receiver goes on, and Deploy called again finds out how it went.
func (d *Driver) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	if r.Target.Webhook == nil {
		return driver.Result{}, errNotWebhook
	}
	c, err := d.call(r, r.Target.Webhook.Timeout.Or(delivery.DefaultWebhookTimeout))
	if err == nil {
		var settled answer
		if settled, err = c.deploy(ctx); err == nil {
			return c.result(settled)
		}
	}
	if ctx.Err() != nil {
		return driver.Result{}, ctx.Err()
	}
	return driver.Result{}, c.mask.Error(fmt.Errorf("deploying %s %s through the target's webhook: %w; %s", r.Pipeline, r.Version, err, c.fate.in(r.Environment)))
}

// deploy brings the deployment to its end, successful or not.
func (c *call) deploy(ctx context.Context) (answer, error) {
	a, err := c.begin(ctx)
	interval := c.target.PollInterval.Or(delivery.DefaultPollInterval)
	slowest := max(interval, slowestPoll)
	var trouble error // with the last look; the receiver may be being deployed itself
	for err == nil && a.Status == running {
		if c.status == nil {
			return a, errors.New("the receiver accepted it, but gave no address (status_url, or a Location header) to ask how it goes")
		}
		if err = c.wait(ctx, min(max(interval, a.again), longestRetryAfter)); err != nil {
			break
		}
		interval = min(interval+interval/2, slowest)
		var next answer
		if next, trouble = c.look(ctx); trouble == nil {
			a = next
		} else if final(trouble) || ctx.Err() != nil {
			err = trouble
		}
	}
	if errors.Is(err, errOver) {
		return a, c.overdue(a, err, trouble)
	}
	if err == nil && a.Status == failed {
		return a, fmt.Errorf("the receiver says that it failed%s", c.words(a.Message))
	}
	return a, err
}

// begin makes sure that the receiver has the deployment. One that may be under way already is asked for first, where that is
// possible; sending it again is safe too, since a receiver starts one deployment for each key.
func (c *call) begin(ctx context.Context) (answer, error) {
	if c.r.Resumed && c.status != nil {
		a, err := c.look(ctx)
		refused, ok := errors.AsType[*refusal](err)
		neverGotThere := ok && refused.status == http.StatusNotFound
		if err == nil || errors.Is(err, errOver) || ctx.Err() != nil || (final(err) && !neverGotThere) {
			return a, err
		}
	}
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	return c.ask(ctx, http.MethodPost, c.target.URL, body)
}

func (c *call) look(ctx context.Context) (answer, error) {
	return c.ask(ctx, http.MethodGet, c.status.String(), nil)
}

// overdue says that the time is up, and what was heard last.
func (c *call) overdue(a answer, err, trouble error) error {
	timeout := c.target.Timeout.Or(delivery.DefaultWebhookTimeout)
	switch {
	case trouble != nil:
		return fmt.Errorf("it did not finish within %s, and the receiver did not report its last state: %w", timeout, trouble)
	case a.Status == running:
		return fmt.Errorf("it did not finish within %s; raise the target's timeout if it needs longer. The receiver last said that it is running%s",
			timeout, c.words(a.Message))
	}
	return fmt.Errorf("the receiver gave no answer within %s: %w", timeout, err)
}

// body is the deployment as the receiver gets it.
func (c *call) body() ([]byte, error) {
	var order any = c.r
	if c.target.SendSecrets {
		secrets := c.r.Secrets
		if secrets == nil {
			secrets = map[string]string{} // never null in the JSON
		}
		order = struct {
			driver.Request
			Secrets map[string]string `json:"secrets"`
		}{c.r, secrets}
	}
	text, err := json.Marshal(order)
	if err != nil {
		return nil, fmt.Errorf("describing it as JSON: %w", err)
	}
	return text, nil
}

// receipt is what Deploy leaves for Observe.
type receipt struct {
	driver.Mark
	Receipt string `json:"receipt,omitempty"` // the receiver's own
}

func receiptOf(r driver.Request) receipt {
	return receipt{Mark: driver.Mark{Deployment: r.ID, ConfigRevision: r.ConfigRevision}}
}

func (c *call) result(a answer) (driver.Result, error) {
	left := receiptOf(c.r)
	left.Receipt = c.mask.Printable(a.Receipt)
	text, err := json.Marshal(left)
	return driver.Result{Receipt: string(text)}, err
}
