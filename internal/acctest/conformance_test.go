package acctest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// mallory changes things outside Terraform.
const mallory = "mallory@example.com"

// conformance says, for one resource, how each configurable attribute can change outside Terraform. Its tables name attributes as in
// "stages.gates.soak.duration". The schema decides whether the tables are complete: a new attribute fails the test until a table says how
// it can change.
type conformance[S any] struct {
	typ     string
	configs []string // JSON; together they set every attribute

	declared func() S      // what the ledger holds now
	put      func(S) error // changes the declaration through the API
	remove   func() error  // removes the object through the API

	changes map[string]change[S]
	// refused are the attributes that nobody can change through the API.
	refused map[string]func(*S)
	// names are the attributes of the object's name: another name is another object.
	names []string
	// local are the attributes that only Terraform has, with the reason why nobody else can change them.
	local map[string]string
	// excluded are the attributes that cannot be set beside those of the configurations, with the reason.
	excluded map[string]string
}

// change is one change of a declaration. It shows at the attribute itself, or at the attribute at.
type change[S any] struct {
	to func(*S)
	at string
}

// run applies each configuration, makes every change, and requires that the next plan shows it at the right attribute.
func (c conformance[S]) run(t *testing.T, h *acctest.Harness) {
	t.Helper()
	p := newProtocol(t, h)
	shown, written := map[string]bool{}, map[string]bool{}
	for _, text := range c.configs {
		var config map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &config))
		state := p.create(c.typ, config)
		require.Empty(t, p.differences(c.typ, state, config), "a second plan right after apply is empty")
		set := attributesOf(t, p.value(p.schema(c.typ), config))
		for name := range set {
			written[name] = true
		}
		original := c.declared()
		for name, change := range c.changes {
			if !set[name] {
				continue
			}
			require.NoError(t, c.put(copied(t, original, change.to)), "%s: change it outside Terraform", name)
			require.True(t, mentions(p.differences(c.typ, state, config), name, change.at), "%s changed outside Terraform, and the next plan does not show it", name)
			shown[name] = true
		}
		require.NoError(t, c.put(original))
		require.Empty(t, p.differences(c.typ, state, config), "every change was undone, but the plan is not empty")
		for name, to := range c.refused {
			err := c.put(copied(t, original, to))
			require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err), "%s: changing it is refused, not: %v", name, err)
			require.Empty(t, p.differences(c.typ, state, config), "%s: a refused change changes nothing", name)
		}
		require.NoError(t, c.remove())
		require.Equal(t, []string{recreated}, p.differences(c.typ, state, config), "what was removed outside Terraform is created again")
	}
	c.complete(t, p, shown, written)
}

// complete checks the tables against the schema.
func (c conformance[S]) complete(t *testing.T, p protocol, shown, written map[string]bool) {
	t.Helper()
	covered := slices.Clone(c.names)
	for name := range c.changes {
		require.True(t, shown[name], "%s: no configuration sets it, so its change was not tried", name)
		covered = append(covered, name)
	}
	for name := range c.refused {
		covered = append(covered, name)
	}
	for name, why := range c.local {
		require.NotEmpty(t, why, name)
		covered = append(covered, name)
	}
	for name, why := range c.excluded {
		require.NotEmpty(t, why, name)
		covered = append(covered, name)
	}
	slices.Sort(covered)
	require.Equal(t, configurable(p.schema(c.typ).Block.Attributes, ""), covered,
		"each configurable attribute of %s, and nothing else, must be in exactly one of the tables: say how it can change outside Terraform", c.typ)
	for _, name := range covered {
		if _, ok := c.excluded[name]; !ok {
			require.True(t, written[name], "%s: no configuration sets it", name)
		}
	}
}

// configurable lists all attributes that a user can set, sorted, including those with nested attributes.
func configurable(attributes []*tfprotov6.SchemaAttribute, prefix string) []string {
	found := []string{}
	for _, a := range attributes {
		if !a.Required && !a.Optional {
			continue
		}
		found = append(found, prefix+a.Name)
		if a.NestedType != nil {
			found = append(found, configurable(a.NestedType.Attributes, prefix+a.Name+".")...)
		}
	}
	slices.Sort(found)
	return found
}

// attributesOf names the attributes that have a value.
func attributesOf(t *testing.T, value tftypes.Value) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	require.NoError(t, tftypes.Walk(value, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if name := attributeName(at); !v.IsNull() {
			found[name] = true
		}
		return true, nil
	}))
	return found
}

// attributeName returns a path without keys and indexes.
func attributeName(at *tftypes.AttributePath) string {
	names := []string{}
	for _, step := range at.Steps() {
		if name, ok := step.(tftypes.AttributeName); ok {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, ".")
}

// mentions reports whether a plan changes the attribute or something in it.
func mentions(differences []string, name, at string) bool {
	if at == "" {
		at = name
	}
	return slices.ContainsFunc(differences, func(d string) bool { return d == at || strings.HasPrefix(d, at+".") })
}

// copied returns a changed copy of a declaration.
func copied[S any](t *testing.T, original S, to func(*S)) S {
	t.Helper()
	text, err := json.Marshal(original)
	require.NoError(t, err)
	var changed S
	require.NoError(t, json.Unmarshal(text, &changed))
	to(&changed)
	return changed
}

// TestEveryResourceHasAConformanceTest fails when a resource has no conformance test.
func TestEveryResourceHasAConformanceTest(t *testing.T) {
	t.Parallel()
	resources := []string{}
	for typ := range newProtocol(t, acctest.New(t)).schemas.ResourceSchemas {
		resources = append(resources, typ)
	}
	require.ElementsMatch(t, []string{"cd_environment", "cd_pipeline", "cd_release", "cd_promotion", "cd_approval", "cd_test_report", "cd_override", "cd_freeze", "cd_policy", "cd_verification"}, resources,
		"add a conformance test for the new resource, then name it here")
}
