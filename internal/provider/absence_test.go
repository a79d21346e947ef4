package provider_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// strictGates sets every attribute of gates to something that restricts.
const strictGates = `{
	"approvals": {"required": 2, "approvers": ["alice", "bob"], "allow_author": false, "expires_after": "72h", "require_signed": true,
		"signed_by": ["alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"]},
	"tests": {"unit": {"min_tests": 3, "max_failures": 0, "max_age": "24h"}},
	"soak": {"stage": "staging", "duration": "1h"},
	"windows": {"office": {"days": ["mon", "tue"], "start": "09:00", "end": "16:00", "time_zone": "Europe/Berlin"}},
	"cooldown": {"duration": "4h"},
	"max_deploys": {"count": 3, "per": "24h"},
	"parity": {},
	"checks": {
		"asked": {"http": {"url": "https://metrics.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
		"run": {"command": {"argv": ["./ask", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "junit": "report.xml", "attempts": 3, "interval": "1s"}}},
	"expressions": {"ticket": {"condition": "'ticket' in release.labels", "message": "it names its ticket"}}}`

// guardedResource is a resource of which every attribute below a root is removed, emptied and made unknown.
type guardedResource struct {
	typ, root string // the root is an attribute, as in "stages.gates"
	config    string
	// excluded are the attributes that the configuration does not set, with the reason.
	excluded map[string]string
	// neutral are the attributes whose absence opens nothing, and that a change must not be silent about in another way, with the reason.
	neutral map[string]string
}

var guardedResources = []guardedResource{
	{typ: "cd_pipeline", root: "stages.gates", config: `{"name": "shop", "stages": [{"name": "staging", "environments": ["staging"], "promotion": "automatic"},
		{"name": "production", "environments": ["production"], "promotion": "manual", "gates": ` + strictGates + `}]}`, excluded: noneBesideGates, neutral: neutralGates},
	{typ: "cd_policy", root: "gates", config: `{"name": "careful", "tiers": ["production"], "gates": ` + strictGates + `}`, excluded: noneBesideGates, neutral: neutralGates},
	{typ: "cd_environment", root: "parity", config: `{"name": "staging", "tier": "staging", "config": {"SIZE": "2"},
		"parity": {"with": "production", "allow": {"SIZE": {"reason": "smaller", "min": 1, "max": 3, "until": "2028-01-01T00:00:00Z"}}}}`},
}

var noneBesideGates = map[string]string{"none": "it cannot be set beside gates, and gates without it are the strictest"}

// neutralGates are optional attributes of gates whose default is as strict as any value.
var neutralGates = map[string]string{
	"approvals.signed_by":      "require_signed demands the keys of the stage then",
	"approvals.require_signed": "signed_by demands signatures already",
	"approvals.allow_author":   "the default is that authors may not",
	"tests.max_failures":       "the default is none",
	"expressions.message":      "it is a text",
}

// absence is one way in which a value is not there.
type absence struct {
	name string
	make func(v tftypes.Value) (changed tftypes.Value, ok bool)
}

var absences = []absence{
	{"emptied", func(v tftypes.Value) (tftypes.Value, bool) {
		switch t := v.Type().(type) {
		case tftypes.Object:
			fields := map[string]tftypes.Value{}
			for name, typ := range t.AttributeTypes {
				fields[name] = tftypes.NewValue(typ, nil)
			}
			return tftypes.NewValue(t, fields), true
		case tftypes.Map:
			return tftypes.NewValue(t, map[string]tftypes.Value{}), true
		case tftypes.List, tftypes.Set:
			return tftypes.NewValue(t, []tftypes.Value{}), true
		}
		return tftypes.NewValue(tftypes.String, ""), v.Type().Is(tftypes.String)
	}},
	{"null", func(v tftypes.Value) (tftypes.Value, bool) { return tftypes.NewValue(v.Type(), nil), true }},
	{"unknown", func(v tftypes.Value) (tftypes.Value, bool) {
		return tftypes.NewValue(v.Type(), tftypes.UnknownValue), true
	}},
}

// attributeName writes a path without the keys of its elements, as in "stages.gates.tests.max_age". ok is false for an element itself.
func attributeName(path *tftypes.AttributePath) (name string, ok bool) {
	names := []string{}
	for _, step := range path.Steps() {
		attribute, is := step.(tftypes.AttributeName)
		if ok = is; is {
			names = append(names, string(attribute))
		}
	}
	return strings.Join(names, "."), ok
}

// schemaAttributes lists the attributes below a nested attribute.
func schemaAttributes(s *tfprotov6.Schema, root string) map[string]*tfprotov6.SchemaAttribute {
	found := map[string]*tfprotov6.SchemaAttribute{}
	var walk func(prefix string, attributes []*tfprotov6.SchemaAttribute)
	walk = func(prefix string, attributes []*tfprotov6.SchemaAttribute) {
		for _, a := range attributes {
			found[prefix+a.Name] = a
			if a.NestedType != nil {
				walk(prefix+a.Name+".", a.NestedType.Attributes)
			}
		}
	}
	walk("", s.Block.Attributes)
	for name := range found {
		if name != root && !strings.HasPrefix(name, root+".") {
			delete(found, name)
		}
	}
	return found
}

// TestAbsenceNeverWeakens empties, removes and makes unknown every attribute that guards something. Each is an error at its attribute, or
// changes nothing, or is listed as a restriction, and then the plan reports that it weakens. While something is unknown, no plan says that a
// release gets in.
func TestAbsenceNeverWeakens(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, g := range guardedResources {
		t.Run(g.typ, func(t *testing.T) { g.run(t, used) })
	}
	for name := range delivery.Restrictions() {
		if name == "gates.approvals.require_signed" || name == "gates.approvals.signed_by" {
			continue // each alone demands signatures, so removing one of them weakens nothing, or is an error
		}
		require.True(t, used[name], "%s is no restriction: remove it from the table", name)
	}
}

// lenient is a shop without any gate, where the release may be promoted: only what a plan does not know yet can hold it.
type lenient struct {
	*walks
	prior     tftypes.Value // of the guarded resource
	promotion declaration
}

func (g guardedResource) lenient(t *testing.T) lenient {
	s := newShopOn(t, acctest.New(t))
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0", promotion: map[string]any{}})
	w.apply(all[:len(all)-1]...)
	l := lenient{w, w.null(g.typ), all[len(all)-1]}
	for _, d := range []string{"pipeline", "staging"} {
		if state := w.state[d]; state.Type().Equal(l.prior.Type()) {
			l.prior = state
		}
	}
	w.configure()
	require.Contains(t, w.planOne(l.promotion, w.null(l.promotion.typ)).said(), "deploy 1.0.0 to production")
	return l
}

func (g guardedResource) run(t *testing.T, used map[string]bool) {
	open := g.lenient(t)
	s := newShopOn(t, acctest.New(t))
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", edit: func(name string, config map[string]any) {
		if name == "production" {
			config["config"] = map[string]any{"SIZE": "4"}
		}
	}})[:3]...)
	config := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(g.config), &config))
	sc := w.schema(g.typ)
	strict, prior := w.value(sc, config), w.null(g.typ)
	for _, d := range []string{"pipeline", "staging"} {
		if state, ok := w.state[d]; ok && state.Type().Equal(strict.Type()) {
			prior = state
		}
	}
	w.configure()
	prior = w.applyValue(g.typ, prior, strict)

	seen := map[string]bool{}
	require.NoError(t, tftypes.Walk(strict, func(path *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		name, isAttribute := attributeName(path)
		if !isAttribute || v.IsNull() || name != g.root && !strings.HasPrefix(name, g.root+".") {
			return true, nil
		}
		seen[name] = true
		for _, a := range absences {
			without, ok := a.make(v)
			if !ok {
				continue
			}
			changed, err := tftypes.Transform(strict, func(at *tftypes.AttributePath, old tftypes.Value) (tftypes.Value, error) {
				if at.Equal(path) {
					return without, nil
				}
				return old, nil
			})
			require.NoError(t, err)
			t.Run(a.name+" "+path.String(), func(t *testing.T) { g.judge(t, w, open, a, path, prior, changed, used) })
		}
		return true, nil
	}))
	for name := range schemaAttributes(sc, g.root) {
		short := strings.TrimPrefix(name, g.root+".")
		require.NotEqual(t, seen[name], g.excluded[short] != "", "%s: set it in the strict configuration, or exclude it with a reason", name)
	}
}

// restriction is the name by which the table of restrictions has an attribute.
func restriction(name string) string { return strings.TrimPrefix(name, "stages.") }

func (g guardedResource) judge(t *testing.T, w *walks, open lenient, a absence, path *tftypes.AttributePath, prior, changed tftypes.Value, used map[string]bool) {
	name, _ := attributeName(path)
	short := strings.TrimPrefix(name, g.root+".")
	planned, found := w.planValue(g.typ, prior, changed)
	errors := slices.DeleteFunc(slices.Clone(found), func(d *tfprotov6.Diagnostic) bool { return d.Severity != tfprotov6.DiagnosticSeverityError })
	said := strings.Join(said(found), "\n")
	switch {
	case len(errors) > 0:
		for _, d := range errors {
			require.NotNil(t, d.Attribute, "an error says where: %s", said)
			at := d.Attribute.String()
			require.True(t, strings.HasPrefix(at, path.WithoutLastStep().String()) || strings.HasPrefix(path.String(), at) || strings.Contains(d.Detail, "not declared in parity.allow"), "an error is at the attribute %s: %s", path, said)
		}
	case a.name == "unknown":
		open.planValue(g.typ, open.prior, changed)
		require.NotContains(t, open.planOne(open.promotion, open.null(open.promotion.typ)).said(), "deploy 1.0.0 to production", "the plan says what it cannot know")
	case planned.Equal(prior), g.neutral[short] != "":
	default:
		require.NotEmpty(t, delivery.Restrictions()[restriction(name)], "%s %s changes the plan: it is an error, as strict as before, or a restriction.\n%s", a.name, name, said)
		require.Contains(t, said, "weaken", "%s %s is not reported as weaker: %s", a.name, name, said)
		used[restriction(name)] = true
	}
}

// planValue validates and plans a configuration in a walk of its own.
func (w *walks) planValue(typ string, prior, config tftypes.Value) (tftypes.Value, []*tfprotov6.Diagnostic) {
	w.t.Helper()
	w.configure()
	s := w.schema(typ)
	valid, err := w.server.ValidateResourceConfig(w.t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: typ, Config: w.dynamic(s, config)})
	require.NoError(w.t, err)
	if len(valid.Diagnostics) > 0 {
		return prior, valid.Diagnostics
	}
	resp, err := w.server.PlanResourceChange(w.t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: typ, PriorState: w.dynamic(s, prior),
		Config: w.dynamic(s, config), ProposedNewState: w.dynamic(s, w.proposed(s, config, prior))})
	require.NoError(w.t, err)
	return w.static(s, resp.PlannedState), resp.Diagnostics
}

// applyValue plans and applies one configuration.
func (w *walks) applyValue(typ string, prior, config tftypes.Value) tftypes.Value {
	w.t.Helper()
	s := w.schema(typ)
	planned, found := w.planValue(typ, prior, config)
	resp, err := w.server.ApplyResourceChange(w.t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: typ, PriorState: w.dynamic(s, prior),
		PlannedState: w.dynamic(s, planned), Config: w.dynamic(s, config)})
	require.NoError(w.t, err)
	for _, d := range append(found, resp.Diagnostics...) {
		require.NotEqual(w.t, tfprotov6.DiagnosticSeverityError, d.Severity, fmt.Sprint(said([]*tfprotov6.Diagnostic{d})))
	}
	return w.static(s, resp.NewState)
}
