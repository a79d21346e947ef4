// Package http asks an address over HTTP: a GET that passes when the answer has the expected status. It follows a few
// redirects on the same host, never to another one, and reads only so much of an answer as shows that it is one.
package http

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	maxRedirects   = 3
	maxBodyBytes   = 64 << 10
	maxHeaderBytes = 64 << 10
)

// Checker answers checks of kind "http".
type Checker struct {
	pause     check.Pause
	transport http.RoundTripper
}

// New makes a checker that waits between attempts with pause: check.Sleep, but in tests.
func New(pause check.Pause) *Checker {
	return &Checker{pause: pause, transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// A connection kept from before a deployment may end at the software from before it.
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
	}}
}

// Check asks as often as the check allows. The error is ctx's.
func (c *Checker) Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	configured := r.Check.HTTP
	if configured == nil {
		return broken(r, "this is no http check"), ctx.Err()
	}
	address, err := url.Parse(configured.URL)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return broken(r, "the check's url is not an http or https address"), ctx.Err()
	}
	interval := configured.Interval.Or(delivery.DefaultInterval)
	return check.Repeat(ctx, r, configured.Attempts, interval, c.pause, func(ctx context.Context) delivery.CheckResult {
		passed, answer := c.ask(ctx, address, *configured)
		return delivery.CheckResult{Name: r.Name, Passed: passed, Detail: "GET " + redacted(address) + " " + answer}
	})
}

// ask asks once, and tells what the address did.
func (c *Checker) ask(ctx context.Context, address *url.URL, check delivery.HTTPCheck) (passed bool, answer string) {
	timeout := check.Timeout.Or(delivery.DefaultCheckTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return false, "cannot be asked: " + failure(err)
	}
	request.Header.Set("User-Agent", "terraform-provider-cd")

	expected := check.ExpectStatus
	if expected == 0 {
		expected = http.StatusOK
	}
	client := http.Client{Transport: c.transport, CheckRedirect: redirects(expected)}
	response, err := client.Do(request)
	if err == nil {
		defer response.Body.Close()
		_, err = io.CopyN(io.Discard, response.Body, maxBodyBytes)
		if err == io.EOF { //nolint:errorlint // CopyN returns it unwrapped when the body is shorter, which is how a body ends well
			err = nil
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return false, fmt.Sprintf("did not answer within %s", timeout)
	case err != nil:
		return false, "failed: " + failure(err)
	case response.StatusCode != expected:
		return false, fmt.Sprintf("answered %d%s, expected %d", response.StatusCode, elsewhere(response), expected)
	}
	return true, fmt.Sprintf("answered %d", response.StatusCode)
}

// redirects says which redirects are followed: none when one is what the check expects, else a few on the same host. The
// answer of a host that the check does not name says nothing about the one it names.
func redirects(expected int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, before []*http.Request) error {
		if expected/100 == 3 || !sameHost(next.URL, before[len(before)-1].URL) {
			return http.ErrUseLastResponse
		}
		if len(before) > maxRedirects {
			return errTooManyRedirects
		}
		return nil
	}
}

// sameHost allows one change: from http to https.
func sameHost(next, before *url.URL) bool {
	secured := next.Scheme == before.Scheme || (next.Scheme == "https" && before.Scheme == "http")
	return secured && strings.EqualFold(next.Host, before.Host)
}

// elsewhere explains a redirect that was not followed.
func elsewhere(response *http.Response) string {
	location, err := response.Location()
	if err != nil || sameHost(location, response.Request.URL) {
		return ""
	}
	return fmt.Sprintf(" (a redirect to %s://%s, which is not followed)", location.Scheme, location.Host)
}

// redacted is the address without what may be secret: who asks, and the values of the query.
func redacted(address *url.URL) string {
	shown := url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path, RawPath: address.RawPath}
	text := shown.String()
	if address.RawQuery == "" {
		return text
	}
	var pairs []string
	for pair := range strings.SplitSeq(address.RawQuery, "&") {
		name, _, hasValue := strings.Cut(pair, "=")
		if !hasValue {
			pairs = append(pairs, "***") // it may be a value as well as a name
			continue
		}
		pairs = append(pairs, name+"=***")
	}
	return text + "?" + strings.Join(pairs, "&")
}

func broken(r delivery.CheckRequest, detail string) delivery.CheckResult {
	return delivery.CheckResult{Name: r.Name, Broken: true, Detail: detail}
}
