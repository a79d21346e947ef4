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
	// ask is nil while the delivery has parts that are not known yet.
	ask func(ctx context.Context, changes delivery.ChangeSet) (delivery.DeliveryPreview, error)

	planned *delivery.DeliveryPreview // what the plan says; nil until that is known
	idle    bool                      // whether this plan leaves the object as it is
	settled map[string]bool           // changes of which nothing more has to be said
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
	d.idle = !changes
	s.addDelivery(d)
	b := bindingFrom(ctx)
	b.delivers(d.doing())
	if !changes || len(preview.Refused) > 0 {
		return
	}
	found, err := s.hinge(ctx, d, true)
	switch {
	case err != nil:
		tf.AddErrors(diags, "preview", d.noun, d.name, err)
	case len(found.closings) == 0:
	case b == nil || !found.isKnown():
		s.refuseOrder(diags, d, found)
	default:
		s.bind(ctx, diags, b, d, found)
	}
	s.requireOrderAgain(ctx, diags, d.pipeline, d.key())
}

// requireOrderAgain judges the deliveries again that were planned before some change of a pipeline, or of any if it has none: they may hinge on
// that, or on another change because of it. It adds an error to the change, which is the first to show it. In an apply it adds none: the
// delivery is under way or done, and the change has to be recorded all the more.
func (s *session) requireOrderAgain(ctx context.Context, diags *diag.Diagnostics, pipeline string, except ...string) {
	if s.applying.Load() {
		return
	}
	s.mu.Lock()
	deliveries := maps.Clone(s.deliveries)
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(deliveries)) {
		d := deliveries[key]
		if d.idle || slices.Contains(except, key) || pipeline != "" && d.pipeline != "" && d.pipeline != pipeline {
			continue
		}
		found, err := s.hinge(ctx, d, false)
		switch {
		case err != nil:
			tf.AddErrors(diags, "preview", d.noun, d.name, err)
			return
		case len(found.closings) > 0:
			s.refuseOrder(diags, d, found)
			return // one is enough to stop the plan
		}
	}
}

// refuseOrder adds the error, once for each change.
func (s *session) refuseOrder(diags *diag.Diagnostics, d delivering, found hinge) {
	diags.AddError("Unable to "+d.doing()+found.summary(), found.detail(d))
	s.settle(d, found.closings)
}

// settle notes changes of which nothing more has to be said: they were named in an error, or the apply waits for them.
func (s *session) settle(d delivering, closings []delivery.Closing) {
	settled := maps.Clone(d.settled)
	if settled == nil {
		settled = map[string]bool{}
	}
	for _, c := range closings {
		settled[c.Key()] = true
	}
	d.settled = settled
	s.addDelivery(d)
}

// hinge is why the order of a delivery matters.
type hinge struct {
	closings []delivery.Closing
	open     []configuration.Dependency // blocks without a dependency
	unread   error                      // why the files do not say the order

	set       delivery.ChangeSet // what this plan changes
	unordered []delivery.Closing // all changes whose order nothing fixes
	unjudged  bool               // whether it is not known what the delivery does
}

// hinge returns the changes of this plan without which a delivery would get further, and whose order nothing fixes. now is true while the
// delivery itself is planned, so that what it does is known as it is.
func (s *session) hinge(ctx context.Context, d delivering, now bool) (hinge, error) {
	set, recorded, err := s.changesFor(ctx, d)
	if err != nil {
		return hinge{}, err
	}
	isRecorded := func(noun, name string) bool {
		if noun == "pipeline" || name == "" {
			return recorded != nil || d.pipeline == ""
		}
		_, err := s.Environment(ctx, name)
		return !delivery.IsNotFound(err)
	}
	closings := slices.DeleteFunc(set.Closings(isRecorded), func(c delivery.Closing) bool {
		return d.settled[c.Key()] || !c.IsAbout(d.resource.Values["version"]) || now && d.stops() && !slices.ContainsFunc(d.planned.ClosedGates(), c.Closes)
	})
	found, reversed := s.unordered(d, closings)
	if !now || !d.stops() {
		set = s.elsewhere(d, &found, set)
	}
	if len(found.closings) == 0 {
		return hinge{}, nil
	}
	_, later := s.unordered(d, set.Openings())
	set = set.Before(append(reversed, later...)) // the files say that the apply makes them later
	deciding := slices.DeleteFunc(slices.Clone(found.closings), func(c delivery.Closing) bool { return !s.mayReach(ctx, c, d) })
	if s.judges(d, set) {
		judged := delivery.Ordering{
			Known: func(set delivery.ChangeSet) bool {
				unknown := slices.ContainsFunc(set.Closings(isRecorded), func(c delivery.Closing) bool { return c.Unknown })
				return !unknown && set.PipelineKnown(d.pipeline, recorded) && set.DeliveriesKnown(d.pipeline)
			},
			Ask: func(set delivery.ChangeSet) (delivery.DeliveryPreview, error) { return d.ask(ctx, set) },
		}
		if deciding, err = judged.Deciding(set, deciding); err != nil {
			return hinge{}, err
		}
	}
	if len(deciding) == 0 {
		return hinge{}, nil
	}
	all := found.closings
	found = found.only(deciding)
	found.set, found.unordered, found.unjudged = set, all, !s.judges(d, set)
	return found, nil
}

// stops reports whether the plan says that the delivery does nothing.
func (d delivering) stops() bool { return d.planned != nil && len(d.planned.Steps) == 0 }

// changesFor returns what this plan changes that may matter to a delivery, and its pipeline as the ledger has it.
func (s *session) changesFor(ctx context.Context, d delivering) (delivery.ChangeSet, *delivery.PipelineSpec, error) {
	if d.pipeline == "" { // it is not known yet
		return s.changes.All(), nil, nil
	}
	recorded, err := s.recordedPipeline(ctx, d.pipeline)
	if err != nil {
		return delivery.ChangeSet{}, nil, err
	}
	return s.changes.ForPipeline(d.pipeline, recorded), recorded, nil
}

// judges reports whether what a delivery does can be known. It cannot while it has parts that are not known yet, or while evidence for its gates has:
// that may open them.
func (s *session) judges(d delivering, set delivery.ChangeSet) bool {
	return d.ask != nil && !set.UnknownDeliveries[d.pipeline]
}

// unordered returns the changes that the apply may make before the delivery or after it, as the files leave it, and those that it makes after
// it.
func (s *session) unordered(d delivering, closings []delivery.Closing) (found hinge, reversed []delivery.Closing) {
	if len(closings) == 0 {
		return hinge{}, nil // reading the files costs something
	}
	files, err := s.configuration()
	if err != nil {
		return hinge{closings: closings, unread: err}, nil
	}
	for _, c := range closings {
		switch order := s.orderOf(files, d, c); {
		case order.Reversed:
			reversed = append(reversed, c)
		case !order.Fixed:
			found.closings = append(found.closings, c)
			found.open = append(found.open, order.Open...)
		}
	}
	return found, reversed
}

func objectOf(c delivery.Closing) configuration.Object {
	return configuration.Object{Type: "cd_" + strings.ReplaceAll(c.Noun, " ", "_"), Values: c.Values}
}

// only keeps the given changes.
func (h hinge) only(deciding []delivery.Closing) hinge {
	kept := hinge{closings: deciding, unread: h.unread}
	for _, pair := range h.open {
		if slices.ContainsFunc(deciding, func(c delivery.Closing) bool {
			return c.Elsewhere && c.Name == pair.Earlier.Address() || !c.Elsewhere && pair.Earlier.MayDeclare(objectOf(c))
		}) {
			kept.open = append(kept.open, pair)
		}
	}
	return kept
}

// listed names the changes, such as: freeze "december" and policy "careful".
func (h hinge) listed() string {
	names := []string{}
	for _, c := range h.closings {
		names = append(names, sayChange(c))
	}
	return strings.Join(unique(names), " and ")
}

// doing says what the delivery does, such as: promote release "shop/1.0.0".
func (d delivering) doing() string { return fmt.Sprintf("%s %s %q", d.action, d.noun, d.name) }

func (h hinge) summary() string { return ": nothing orders it after " + h.listed() }

func (h hinge) detail(d delivering) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This plan also %s", h.does())
	if h.unjudged || !h.isKnown() {
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
	case !h.changes():
		return b.String() + "Remove it first: apply that alone, and deliver in the next apply."
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
