package provider_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// decision is a decision that a plan makes, of which every attribute is removed, emptied and made unknown.
type decision struct {
	order  order  // with the decision and a promotion
	name   string // of the decision's declaration
	closes bool   // it keeps the release out that others let in
	// neutral are the attributes without which it decides the same, with the reason.
	neutral map[string]string
}

var decisions = map[string]decision{
	"approve": {order{gates: oneApproval, approval: map[string]any{"comment": "seen", "approver": "alice@example.com"}}, "approval", false, map[string]string{
		"comment":   "it is a text",
		"approver":  "the actor decides",
		"signature": "the gate demands none, and the decision has none",
	}},
	"reject": {order{gates: oneApproval, approval: map[string]any{"decision": "reject", "comment": "not yet"}}, "approval", true, map[string]string{}},
	"override": {order{gates: longSoak, lenient: []any{"soak"}, override: map[string]any{"gates": []any{"soak"}}}, "override", false, map[string]string{
		"duration": "expires_at says when it ends",
	}},
}

// TestAbsenceInADecisionNeverOpens removes, empties and makes unknown every attribute of a decision. Each is an error, or decides the same
// and is listed as neutral, or lets nothing in. A rejection never becomes less than one: the release that somebody else has approved stays out.
func TestAbsenceInADecisionNeverOpens(t *testing.T) {
	t.Parallel()
	for name, d := range decisions {
		t.Run(name, func(t *testing.T) { d.run(t) })
	}
}

func (d decision) run(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	d.order.version, d.order.promotion = "1.0.0", map[string]any{"when_blocked": "pend"}
	released := d.order
	released.approval, released.override, released.promotion = nil, nil, nil
	w.apply(s.declare(released)...)
	if d.closes {
		_, err := s.Client("bob@example.com").AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production",
			Decision: delivery.Approve, Content: s.content("1.0.0")})
		require.NoError(t, err)
	}
	opens := func(edit func(config map[string]any)) (opens, refused bool) {
		all := s.declare(d.order)
		at := slices.IndexFunc(all, func(of declaration) bool { return of.name == d.name })
		all[at].config["content"] = s.content("1.0.0")
		edit(all[at].config)
		if len(w.validate(all[at].typ, all[at].config)) > 0 {
			return false, true // Terraform plans nothing then
		}
		plan := w.refreshAndPlan(all...)
		return promotes(plan["promotion"]), plan[d.name].failed()
	}
	open, refused := opens(func(map[string]any) {})
	require.False(t, refused)
	require.Equal(t, !d.closes, open, "the decision as it is")

	for name, attribute := range configurableAttributes(w.schemas.ResourceSchemas["cd_"+d.name]) {
		for kind, value := range map[string]any{"null": nil, "emptied": emptyOf(attribute.Type), "unknown": unknownOf(attribute.Type)} {
			open, refused := opens(func(config map[string]any) { config[name] = value })
			switch {
			case refused:
			case kind == "unknown":
				require.False(t, open, "%s is unknown, and the plan says that the release gets in", name)
			case open:
				require.Contains(t, d.neutral, name, "%s is %s, and the release gets in", name, kind)
			default:
				require.NotContains(t, d.neutral, name, "%s is %s, and it decides something else", name, kind)
			}
		}
	}
	for name := range d.neutral {
		require.Contains(t, configurableAttributes(w.schemas.ResourceSchemas["cd_"+d.name]), name)
	}
}

// deploysToProduction is how the plan of a promotion says that the release gets in.
var deploysToProduction = regexp.MustCompile(`production: deploy 1\.0\.0`)

// promotes reports whether the plan of a promotion says that the release gets in.
func promotes(o outcome) bool {
	return !o.failed() && slices.ContainsFunc(said(o.diagnostics), func(text string) bool { return deploysToProduction.MatchString(text) })
}

// configurableAttributes are the attributes that a configuration may set.
func configurableAttributes(s *tfprotov6.Schema) map[string]*tfprotov6.SchemaAttribute {
	found := map[string]*tfprotov6.SchemaAttribute{}
	for _, a := range s.Block.Attributes {
		if a.Required || a.Optional {
			found[a.Name] = a
		}
	}
	return found
}

func unknownOf(typ tftypes.Type) any {
	if typ.Is(tftypes.Set{}) || typ.Is(tftypes.List{}) {
		return []any{unknown} // a collection that is unknown as a whole cannot be written in JSON
	}
	return unknown
}

func emptyOf(typ tftypes.Type) any {
	switch {
	case typ.Is(tftypes.Set{}), typ.Is(tftypes.List{}):
		return []any{}
	case typ.Is(tftypes.Bool):
		return false
	}
	return ""
}

// TestContentIsRequiredWhateverIsUnknown leaves the content out while the plan does not know what would be delivered: it cannot print the line
// to copy, and the decision is refused all the same. What a signature names, and what another person decides, is not.
func TestContentIsRequiredWhateverIsUnknown(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: oneApproval, lenient: []any{"approvals"}})...)
	vague := func(with map[string]any) map[string]any {
		config := map[string]any{"content": nil, "comment": unknown}
		for name, value := range with {
			config[name] = value
		}
		return config
	}
	for name, c := range map[string]struct {
		order   order
		refused bool
	}{
		"an approval":                        {order{approval: vague(nil)}, true},
		"an approval in the actor's name":    {order{approval: vague(map[string]any{"approver": "alice@example.com"})}, true},
		"an approval by somebody else":       {order{approval: vague(map[string]any{"approver": "bob@example.com"})}, false},
		"an approval by somebody":            {order{approval: vague(map[string]any{"approver": unknown})}, false},
		"an approval with a signature":       {order{approval: vague(map[string]any{"signature": "signed"})}, false},
		"an approval with a late signature":  {order{approval: vague(map[string]any{"signature": unknown})}, false},
		"an approval with a late content":    {order{approval: vague(map[string]any{"content": unknown})}, false},
		"an override":                        {order{override: map[string]any{"content": nil, "gates": []any{"approvals"}, "reason": unknown}}, true},
		"an override with content":           {order{override: map[string]any{"content": s.content("1.0.0"), "gates": []any{"approvals"}, "reason": unknown}}, false},
		"an approval beside an unknown one":  {order{approval: map[string]any{"content": nil}, override: map[string]any{"content": s.content("1.0.0"), "gates": []any{"approvals"}, "reason": unknown}}, true},
		"an approval of an unknown pipeline": {order{approval: vague(map[string]any{"pipeline": unknown})}, true},
	} {
		c.order.version, c.order.gates, c.order.lenient = "1.0.0", oneApproval, []any{"approvals"}
		plan := w.refreshAndPlan(s.declare(c.order)...)
		decision := plan["approval"]
		if c.order.approval == nil {
			decision = plan["override"]
		}
		require.Equal(t, c.refused, decision.failed(), "%s: %s", name, decision.said())
		if c.refused {
			require.Contains(t, decision.said(), `AttributeName("content"): Unable to `, name)
			require.Contains(t, decision.said(), "its content is missing: A decision names what somebody reviewed", name)
		}
	}
}
