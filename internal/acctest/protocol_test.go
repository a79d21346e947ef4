package acctest_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// protocol drives the provider over the plugin protocol as Terraform does, in milliseconds per step.
type protocol struct {
	t       *testing.T
	server  tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

func newProtocol(t *testing.T, h *acctest.Harness) protocol {
	t.Helper()
	server := h.Server()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(t, err)
	require.Empty(t, schemas.Diagnostics)
	return protocol{t, server, schemas}
}

// configure starts a new plan or apply, without anything from the previous one.
func (p protocol) configure() {
	p.t.Helper()
	s := p.schemas.Provider
	resp, err := p.server.ConfigureProvider(p.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: p.encode(s, p.value(s, map[string]any{}))})
	require.NoError(p.t, err)
	require.Empty(p.t, resp.Diagnostics)
}

func (p protocol) schema(typ string) *tfprotov6.Schema {
	p.t.Helper()
	require.Contains(p.t, p.schemas.ResourceSchemas, typ)
	return p.schemas.ResourceSchemas[typ]
}

// value makes a configuration from plain Go values. Missing attributes are null.
func (p protocol) value(s *tfprotov6.Schema, config any) tftypes.Value {
	p.t.Helper()
	text, err := json.Marshal(config)
	require.NoError(p.t, err)
	value, err := tfprotov6.DynamicValue{JSON: text}.Unmarshal(s.ValueType())
	require.NoError(p.t, err)
	return value
}

func (p protocol) encode(s *tfprotov6.Schema, value tftypes.Value) *tfprotov6.DynamicValue {
	p.t.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(s.ValueType(), value)
	require.NoError(p.t, err)
	return &dynamic
}

func (p protocol) decode(s *tfprotov6.Schema, dynamic *tfprotov6.DynamicValue) tftypes.Value {
	p.t.Helper()
	value, err := dynamic.Unmarshal(s.ValueType())
	require.NoError(p.t, err)
	return value
}

// noState is the state of a resource that does not exist.
func (p protocol) noState(typ string) tftypes.Value {
	return tftypes.NewValue(p.schema(typ).ValueType(), nil)
}

// proposed returns what Terraform proposes to a provider: the configuration, with the previous computed values.
func (p protocol) proposed(s *tfprotov6.Schema, config, prior tftypes.Value) tftypes.Value {
	p.t.Helper()
	if prior.IsNull() {
		return config
	}
	var merged, was map[string]tftypes.Value
	require.NoError(p.t, config.As(&merged))
	require.NoError(p.t, prior.As(&was))
	for _, a := range s.Block.Attributes {
		if a.Computed && merged[a.Name].IsNull() {
			merged[a.Name] = was[a.Name]
		}
	}
	return tftypes.NewValue(s.ValueType(), merged)
}

// plan is one resource's part of terraform plan, after the refresh.
func (p protocol) plan(typ string, prior tftypes.Value, config any) *tfprotov6.PlanResourceChangeResponse {
	p.t.Helper()
	s := p.schema(typ)
	value := p.value(s, config)
	resp, err := p.server.PlanResourceChange(p.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: typ, PriorState: p.encode(s, prior), Config: p.encode(s, value), ProposedNewState: p.encode(s, p.proposed(s, value, prior)),
	})
	require.NoError(p.t, err)
	p.noErrors(resp.Diagnostics)
	return resp
}

// create creates a resource, and returns its state.
func (p protocol) create(typ string, config any) tftypes.Value {
	p.t.Helper()
	p.configure()
	s, prior := p.schema(typ), p.noState(typ)
	planned := p.plan(typ, prior, config)
	resp, err := p.server.ApplyResourceChange(p.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typ, PriorState: p.encode(s, prior), PlannedState: planned.PlannedState, Config: p.encode(s, p.value(s, config)), PlannedPrivate: planned.PlannedPrivate,
	})
	require.NoError(p.t, err)
	p.noErrors(resp.Diagnostics)
	return p.decode(s, resp.NewState)
}

// recreated stands for a resource that would be created again.
const recreated = "(the whole resource)"

// differences does what a new terraform plan does: it refreshes the state, plans, and lists the attributes that would change, without keys
// and indexes. An empty plan has none. A resource that is gone has recreated.
func (p protocol) differences(typ string, state tftypes.Value, config any) []string {
	p.t.Helper()
	p.configure()
	s := p.schema(typ)
	resp, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: typ, CurrentState: p.encode(s, state)})
	require.NoError(p.t, err)
	p.noErrors(resp.Diagnostics)
	now := p.decode(s, resp.NewState)
	if now.IsNull() {
		return []string{recreated}
	}
	diffs, err := p.decode(s, p.plan(typ, now, config).PlannedState).Diff(now)
	require.NoError(p.t, err)
	found := []string{}
	for _, d := range diffs {
		found = append(found, attributeName(d.Path))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (p protocol) noErrors(diagnostics []*tfprotov6.Diagnostic) {
	p.t.Helper()
	for _, d := range diagnostics {
		require.NotEqual(p.t, tfprotov6.DiagnosticSeverityError, d.Severity, "%s: %s: %s", d.Attribute, d.Summary, d.Detail)
	}
}

// attributeOf reads a string attribute of a state.
func attributeOf(t *testing.T, state tftypes.Value, name string) string {
	t.Helper()
	var attributes map[string]tftypes.Value
	require.NoError(t, state.As(&attributes))
	var text string
	require.NoError(t, attributes[name].As(&text))
	return text
}
