package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// How often, how patiently and how much.
const (
	maxRetries        = 6                // of one request; together about a minute
	firstPause        = time.Second      // doubled for each further retry
	longestPause      = 30 * time.Second //
	longestRetryAfter = time.Minute      // the most that a receiver's Retry-After is believed
	slowestPoll       = 30 * time.Second // unless poll_interval is longer
	exchangeTimeout   = 30 * time.Second // of one request and its answer
	maxRedirects      = 3
	maxAnswerBytes    = driver.MaxReportBytes
	maxHeaderBytes    = 64 << 10
)

// The headers that a receiver checks.
const (
	headerKey       = "Idempotency-Key"
	headerTimestamp = "CD-Timestamp"
	headerSignature = "CD-Signature"
)

// call is all that is said to one receiver about one deployment.
type call struct {
	d      *Driver
	r      driver.Request
	target delivery.WebhookTarget
	host   *url.URL  // the receiver, without path
	status *url.URL  // where to ask how the deployment goes; nil while unknown
	until  time.Time // when the time is up
	mask   *redact.Masker
	fate   fate
}

// call prepares for a receiver. Nothing is sent. The call it returns with an error can tell only that nothing happened.
func (d *Driver) call(r driver.Request, timeout time.Duration) (*call, error) {
	c := &call{d: d, r: r, target: *r.Target.Webhook, until: d.o.Now().Add(timeout), mask: r.Mask()}
	if r.Resumed {
		c.fate = mayRun
	}
	if r.Credentials["secret"] == "" {
		return c, errors.New("the secret that requests are signed with is empty; set what target.webhook.secret refers to")
	}
	if c.target.Token != "" && !isToken(r.Credentials["token"]) {
		return c, errors.New("the token is empty, or no token: it may hold visible ASCII characters only; set what target.webhook.token refers to")
	}
	address, err := url.Parse(c.target.URL)
	if err != nil {
		return c, errors.New("the target's url is no address")
	}
	c.host = &url.URL{Scheme: address.Scheme, Host: address.Host}
	if c.target.StatusURL != "" {
		if c.status, err = url.Parse(c.target.StatusAddress(r.ID)); err != nil {
			return c, errors.New("the target's status_url is no address")
		}
	}
	return c, nil
}

// isToken tells what can stand in a header.
func isToken(value string) bool {
	return value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ask sends a request about the deployment and returns what the receiver says of it.
func (c *call) ask(ctx context.Context, method, address string, body []byte) (answer, error) {
	var told answer
	var from *url.URL
	err := c.exchange(ctx, method, address, body, func(response *http.Response, text []byte) (err error) {
		from = response.Request.URL
		told, err = readAnswer(method, response, text, c.d.o.Now())
		return err
	})
	if err != nil {
		return answer{}, err
	}
	if told.Status == running && told.StatusURL != "" && c.target.StatusURL == "" {
		c.status, err = c.statusAddress(from, told.StatusURL)
	}
	return told, err
}

// exchange sends a request, again where that may help, until understand accepts the answer. Its error is the last try's: a
// refusal, or why there was no answer; or over, when there was no time for more tries.
func (c *call) exchange(ctx context.Context, method, address string, body []byte, understand func(*http.Response, []byte) error) error {
	var content any // nil for a request without a body
	if body != nil {
		content = body
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return errFinal("the address cannot be asked")
	}
	var last, late error
	client := &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: trip{c, understand}, CheckRedirect: redirects},
		RetryWaitMin: firstPause,
		RetryWaitMax: longestPause,
		RetryMax:     maxRetries,
		CheckRetry: func(ctx context.Context, response *http.Response, err error) (bool, error) {
			if last = err; err == nil && response.StatusCode/100 != 2 {
				last = c.refused(method, response)
			} else if err != nil {
				last = c.unanswered(method, address, err)
			}
			return last != nil && !final(last), ctx.Err()
		},
		// The library's own timer cannot be replaced, so the waiting is done here, and the library no longer waits.
		Backoff: func(least, most time.Duration, attempt int, response *http.Response) time.Duration {
			wait := min(least<<attempt, most)
			if response != nil {
				wait = max(wait, retryAfter(response.Header, c.d.o.Now()))
			}
			late = c.wait(ctx, wait)
			return 0
		},
		PrepareRetry: func(*http.Request) error { return late },
		ErrorHandler: retryablehttp.PassthroughErrorHandler, // the last answer says more than the number of tries
	}
	response, err := client.Do(request)
	if response != nil {
		err = errors.Join(err, response.Body.Close()) // it is in memory, whole
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(late, errOver):
		return over{last}
	case late != nil:
		return late
	case last != nil:
		return last
	}
	return err
}

// redirects follows that of a GET on the same host. A redirected POST may lose its body, or start what it should not.
func redirects(next *http.Request, before []*http.Request) error {
	if before[0].Method != http.MethodGet || len(before) > maxRedirects || !sameHost(next.URL, before[0].URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

// wait pauses, but no longer than the deployment's time allows.
func (c *call) wait(ctx context.Context, d time.Duration) error {
	if c.d.o.Now().Add(d).After(c.until) {
		return errOver
	}
	return c.d.o.Pause(ctx, d)
}

// trip sends one request, signed at that moment, and reads its answer whole: what breaks off was none.
type trip struct {
	*call
	understand func(*http.Response, []byte) error
}

// RoundTrip is http.RoundTripper's.
func (t trip) RoundTrip(request *http.Request) (*http.Response, error) {
	if !sameHost(request.URL, t.host) {
		return nil, errFinal("requests go to the receiver's own host only")
	}
	ctx, cancel := t.d.o.Within(request.Context(), max(min(exchangeTimeout, t.until.Sub(t.d.o.Now())), time.Millisecond))
	defer cancel()
	signed, err := t.sign(request.Clone(ctx))
	if err != nil {
		return nil, err
	}
	response, err := t.d.transport.RoundTrip(signed)
	var body []byte
	if err == nil {
		body, err = readAll(response)
		if response.StatusCode/100 != 2 { // the status says enough
			err = nil
		}
	}
	if err == nil && response.StatusCode/100 == 2 {
		if err = t.understand(response, body); err != nil {
			err = unreadable{err}
		}
	}
	if request.Method == http.MethodPost {
		t.fate = max(t.fate, fateOf(response, err))
	}
	if err != nil {
		if ctx.Err() != nil && request.Context().Err() == nil {
			err = errSlow
		}
		return nil, err
	}
	response.Request, response.Body = request, &inMemory{bytes.NewReader(body), body}
	return response, nil
}

// inMemory is an answer's body that was read already.
type inMemory struct {
	io.Reader
	text []byte
}

// Close is io.Closer's; there is nothing to close.
func (*inMemory) Close() error { return nil }

// fate is what became of a deployment, as far as can be told from how the receiver took it.
type fate int

const (
	unsent fate = iota // it never got there
	turned             // it was refused; a receiver starts nothing that it refuses
	mayRun             // it may have been started
)

// fateOf tells what one POST led to.
func fateOf(response *http.Response, err error) fate {
	switch {
	case unreached(err):
		return unsent
	case response != nil && response.StatusCode/100 != 2 && response.StatusCode < 500:
		return turned
	}
	return mayRun
}

// in says what a failed deployment means for the environment.
func (f fate) in(environment string) string {
	switch f {
	case unsent:
		return fmt.Sprintf("nothing was changed in environment %q", environment)
	case turned:
		return fmt.Sprintf("environment %q should run what it ran, since a receiver starts nothing that it refuses", environment)
	}
	return fmt.Sprintf("what runs in environment %q may be changed", environment)
}

// sign takes the body in, and sets all headers.
func (t trip) sign(request *http.Request) (*http.Request, error) {
	body := []byte{}
	if request.Body != nil {
		var err error
		body, err = io.ReadAll(request.Body)
		if err := errors.Join(err, request.Body.Close()); err != nil {
			return nil, err
		}
	}
	request.Body = http.NoBody
	if len(body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	for name, value := range t.target.Headers {
		request.Header.Set(name, value)
	}
	timestamp := strconv.FormatInt(t.d.o.Now().Unix(), 10)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "terraform-provider-cd")
	if request.Method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set(headerKey, t.r.ID)
	}
	request.Header.Set(headerTimestamp, timestamp)
	request.Header.Set(headerSignature, signature(t.r.Credentials["secret"], timestamp, body))
	if t.target.Token != "" {
		request.Header.Set("Authorization", "Bearer "+t.r.Credentials["token"])
	}
	return request, nil
}

func signature(key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func readAll(response *http.Response) ([]byte, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err == nil && len(body) > maxAnswerBytes {
		return nil, unreadable{fmt.Errorf("it is larger than %d bytes", maxAnswerBytes)}
	}
	if err != nil {
		return nil, err // a part may end within a secret, where it is not recognized
	}
	return body, nil
}
