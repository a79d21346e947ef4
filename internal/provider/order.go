package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// A plan counts what it declares itself, in whatever order Terraform takes the resources. The apply may take them in another one: a freeze
// that the plan counted may be recorded after the release that it should hold. Only the files of the configuration say which resource
// depends on which. Where they leave it open, and the delivery would get further without the freeze, the plan is an error. It comes from
// whichever of the two is planned second, because only that one knows of both.

// delivering is a delivery that this plan evaluates.
type delivering struct {
	resource           configuration.Object
	action, noun, name string // of error messages
	pipeline           string
	ask                func(ctx context.Context, changes delivery.ChangeSet) (delivery.DeliveryPreview, error)

	planned *delivery.DeliveryPreview // what the plan says; nil until that is known
}

// addDelivery notes a delivery before it is evaluated: what is planned at the same time must not miss it.
func (s *session) addDelivery(d delivering) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries[d.key()] = d
}

func (d delivering) key() string {
	return strings.Join([]string{d.resource.Type, d.pipeline, d.resource.Values["stage"], d.resource.Values["version"]}, "\n")
}

// requireOrder adds an error if the delivery hinges on changes of this plan that may be made after it. An object that this plan leaves as it
// is delivers nothing, so it is not judged.
func (s *session) requireOrder(ctx context.Context, diags *diag.Diagnostics, d delivering, preview delivery.DeliveryPreview, known, changes bool) {
	if known {
		d.planned = &preview
	}
	s.addDelivery(d)
	if !changes || len(preview.Refused) > 0 {
		return
	}
	found, err := s.hinge(ctx, d, func(delivery.Closing) bool { return true })
	switch {
	case err != nil:
		tf.AddErrors(diags, "preview", d.noun, d.name, err)
	case len(found.closings) > 0:
		diags.AddError(found.summary(d), found.detail(d))
	}
}

// requireEarlier adds an error if a delivery that was planned before an object hinges on that. In an apply it adds none: the delivery is under
// way or done, and the object has to be recorded all the more.
func (s *session) requireEarlier(ctx context.Context, diags *diag.Diagnostics, noun, name string) {
	if s.applying.Load() {
		return
	}
	s.mu.Lock()
	deliveries := maps.Clone(s.deliveries)
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(deliveries)) {
		d := deliveries[key]
		if d.planned != nil && len(d.planned.Steps) == 0 {
			continue
		}
		found, err := s.hinge(ctx, d, func(c delivery.Closing) bool { return c.Noun == noun && c.Name == name && s.mayCover(ctx, c, d) })
		switch {
		case err != nil:
			tf.AddErrors(diags, "preview", d.noun, d.name, err)
			return
		case len(found.closings) > 0:
			diags.AddError(found.summary(d), found.detail(d))
			return // one is enough to stop the plan
		}
	}
}

// mayCover reports whether a change can matter to what a delivery is about to do.
func (s *session) mayCover(ctx context.Context, c delivery.Closing, d delivering) bool {
	if d.planned == nil {
		return true
	}
	return slices.ContainsFunc(d.planned.Steps, func(step delivery.Step) bool {
		env, ok := s.changes.Environment(step.Environment)
		if !ok {
			recorded, err := s.Environment(ctx, step.Environment)
			if err != nil {
				return true
			}
			env = recorded.Spec
		}
		return c.Covers(d.pipeline, env)
	})
}

// hinge is why the order of a delivery matters.
type hinge struct {
	closings []delivery.Closing
	open     []configuration.Dependency // blocks without a dependency
	unread   error                      // why the files do not say the order
}

// hinge returns the changes of this plan without which a delivery would get further, and whose order nothing fixes. It is empty if none
// of the wanted changes is among them.
func (s *session) hinge(ctx context.Context, d delivering, wanted func(delivery.Closing) bool) (hinge, error) {
	recorded, err := s.recordedPipeline(ctx, d.pipeline)
	if err != nil {
		return hinge{}, err
	}
	set := s.changes.ForPipeline(d.pipeline, recorded)
	closings := set.Closings(func(noun, name string) bool {
		if noun == "pipeline" {
			return recorded != nil
		}
		_, err := s.Environment(ctx, name)
		return !delivery.IsNotFound(err)
	})
	known := func(set delivery.ChangeSet) bool {
		return set.PipelineKnown(d.pipeline, recorded) && set.DeliveriesKnown(d.pipeline)
	}
	if d.planned != nil {
		closings = slices.DeleteFunc(closings, func(c delivery.Closing) bool {
			return len(d.planned.Steps) == 0 && !slices.ContainsFunc(d.planned.ClosedGates(), c.Closes)
		})
	}
	if !slices.ContainsFunc(closings, wanted) {
		return hinge{}, nil
	}
	found := s.unordered(d, closings)
	without := set.Before(found.closings)
	if !slices.ContainsFunc(found.closings, wanted) || !known(without) {
		return hinge{}, nil
	}
	var with delivery.DeliveryPreview // of what is not known, nothing can be said
	if known(set) {
		if with, err = d.ask(ctx, set); err != nil || len(with.Refused) > 0 {
			return hinge{}, err
		}
	}
	free, err := d.ask(ctx, without)
	if err != nil || !delivery.HingesOn(with, free) {
		return hinge{}, err
	}
	return found.only(func(c delivery.Closing) bool {
		return c.Unknown || slices.ContainsFunc(with.ClosedGates(), func(gate string) bool {
			return !slices.Contains(free.ClosedGates(), gate) && c.Closes(gate)
		})
	}), nil
}

// unordered returns the changes that the apply may make before the delivery or after it, as the files leave it.
func (s *session) unordered(d delivering, closings []delivery.Closing) hinge {
	files, err := s.configuration()
	if err != nil {
		return hinge{closings: closings, unread: err}
	}
	found := hinge{}
	for _, c := range closings {
		if order := files.Order(d.resource, objectOf(c)); !order.Fixed {
			found.closings = append(found.closings, c)
			found.open = append(found.open, order.Open...)
		}
	}
	return found
}

func objectOf(c delivery.Closing) configuration.Object {
	return configuration.Object{Type: "cd_" + strings.ReplaceAll(c.Noun, " ", "_"), Values: c.Values}
}

// only keeps the changes that matter; all of them if it cannot be told which do.
func (h hinge) only(matters func(delivery.Closing) bool) hinge {
	if !slices.ContainsFunc(h.closings, matters) {
		return h
	}
	kept := hinge{unread: h.unread}
	for _, c := range h.closings {
		if matters(c) {
			kept.closings = append(kept.closings, c)
		}
	}
	for _, pair := range h.open {
		if slices.ContainsFunc(kept.closings, func(c delivery.Closing) bool { return objectOf(c).Type == pair.Earlier.Type }) {
			kept.open = append(kept.open, pair)
		}
	}
	return kept
}

// listed names the changes, such as: freeze "december" and policy "careful".
func (h hinge) listed() string {
	names := []string{}
	for _, c := range h.closings {
		name := fmt.Sprintf("%s %q", c.Noun, c.Name)
		switch {
		case c.Name == "":
			name = "a " + c.Noun
		case c.Noun == "approval":
			name = "the rejection of " + c.Name
		case c.Noun == "test report":
			name = "the failing test report of " + c.Name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

func (h hinge) summary(d delivering) string {
	return fmt.Sprintf("Unable to %s %s %q: nothing orders it after %s", d.action, d.noun, d.name, h.listed())
}

func (h hinge) detail(d delivering) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This plan also changes %s", h.listed())
	if slices.ContainsFunc(h.closings, func(c delivery.Closing) bool { return c.Unknown }) {
		b.WriteString(", which may keep the release out; that is not known yet. ")
	} else {
		b.WriteString(", which keeps the release out. ")
	}
	b.WriteString("The apply may deliver first, because Terraform orders resources by their references only. ")
	switch arguments := h.arguments(); {
	case len(arguments) > 0:
		b.WriteString("Add this:\n\n" + strings.Join(arguments, "\n") + "\n\n")
	case h.unread != nil && !errors.Is(h.unread, configuration.ErrNoFiles):
		fmt.Fprintf(&b, "Whether the configuration orders them is not known: %s. ", strings.TrimSuffix(h.unread.Error(), "."))
		fallthrough
	default:
		fmt.Fprintf(&b, "Make the %s depend on it with depends_on.\n\n", d.resource.Type)
	}
	fmt.Fprintf(&b, "Or record it first: apply it alone, and deliver in the next apply.")
	return b.String()
}

// maxArguments bounds how many blocks an error shows: the first ones tell how the others are mended.
const maxArguments = 5

// arguments shows the depends_on that each block lacks, ready to copy.
func (h hinge) arguments() []string {
	elements := map[string][]string{} // by block
	for _, pair := range h.open {
		block, module, element := pair.Argument()
		where := "  # in " + block
		if block == pair.Later.LocalAddress() {
			where += ", " + pair.Later.Position()
		}
		if module != "" {
			where += ", in " + module
		}
		if !slices.Contains(elements[where], element) {
			elements[where] = append(elements[where], element)
		}
	}
	lines := []string{}
	for _, where := range slices.Sorted(maps.Keys(elements)) {
		if len(lines) == maxArguments {
			return append(lines, fmt.Sprintf("  # and in %d more blocks", len(elements)-maxArguments))
		}
		lines = append(lines, fmt.Sprintf("%s\n  depends_on = [%s]", where, strings.Join(elements[where], ", ")))
	}
	return lines
}
