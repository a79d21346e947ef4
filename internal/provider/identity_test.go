package provider_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// Identities are tested over the protocol alone. Terraform keeps them since 1.12, the tests run on 1.11 as well, and one that is
// skipped there would not count.

// identity makes what Terraform keeps beside a state.
func (w *wire) identity(typ string, parts map[string]string) *tfprotov6.ResourceIdentityData {
	w.t.Helper()
	schema := w.identitySchema(typ)
	values := map[string]tftypes.Value{}
	for name, text := range parts {
		values[name] = tftypes.NewValue(tftypes.String, text)
	}
	data, err := tfprotov6.NewDynamicValue(schema.ValueType(), tftypes.NewValue(schema.ValueType(), values))
	require.NoError(w.t, err)
	return &tfprotov6.ResourceIdentityData{IdentityData: &data}
}

func (w *wire) identitySchema(typ string) *tfprotov6.ResourceIdentitySchema {
	w.t.Helper()
	resp, err := w.server.GetResourceIdentitySchemas(w.t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	require.NoError(w.t, err)
	require.Empty(w.t, resp.Diagnostics)
	require.Contains(w.t, resp.IdentitySchemas, typ, "give the resource an identity: what tells one %s from another", typ)
	return resp.IdentitySchemas[typ]
}

// parts takes an identity apart; nil when there is none.
func (w *wire) parts(typ string, identity *tfprotov6.ResourceIdentityData) map[string]string {
	w.t.Helper()
	require.NotNil(w.t, identity)
	value, err := identity.IdentityData.Unmarshal(w.identitySchema(typ).ValueType())
	require.NoError(w.t, err)
	if value.IsNull() {
		return nil
	}
	found := map[string]string{}
	for name, part := range w.attributes(value) {
		var text string
		require.NoError(w.t, part.As(&text))
		found[name] = text
	}
	return found
}

// keep carries a configuration out with the identity that Terraform keeps, nil when it keeps none, and returns state and identity.
func (w *wire) keep(d declaration, prior tftypes.Value, kept *tfprotov6.ResourceIdentityData) (tftypes.Value, *tfprotov6.ResourceIdentityData) {
	w.t.Helper()
	w.configure()
	s := w.schema(d.typ)
	config := w.value(s, d.config)
	planned, err := w.server.PlanResourceChange(w.t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: d.typ, PriorState: w.dynamic(s, prior),
		Config: w.dynamic(s, config), ProposedNewState: w.dynamic(s, w.proposed(s, config, prior)), PriorIdentity: kept})
	require.NoError(w.t, err)
	require.False(w.t, outcome{diagnostics: planned.Diagnostics}.failed(), "%s: %s", d.name, said(planned.Diagnostics))
	require.Empty(w.t, planned.RequiresReplace, d.name)
	applied, err := w.server.ApplyResourceChange(w.t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: d.typ, PriorState: w.dynamic(s, prior),
		Config: w.dynamic(s, config), PlannedState: planned.PlannedState, PlannedIdentity: planned.PlannedIdentity})
	require.NoError(w.t, err)
	require.False(w.t, outcome{diagnostics: applied.Diagnostics}.failed(), "%s: %s", d.name, said(applied.Diagnostics))
	return w.static(s, applied.NewState), applied.NewIdentity
}

// refresh reads a state with the identity that Terraform keeps; that has to go well.
func (w *wire) refresh(typ string, state tftypes.Value, kept *tfprotov6.ResourceIdentityData, private []byte) (tftypes.Value, map[string]string) {
	w.t.Helper()
	s := w.schema(typ)
	resp, err := w.server.ReadResource(w.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: typ, CurrentState: w.dynamic(s, state), CurrentIdentity: kept, Private: private})
	require.NoError(w.t, err)
	require.Empty(w.t, said(resp.Diagnostics), typ)
	return w.static(s, resp.NewState), w.parts(typ, resp.NewIdentity)
}

// imported is what Terraform has after an import, by an id or by an identity, and the refresh after it.
func (w *wire) imported(typ, id string, identity *tfprotov6.ResourceIdentityData) (tftypes.Value, map[string]string) {
	w.t.Helper()
	resp, err := w.server.ImportResourceState(w.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: typ, ID: id, Identity: identity})
	require.NoError(w.t, err)
	require.Empty(w.t, said(resp.Diagnostics), typ)
	require.Len(w.t, resp.ImportedResources, 1)
	found := resp.ImportedResources[0]
	return w.refresh(typ, w.static(w.schema(typ), found.State), found.Identity, found.Private)
}

// identified is a resource with the identity it must have, the id of the same thing, and how it is changed in place.
type identified struct {
	declaration
	parts map[string]string
	id    string
	edit  func(config map[string]any) // nil when every change replaces
	moved map[string]string           // the identity after the edit, when it follows
	// lost are what an import cannot know, with the reason.
	lost map[string]string
}

// everything declares one of each resource, in the order of their dependencies.
func everything(s shop) []identified {
	all := map[string]declaration{}
	order := order{version: "1.0.0", gates: map[string]any{"approvals": map[string]any{"required": 1, "approvers": []any{"*"}, "allow_author": true}, "soak": map[string]any{"stage": "staging", "duration": "1h"}}, lenient: []any{"soak"},
		approval: map[string]any{}, override: map[string]any{"gates": []any{"soak"}}, promotion: map[string]any{"attempt": 1, "when_blocked": "fail"},
		report: map[string]any{"junit": `<testsuite name="unit"><testcase name="a"/></testsuite>`}}
	for _, d := range s.declare(order) {
		all[d.name] = d
	}
	name := func(name string) map[string]string { return map[string]string{"name": name} }
	to := func(attribute string, value any) func(map[string]any) {
		return func(config map[string]any) { config[attribute] = value }
	}
	freeze := declaration{"freeze", "cd_freeze", map[string]any{"name": "sale", "reason": "a sale", "starts_at": "2028-01-01T00:00:00Z", "ends_at": "2028-01-02T00:00:00Z", "tiers": []any{"production"}}}
	policy := declaration{"policy", "cd_policy", map[string]any{"name": "four-eyes", "tiers": []any{"production"}, "gates": map[string]any{"approvals": map[string]any{"allow_author": true, "required": 1, "approvers": []any{"*"}}}}}
	next := s.declare(s.next(order))[3].config
	const given = "shop/1.0.0/production/alice@example.com/1"
	const made = "shop/1.0.0/production/1"
	const recorded = "shop/1.0.0/unit/1"
	return []identified{
		{declaration: all["staging"], parts: name("staging"), id: "staging", edit: to("config", map[string]any{"LOG_LEVEL": "trace"})},
		{declaration: all["production"], parts: name("production"), id: "production", edit: to("platform", map[string]any{"os": "debian-12"})},
		{declaration: all["pipeline"], parts: name("shop"), id: "shop", edit: func(config map[string]any) { put(config, []any{"stages", 0, "config"}, map[string]any{"A": "1"}) }},
		{declaration: freeze, parts: name("sale"), id: "sale", edit: to("reason", "a bigger sale")},
		{declaration: policy, parts: name("four-eyes"), id: "four-eyes", edit: to("tiers", []any{"production", "other"})},
		{declaration: all["release"], parts: map[string]string{"pipeline": "shop", "version": "1.0.0"}, id: "shop/1.0.0",
			edit: func(config map[string]any) { maps.Copy(config, next) }, moved: map[string]string{"pipeline": "shop", "version": "1.1.0"}},
		{declaration: all["report"], parts: map[string]string{"id": recorded}, id: recorded, lost: map[string]string{"junit": "the ledger keeps what the text says, not the text"}},
		{declaration: all["override"], parts: map[string]string{"id": made}, id: made},
		{declaration: all["approval"], parts: map[string]string{"id": given}, id: given},
		{declaration: all["promotion"], parts: map[string]string{"pipeline": "shop", "stage": "production"}, id: "shop/production", edit: to("when_blocked", "pend")},
		{declaration: declaration{"web", "cd_environment", map[string]any{"name": "web", "tier": "other", "deletion_protection": false}}, parts: name("web"), id: "web"},
		{declaration: declaration{"site", "cd_pipeline", map[string]any{"name": "site", "stages": []any{map[string]any{"name": "live", "environments": []any{"web"}, "promotion": "manual"}}}},
			parts: name("site"), id: "site"},
		{declaration: declaration{"verification", "cd_verification", map[string]any{"pipeline": "site", "stage": "live", "version": ""}},
			parts: map[string]string{"pipeline": "site", "stage": "live"}, id: "site/live", edit: to("triggers", map[string]any{"a": "1"})},
	}
}

// next is the same order of the next version.
func (s shop) next(o order) order {
	o.version = "1.1.0"
	return o
}

// TestEveryResourceHasIdentity walks one of each resource through its life. It fails for a resource without an identity, and for
// one that this test does not know.
func TestEveryResourceHasIdentity(t *testing.T) {
	s := newShop(t)
	w := newWire(t, s.Harness)
	all := everything(s)
	var edits []func()
	for typ := range w.schemas.ResourceSchemas {
		require.NotEmpty(t, w.identitySchema(typ).IdentityAttributes)
		require.True(t, slices.ContainsFunc(all, func(i identified) bool { return i.typ == typ }), "%s: declare one here", typ)
	}
	for _, i := range all {
		for _, part := range w.identitySchema(i.typ).IdentityAttributes {
			require.True(t, part.RequiredForImport && part.Description != "", "%s: %s", i.typ, part.Name)
			require.Contains(t, i.parts, part.Name)
		}
		if i.config["content"] == asPlanned {
			i.config["content"] = s.content("1.0.0")
		}
		state, identity := w.keep(i.declaration, w.null(i.typ), nil)
		require.Equal(t, i.parts, w.parts(i.typ, identity), "%s: create", i.typ)
		i.read(w, state, identity)
		i.imported(w, state)
		i.refused(w)
		i.unconfigured(w, s.Harness, state)
		i.gone(w, state)
		if i.edit != nil {
			edits = append(edits, func() { i.edited(w, state, identity) })
		}
	}
	for _, edit := range edits {
		edit()
	}
}

// read refreshes, also a state of before there were identities.
func (i identified) read(w *wire, state tftypes.Value, identity *tfprotov6.ResourceIdentityData) {
	w.t.Helper()
	kept, parts := w.refresh(i.typ, state, identity, nil)
	require.True(w.t, state.Equal(kept), "%s: reading changes nothing", i.typ)
	require.Equal(w.t, i.parts, parts, "%s: read", i.typ)
	_, parts = w.refresh(i.typ, state, nil, nil)
	require.Equal(w.t, i.parts, parts, "%s: a state of before there were identities", i.typ)
}

// imported takes it over by its id and by its identity, and has the same then as before.
func (i identified) imported(w *wire, state tftypes.Value) {
	w.t.Helper()
	byID, parts := w.imported(i.typ, i.id, nil)
	require.Equal(w.t, i.parts, parts, "%s: import by id", i.typ)
	byIdentity, parts := w.imported(i.typ, "", w.identity(i.typ, i.parts))
	require.Equal(w.t, i.parts, parts, "%s: import by identity", i.typ)
	require.True(w.t, byID.Equal(byIdentity), "%s: by id %s, by identity %s", i.typ, byID, byIdentity)
	now := w.attributes(byID)
	for name, value := range w.attributes(state) {
		if i.lost[name] == "" {
			require.True(w.t, value.Equal(now[name]), "%s.%s: %s before the import, then %s", i.typ, name, value, now[name])
		}
	}
}

// edited changes it in place.
func (i identified) edited(w *wire, state tftypes.Value, identity *tfprotov6.ResourceIdentityData) {
	w.t.Helper()
	state, _ = w.refresh(i.typ, state, identity, nil)
	i.edit(i.config)
	edited, changed := w.keep(i.declaration, state, identity)
	want := i.parts
	if i.moved != nil {
		want = i.moved
	}
	require.Equal(w.t, want, w.parts(i.typ, changed), "%s: update", i.typ)
	_, parts := w.refresh(i.typ, edited, changed, nil)
	require.Equal(w.t, want, parts, "%s: read after an update", i.typ)
	_, again := w.keep(i.declaration, state, nil)
	require.Equal(w.t, want, w.parts(i.typ, again), "%s: update of a state of before there were identities", i.typ)
}

// refused imports what cannot be: an identity with an empty part names nothing.
func (i identified) refused(w *wire) {
	w.t.Helper()
	for name := range i.parts {
		wrong := maps.Clone(i.parts)
		wrong[name] = ""
		resp, err := w.server.ImportResourceState(w.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: i.typ, Identity: w.identity(i.typ, wrong)})
		require.NoError(w.t, err)
		require.Len(w.t, resp.Diagnostics, 1, i.typ)
		require.Contains(w.t, resp.Diagnostics[0].Summary, "Unable to import", i.typ)
	}
}

// unconfigured reads while the provider block is not known yet: the state stays, and has an identity all the same.
func (i identified) unconfigured(w *wire, h *acctest.Harness, state tftypes.Value) {
	w.t.Helper()
	blind := &wire{t: w.t, server: provider.Server("test", h.Host()), schemas: w.schemas}
	kept, parts := blind.refresh(i.typ, state, nil, nil)
	require.True(w.t, state.Equal(kept), i.typ)
	require.Equal(w.t, i.parts, parts, i.typ)
}

// gone reads what is not there, with the identity and without: both times it goes from the state, and nothing else is said.
func (i identified) gone(w *wire, state tftypes.Value) {
	w.t.Helper()
	elsewhere := newWire(w.t, acctest.New(w.t))
	for _, kept := range []*tfprotov6.ResourceIdentityData{nil, w.identity(i.typ, i.parts)} {
		now, _ := elsewhere.refresh(i.typ, state, kept, nil)
		require.True(w.t, now.IsNull(), i.typ)
	}
}
