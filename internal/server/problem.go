package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// problem turns an engine's error into the envelope. What carries no delivery.Error was not written for users: it may hold
// anything, so it goes to the log, and the answer only says where to look.
func (s *server) problem(ctx context.Context, err error) *api.Problem {
	refusals := delivery.ErrorsOf(err)
	switch {
	case len(refusals) > 0:
		if delivery.CodeOf(refusals) == delivery.CodeInternal {
			s.log.ErrorContext(ctx, "internal error", slog.Any("error", err))
		}
		return api.NewProblem(refusals)
	case ctx.Err() != nil:
		return api.NewProblem(delivery.Errors{delivery.Errorf(delivery.CodeUnavailable, "the request was given up before it was answered")})
	}
	return internal(ctx, s.log, "internal error", slog.Any("error", err))
}

// internal logs what happened and returns the envelope that tells nothing but where to find it.
func internal(ctx context.Context, log *slog.Logger, what string, attributes ...any) *api.Problem {
	id := rand.Text()[:10]
	log.ErrorContext(ctx, what, append(attributes, slog.String("id", id))...)
	return api.NewProblem(delivery.Errors{delivery.Errorf(delivery.CodeInternal, "internal error %s; the control plane's log says more under this id", id)})
}

// adoptProblems makes our envelope the one of the framework's own refusals. The framework keeps that choice in a global
// variable, which nothing else in a process of ours uses.
var adoptProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, details ...error) huma.StatusError {
		return frameworkProblem(status, message, details)
	}
})

// frameworkProblem translates what the framework refuses before a handler runs: shapes, sizes, media types.
func frameworkProblem(status int, message string, details []error) *api.Problem {
	p := &api.Problem{Title: http.StatusText(status), Status: status, Code: delivery.CodeInvalid}
	switch status {
	case http.StatusRequestEntityTooLarge:
		message = "the request is too large; send less at once"
	case http.StatusRequestTimeout:
		p.Code = delivery.CodeUnavailable
	case http.StatusInternalServerError: // the connection broke while the body was read; handlers make their own envelopes
		p.Status, p.Title, details = http.StatusBadRequest, http.StatusText(http.StatusBadRequest), nil
	}
	for _, detail := range details {
		p.Errors = append(p.Errors, &delivery.Error{Code: p.Code, Field: fieldOf(detail), Message: messageOf(detail)})
	}
	if len(p.Errors) == 0 {
		p.Errors = delivery.Errors{{Code: p.Code, Message: message}}
	}
	p.Detail = p.Errors.Error()
	return p
}

const locationOfActor = "header." + api.ActorHeader

// fieldOf gives the path of the attribute: "body.stages[0].name" is stages[0].name, as the domain would call it.
func fieldOf(detail error) string {
	var d *huma.ErrorDetail
	if !errors.As(detail, &d) {
		return ""
	}
	if d.Location == locationOfActor {
		return "actor"
	}
	_, field, _ := strings.Cut(d.Location, ".")
	return field
}

func messageOf(detail error) string {
	var d *huma.ErrorDetail
	switch {
	case !errors.As(detail, &d):
		return detail.Error()
	case d.Location == locationOfActor:
		return "nobody is named as acting; set the provider's actor, or CD_ACTOR (header " + api.ActorHeader + ")"
	case d.Message == validation.MsgUnexpectedProperty:
		return "there is no such attribute; check its spelling, and that client and control plane have the same version"
	case d.Location == "body":
		return "the body cannot be read: " + d.Message
	}
	return d.Message
}
