package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// The warning about a change that makes something easier names the releases that get in by it, as far as they were planned before it. Those that are
// planned later name the change.

// relaxed is a change of this plan that makes it easier to enter something.
type relaxed struct {
	subject   delivery.Subject
	pipelines []string // whose releases may get in by it
}

func (s *session) addRelaxed(subject delivery.Subject, pipelines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relaxed = slices.DeleteFunc(s.relaxed, func(r relaxed) bool { return r.subject == subject })
	s.relaxed = append(s.relaxed, relaxed{subject, pipelines})
}

// relaxedFor lists the changes so far by which releases of a pipeline may get in; of any if its name is not known.
func (s *session) relaxedFor(pipeline string) []delivery.Subject {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []delivery.Subject
	for _, r := range s.relaxed {
		anywhere := r.subject.Policy != "" || r.subject.Freeze != "" // another gate may still cover for it, until a later change removes that
		if anywhere || pipeline == "" || slices.Contains(r.pipelines, pipeline) {
			found = append(found, r.subject)
		}
	}
	return found
}

// deliversLater reports whether the configuration has something that delivers, and that was not planned yet. Of a block for several objects, one of
// them counts for all. It may do so if the files cannot be read.
func (s *session) deliversLater() bool {
	if s.applying.Load() {
		return false // the plan said it
	}
	files, err := s.configuration()
	if err != nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, typ := range []string{"cd_release", "cd_promotion", "cd_verification"} {
		for _, block := range files.Blocks(configuration.Object{Type: typ}) {
			if !s.isPlanned(block) {
				return true
			}
		}
	}
	return false
}

func (s *session) isPlanned(block configuration.Block) bool {
	for _, d := range s.deliveries {
		if block.MayDeclare(d.resource) {
			return true
		}
	}
	return false
}

// warnIfLetIn warns that a delivery does something only because of what this plan makes easier.
func (s *session) warnIfLetIn(ctx context.Context, diags *diag.Diagnostics, d delivering, preview delivery.DeliveryPreview, known bool) {
	subjects := s.relaxedFor(d.pipeline)
	switch {
	case len(subjects) == 0 || len(preview.Refused) > 0 || known && len(preview.Steps) == 0:
		return
	case !known || d.ask == nil:
		diags.AddWarning(fmt.Sprintf("What this plan makes easier may let release %q through", d.name),
			fmt.Sprintf("The plan changes %s. Whether the release gets in by that is not known yet.", listSubjects(subjects)))
		return
	}
	set, _, err := s.changesFor(ctx, d)
	if err != nil {
		tf.AddErrors(diags, "preview", d.noun, d.name, err)
		return
	}
	letIn, err := letInBy(subjects, preview, func(without []delivery.Subject) (delivery.DeliveryPreview, error) {
		strict := set
		for _, subject := range without {
			strict = strict.Without(subject)
		}
		return d.ask(ctx, strict)
	})
	switch {
	case err != nil:
		tf.AddErrors(diags, "preview", d.noun, d.name, err)
	case len(letIn) > 0:
		diags.AddWarning(fmt.Sprintf("What this plan makes easier lets release %q through", d.name),
			fmt.Sprintf("The plan changes %s. Without that, the release would not get as far.", listSubjects(letIn)))
	}
}

// letInBy returns the changes without which a delivery would not get as far: each that alone makes the difference, else all of them if they do so
// together.
func letInBy(subjects []delivery.Subject, preview delivery.DeliveryPreview, ask func(without []delivery.Subject) (delivery.DeliveryPreview, error)) ([]delivery.Subject, error) {
	differs := func(without ...delivery.Subject) (bool, error) {
		strict, err := ask(without)
		if len(strict.Refused) > 0 {
			strict.Steps = nil
		}
		return delivery.HingesOn(strict, preview), err
	}
	together, err := differs(subjects...)
	if err != nil || !together {
		return nil, err
	}
	var found []delivery.Subject
	for _, subject := range subjects {
		alone, err := differs(subject)
		if err != nil {
			return nil, err
		}
		if alone {
			found = append(found, subject)
		}
	}
	if len(found) == 0 {
		found = subjects
	}
	return found, nil
}

// listSubjects names declarations, such as: pipeline "shop" and policy "careful".
func listSubjects(subjects []delivery.Subject) string {
	names := []string{}
	for _, one := range subjects {
		for noun, name := range map[string]string{"pipeline": one.Pipeline, "environment": one.Environment, "policy": one.Policy, "freeze": one.Freeze} {
			if name != "" {
				names = append(names, fmt.Sprintf("%s %q", noun, name))
			}
		}
	}
	return strings.Join(names, " and ")
}
