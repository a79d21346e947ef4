// Package client speaks to a control plane over its HTTP API. The provider uses it in its own process only; no control plane that
// listens on the network exists yet, for which the requests would be the same.
// Every refusal it returns is a delivery.Errors with the server's own codes; when the caller's context has ended, the error is
// the context's.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Config says where the control plane is and who is asking.
type Config struct {
	// Address is the control plane's http or https address, path prefix included. Credentials in it are used but never shown.
	Address string
	// Transport carries the requests; nil means the network. InProcess makes one to a server in this process.
	Transport http.RoundTripper
	// Actor is who is acting; writes are refused without one.
	Actor string
	// UserAgent names the program, as in "terraform-provider-cd/1.2.3".
	UserAgent string
	// Wrote is called after each request that may have changed the ledger, whatever came of it; nil when nobody wants to know.
	Wrote func()
}

// Client is a control plane's API as Go methods. It is safe for concurrent use.
type Client struct {
	base  string // the address, without a slash at its end
	shown string // the address as messages show it: without credentials
	wrong error  // why the address cannot be used; nil when it can

	actor, userAgent string
	wrote            func()

	written atomic.Pointer[delivery.LedgerPosition]

	http        *retryablehttp.Client
	answerLimit int64
	// pause waits between two looks at unsettled work when the server did not.
	pause func(ctx context.Context, d time.Duration) error
}

// maxAnswerBytes bounds what is read of one answer.
const maxAnswerBytes = 64 << 20

// New makes a client. It does not connect; an address that cannot be used is reported by every call, as invalid.
func New(config Config) *Client {
	c := &Client{
		actor:       config.Actor,
		userAgent:   config.UserAgent,
		wrote:       config.Wrote,
		http:        newHTTP(config.Transport),
		answerLimit: maxAnswerBytes,
		pause:       pause,
	}
	if c.wrote == nil {
		c.wrote = func() {}
	}
	c.base, c.shown, c.wrong = parseAddress(config.Address)
	return c
}

// Actor is who acts.
func (c *Client) Actor() string { return c.actor }

// parseAddress gives the address to send to and the one to show. The text of an address that does not parse is not repeated:
// it may hold a password.
func parseAddress(address string) (base, shown string, wrong error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", "", delivery.Errors{{Code: delivery.CodeInvalid, Field: "endpoint", Message: "the endpoint is not a valid address; write one such as \"https://cd.example.com\""}}
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		u.User = nil
		return "", "", delivery.Errors{{Code: delivery.CodeInvalid, Field: "endpoint",
			Message: fmt.Sprintf("%q is not the address of a control plane; write one such as \"https://cd.example.com\", without a query", u)}}
	}
	base = strings.TrimRight(u.String(), "/")
	u.User = nil
	return base, strings.TrimRight(u.String(), "/"), nil
}

// send makes one call: in is the body to send, or nil; out takes the answer's body, or is nil.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, in, out any) error {
	if c.wrong != nil {
		return c.wrong
	}
	if strings.Contains(path, "//") || strings.HasSuffix(path, "/") {
		return delivery.Errors{delivery.Errorf(delivery.CodeInvalid, "%s %s: a name or an id in it is empty; give one", method, path)}
	}
	req, err := c.request(ctx, method, path, query, in)
	if err != nil {
		return delivery.Errors{delivery.Errorf(delivery.CodeInternal, "preparing %s %s: %s", method, path, err)}
	}
	a, err := c.exchange(req)
	if err != nil {
		return c.unanswered(ctx, method, path, err)
	}
	return c.understand(a, out)
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, in any) (*retryablehttp.Request, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var body any
	if in != nil {
		text, err := encode(in)
		if err != nil {
			return nil, err
		}
		body = text
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.actor != "" {
		req.Header.Set(api.ActorHeader, c.actor)
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	return req, nil
}

// encode writes a body without escapes for HTML, which would make a test report (XML, and up to 16 MiB of it) several times as
// long.
func encode(in any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(in)
	return text.Bytes(), err
}

// get, ask, put and post return the answer's body as the wanted type. The first two change nothing that is declared or decided; ask sends
// its question as a body.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return fetch[T](ctx, c, http.MethodGet, path, query, nil)
}

func ask[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	return fetch[T](ctx, c, http.MethodPost, path, nil, in)
}

func put[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	defer c.wrote()
	return fetch[T](ctx, c, http.MethodPut, path, nil, in)
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	defer c.wrote()
	return fetch[T](ctx, c, http.MethodPost, path, nil, in)
}

func fetch[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (T, error) {
	var out T
	if err := c.send(ctx, method, path, query, in, &out); err != nil {
		var none T
		return none, err
	}
	return out, nil
}

func (c *Client) delete(ctx context.Context, path string) error {
	defer c.wrote()
	return c.send(ctx, http.MethodDelete, path, nil, nil, nil)
}
