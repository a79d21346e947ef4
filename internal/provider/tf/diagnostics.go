package tf

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

// AddErrors adds each error in err at the attribute that it names. The summary reads: Unable to <action> <noun> "<name>".
func AddErrors(diags *diag.Diagnostics, action, noun, name string, err error) {
	summary := fmt.Sprintf("Unable to %s %s %q", action, noun, name)
	found := delivery.ErrorsOf(err)
	if len(found) == 0 {
		diags.AddError(summary, interruption(err))
		return
	}
	for _, one := range found {
		if at, ok := AttributePath(one.Field); ok {
			diags.AddAttributeError(at, summary, located(at, one.Message))
		} else {
			diags.AddError(summary, one.Error())
		}
	}
}

// interruption describes an error that the control plane did not return: the caller canceled, or the time ran out.
func interruption(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "The timeout expired. Nothing is lost: run apply again to continue from the ledger. Raise timeouts to wait longer."
	case errors.Is(err, context.Canceled):
		return "The apply was interrupted. Nothing is lost: run apply again to continue from the ledger."
	}
	return err.Error()
}

// AddInvalid adds an error for each validation problem, at its attribute.
func AddInvalid(diags *diag.Diagnostics, noun string, problems delivery.Errors) {
	for _, p := range problems {
		if at, ok := AttributePath(p.Field); ok {
			diags.AddAttributeError(at, "Invalid "+noun, located(at, p.Message))
		} else {
			diags.AddError("Invalid "+noun, p.Error())
		}
	}
}

// located returns the text of a problem at an attribute. Terraform shows the source line of a top-level attribute and of its elements.
// For anything deeper it shows the whole resource, so the text has to say where the problem is.
func located(at path.Path, message string) string {
	steps := at.Steps()
	if len(steps) == 1 {
		return message
	}
	if _, deeper := steps[1].(path.PathStepAttributeName); len(steps) == 2 && !deeper {
		return message
	}
	return message + "\n\nAttribute: " + at.String()
}

// setElement is the path of an element of an attribute that is a set.
var setElement = regexp.MustCompile(`^(.*\.(?:approvers|days|overridable)|environments|tiers|pipelines|gates)\[[0-9]+\]$`)

// AttributePath converts the field of an error, as in `stages[1].gates.checks["x"].http.url`, into a path of the schema. It
// drops the index inside a set: the elements of a set have no position.
func AttributePath(field string) (path.Path, bool) {
	if field == "" {
		return path.Empty(), false
	}
	if inSet := setElement.FindStringSubmatch(field); inSet != nil {
		field = inSet[1]
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

// bracket splits `[inner]rest`. A quoted inner may contain brackets.
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

// AddErrorsInPlan adds each error as AddErrors does if this plan changes the object. Otherwise it adds warnings: an error would also
// stop plans that have nothing to do with it, and terraform destroy.
func AddErrorsInPlan(diags *diag.Diagnostics, changes bool, action, noun, name string, refused delivery.Errors) {
	if len(refused) == 0 {
		return
	}
	if changes {
		AddErrors(diags, action, noun, name, refused)
		return
	}
	var found diag.Diagnostics
	AddErrors(&found, action, noun, name, refused)
	for _, d := range found {
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			diags.AddAttributeWarning(at.Path(), d.Summary(), d.Detail())
		} else {
			diags.AddWarning(d.Summary(), d.Detail())
		}
	}
}

// AddReadErrors adds why a data source cannot be read, at the attribute at fault. It uses at if something does not exist and the error names
// no attribute.
func AddReadErrors(diags *diag.Diagnostics, at path.Path, summary string, err error) {
	found := delivery.ErrorsOf(err)
	if len(found) == 0 {
		diags.AddError(summary, interruption(err))
		return
	}
	for _, r := range found {
		where, named := AttributePath(r.Field)
		switch {
		case named:
			diags.AddAttributeError(where, summary, r.Message)
		case r.Code == delivery.CodeNotFound:
			diags.AddAttributeError(at, summary, r.Message)
		default:
			diags.AddError(summary, r.Message)
		}
	}
}

// AddLookupErrors adds the errors of a data source. An object that does not exist is an error at the key.
func AddLookupErrors(diags *diag.Diagnostics, key, noun, name string, err error) {
	if delivery.IsNotFound(err) {
		err = delivery.Errors{{Code: delivery.CodeNotFound, Field: path.Root(key).String(), Message: delivery.ErrorsOf(err)[0].Message}}
	}
	AddErrors(diags, "read", noun, name, err)
}
