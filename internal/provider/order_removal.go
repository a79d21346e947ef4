package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// A removal closes too: of an approval, an override, a report, or a policy that guards a stage. Which block declared an object that is
// destroyed, the files no longer say, so nothing proves its order. Of an object that is replaced, they do.

// noteReplaced notes attributes of the object that takes the place of a record.
func (s *session) noteReplaced(noun, id string, values map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replaced == nil {
		s.replaced = map[string]map[string]string{}
	}
	s.replaced[noun+"\n"+id] = values
}

// planGone requires an order for the removal of a record. in are attributes of what takes its place; nil if nothing does.
func (s *session) planGone(ctx context.Context, diags *diag.Diagnostics, noun, id, pipeline string, in map[string]string) {
	if in != nil {
		known := maps.Clone(in)
		maps.DeleteFunc(known, func(_, value string) bool { return value == "" }) // not known
		s.noteReplaced(noun, id, known)
	}
	s.requireOrderAgain(ctx, diags, pipeline)
}

// orderOf returns what the files say about the order of a delivery and of a change.
func (s *session) orderOf(files *configuration.Configuration, d delivering, c delivery.Closing) configuration.Order {
	if !c.Removed {
		return files.Order(d.resource, objectOf(c))
	}
	s.mu.Lock()
	values, ok := s.replaced[c.Noun+"\n"+c.ID]
	s.mu.Unlock()
	if !ok {
		return configuration.Order{}
	}
	return files.Replaced(d.resource, configuration.Object{Type: objectOf(c).Type, Values: values})
}

// changes reports whether one of the changes leaves an object.
func (h hinge) changes() bool {
	return slices.ContainsFunc(h.closings, func(c delivery.Closing) bool { return !c.Removed })
}

// does says what the plan does, such as: changes freeze "december" and removes the override of shop/1.0.0.
func (h hinge) does() string {
	var changed, removed []string
	for _, c := range h.closings {
		if c.Removed {
			removed = append(removed, nameOf(c))
		} else {
			changed = append(changed, nameOf(c))
		}
	}
	var parts []string
	if len(changed) > 0 {
		parts = append(parts, "changes "+strings.Join(slices.Compact(changed), " and "))
	}
	if len(removed) > 0 {
		parts = append(parts, "removes "+strings.Join(slices.Compact(removed), " and "))
	}
	return strings.Join(parts, " and ")
}

// nameOf is how messages call the object of a change.
func nameOf(c delivery.Closing) string {
	switch {
	case c.Elsewhere:
		return c.Name + " of another provider configuration"
	case c.Unknown && c.Noun == "approval":
		return "a decision" + about(c)
	case c.Unknown && c.Noun == "test report":
		return "a test report" + about(c)
	case c.Name == "" && c.Noun == "environment":
		return "an environment"
	case c.Name == "":
		return "a " + c.Noun
	case c.Noun == "approval" && !c.Removed:
		return "the rejection of " + c.Name
	case c.Noun == "approval", c.Noun == "override", c.Noun == "test report":
		return "the " + c.Noun + " of " + c.Name
	}
	return fmt.Sprintf("%s %q", c.Noun, c.Name)
}

// about names the release of a record, if that is known.
func about(c delivery.Closing) string {
	if c.Name == "" {
		return ""
	}
	return " on " + c.Name
}
