package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// isKnown reports whether the changes that decide are known. What is not known yet cannot be told from something else in the apply.
func (h hinge) isKnown() bool {
	return !slices.ContainsFunc(h.closings, func(c delivery.Closing) bool { return c.Unknown })
}

// bind has the apply refuse the delivery until the ledger has every change whose order nothing fixes, and warns. All of them are bound, and not
// only those that decide now: which do may be another matter when the plan is applied.
func (s *session) bind(ctx context.Context, diags *diag.Diagnostics, b *binding, d delivering, found hinge) {
	api, err := s.client(ctx)
	if err != nil {
		tf.AddErrors(diags, "preview", d.noun, d.name, err)
		return
	}
	b.bind(found.bound(api.Actor()))
	s.settle(d, found.unordered)
	if !b.applying {
		diags.AddWarning("Nothing orders release "+fmt.Sprintf("%q", d.name)+" after "+found.listed(), found.warning(d))
	}
}

// bound describes the changes for the apply.
func (h hinge) bound(actor string) []boundChange {
	all := []boundChange{}
	for _, c := range h.unordered {
		if c.Unknown {
			continue
		}
		all = append(all, boundChange{PlannedChange: h.set.PlannedChange(c, actor), Says: sayChange(c), Argument: strings.Join(h.argumentsFor(c), "\n")})
	}
	return all
}

// argumentsFor shows the depends_on that fixes the order of one change.
func (h hinge) argumentsFor(c delivery.Closing) []string {
	return hinge{open: h.open}.only([]delivery.Closing{c}).arguments()
}

// sayChange names a change, such as: the removal of policy "careful".
func sayChange(c delivery.Closing) string {
	if c.Removed {
		return "the removal of " + nameOf(c)
	}
	return nameOf(c)
}

// warning says what the apply does about the order.
func (h hinge) warning(d delivering) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This plan also %s, which keeps the release out, and Terraform orders resources by their references only. If the apply comes to the release first, it deploys nothing and fails. ", h.does())
	switch arguments := h.arguments(); {
	case len(arguments) > 0:
		b.WriteString("To have Terraform take them in order, add this:\n\n" + strings.Join(arguments, "\n"))
	case !h.changes():
		b.WriteString("To be sure, remove it first: apply that alone, and deliver in the next apply.")
	default:
		fmt.Fprintf(&b, "To have Terraform take them in order, make the %s depend on it with depends_on.", d.resource.Type)
	}
	return b.String()
}

// unique drops what is said twice.
func unique(lines []string) []string {
	said := []string{}
	for _, line := range lines {
		if !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return said
}
