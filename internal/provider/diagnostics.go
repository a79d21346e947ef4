package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// refuse adds an error for each refusal that err carries, at the attribute it names. action and object make the summary:
// Unable to <action> <noun> "<name>".
func addErrors(diags *diag.Diagnostics, action, noun, name string, err error) {
	summary := fmt.Sprintf("Unable to %s %s %q", action, noun, name)
	refusals := delivery.ErrorsOf(err)
	if len(refusals) == 0 {
		diags.AddError(summary, interruption(err))
		return
	}
	for _, r := range refusals {
		if at, ok := attributePath(r.Field); ok {
			diags.AddAttributeError(at, summary, located(at, r))
		} else {
			diags.AddError(summary, r.Error())
		}
	}
}

// interruption words an error that is not a refusal: the caller gave up, or time ran out.
func interruption(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "It did not settle within the timeout. Nothing is lost: applying again goes on from the ledger. Raise timeouts to wait longer."
	case errors.Is(err, context.Canceled):
		return "It was interrupted. Nothing is lost: applying again goes on from the ledger."
	}
	return err.Error()
}

// invalid adds an error for each validation problem, at its attribute.
func invalid(diags *diag.Diagnostics, noun string, problems delivery.Errors) {
	for _, p := range problems {
		if at, ok := attributePath(p.Field); ok {
			diags.AddAttributeError(at, "Invalid "+noun, located(at, p))
		} else {
			diags.AddError("Invalid "+noun, p.Error())
		}
	}
}

// located words a problem at an attribute. Terraform shows the source of an attribute and of an element of one, but of nothing
// deeper: there it shows the whole resource, so the text has to say where.
func located(at path.Path, problem *delivery.Error) string {
	steps := at.Steps()
	if len(steps) == 1 {
		return problem.Message
	}
	if _, deeper := steps[1].(path.PathStepAttributeName); len(steps) == 2 && !deeper {
		return problem.Message
	}
	return problem.Message + "\n\nAttribute: " + problem.Field
}

// setElement is the path of an element of an attribute that is a set.
var setElement = regexp.MustCompile(`^(.*\.(?:approvers|days|overridable)|environments|tiers|pipelines|gates)\[[0-9]+\]$`)

// atSets takes the index off a problem inside a set, in which nothing has a position.
func atSets(problems delivery.Errors) delivery.Errors {
	for i, one := range problems {
		if found := setElement.FindStringSubmatch(one.Field); found != nil {
			problems[i] = &delivery.Error{Code: one.Code, Field: found[1], Message: one.Message}
		}
	}
	return problems
}

// attributePath turns a refusal's field, as in `stages[1].gates.checks["x"].http.url`, into a path of the schema.
func attributePath(field string) (path.Path, bool) {
	if field == "" {
		return path.Empty(), false
	}
	at, rest, first := path.Empty(), field, true
	for rest != "" {
		if strings.HasPrefix(rest, "[") {
			inner, after, ok := bracket(rest)
			if !ok || first {
				return path.Empty(), false
			}
			if i, err := strconv.Atoi(inner); err == nil {
				at = at.AtListIndex(i)
			} else if key, err := strconv.Unquote(inner); err == nil {
				at = at.AtMapKey(key)
			} else {
				return path.Empty(), false
			}
			rest = strings.TrimPrefix(after, ".")
			continue
		}
		end := strings.IndexAny(rest, ".[")
		name := rest
		if end >= 0 {
			name = rest[:end]
		}
		if first {
			at, first = path.Root(name), false
		} else {
			at = at.AtName(name)
		}
		rest = strings.TrimPrefix(rest[len(name):], ".")
	}
	return at, true
}

// bracket splits `[inner]rest`; a quoted inner may hold brackets itself.
func bracket(s string) (inner, rest string, ok bool) {
	if strings.HasPrefix(s, `["`) {
		quoted, err := strconv.QuotedPrefix(s[1:])
		if err != nil || !strings.HasPrefix(s[1+len(quoted):], "]") {
			return "", "", false
		}
		return quoted, s[2+len(quoted):], true
	}
	end := strings.Index(s, "]")
	if end < 0 {
		return "", "", false
	}
	return s[1:end], s[end+1:], true
}
