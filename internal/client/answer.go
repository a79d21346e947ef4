package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// understand decodes an answer, or returns the refusal it carries.
func (c *Client) understand(a *answer, out any) error {
	switch {
	case a.status < 200 || a.status > 299:
		return c.refusal(a)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return delivery.Errors{delivery.Errorf(delivery.CodeInternal,
			"%s answered %d with something that is not the control plane's (%s); check that the endpoint is its address and that both have the same version", c.shown, a.status, err)}
	}
	return nil
}

// refusal returns the errors of the envelope, or, when a stranger answered (a proxy, another web server), what the status says.
func (c *Client) refusal(a *answer) error {
	var p api.Problem
	if a.problem && json.Unmarshal(a.body, &p) == nil && p.Code != "" {
		return refusalsOf(p, a.status)
	}
	hint := "check that the endpoint is a control plane's address"
	if a.status >= 300 && a.status < 400 {
		hint = "redirects are not followed; make the address that it leads to the endpoint"
	}
	return delivery.Errors{delivery.Errorf(api.CodeOf(a.status), "%s answered %d %s without saying why; %s", c.shown, a.status, http.StatusText(a.status), hint)}
}

// refusalsOf trusts nothing but what is there: an entry may be null, and a newer server may know codes that are unknown here.
func refusalsOf(p api.Problem, status int) delivery.Errors {
	code := p.Code
	if !api.Known(code) {
		code = api.CodeOf(status)
	}
	all := delivery.Errors{}
	for _, e := range p.Errors {
		if e == nil {
			continue
		}
		if !api.Known(e.Code) {
			e.Code = code
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		all = append(all, &delivery.Error{Code: code, Message: p.Detail})
	}
	return all
}

// unanswered says why there is no answer. When the caller's context has ended, that is why.
func (c *Client) unanswered(ctx context.Context, method, path string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s %s: %w", method, path, ended)
	}
	var outer *url.Error // holds the address with credentials
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if errors.Is(err, errTooLarge) {
		return delivery.Errors{delivery.Errorf(delivery.CodeInternal, "%s, asked for %s %s: %s", c.shown, method, path, err)}
	}
	return delivery.Errors{delivery.Errorf(delivery.CodeUnavailable, "the control plane at %s cannot be reached: %s; check the endpoint, the network and that it is running", c.shown, err)}
}
