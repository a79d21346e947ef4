package provider_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// wire drives the provider as Terraform does, over the plugin protocol, at milliseconds a step. What Terraform itself checks
// (that results are as planned, for one) is for the acceptance tests.
type wire struct {
	t       *testing.T
	server  tfprotov6.ProviderServer
	slow    tfprotov6.ProviderServer // without the fast path, and not configured
	schemas *tfprotov6.GetProviderSchemaResponse
	// configured says that the server is shared by several at once, and stays as it was configured for all of them.
	configured bool
}

// unknown stands for a value that is not known yet, anywhere in a configuration.
const unknown = "\x00unknown"

func newWire(t *testing.T, h *acctest.Harness) *wire {
	t.Helper()
	w := &wire{t: t, server: h.Server(), slow: provider.FrameworkServer(h.Host())}
	var err error
	w.schemas, err = w.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(t, err)
	w.configure()
	return w
}

// configure starts a new walk: the change set is empty and nothing is remembered.
func (w *wire) configure() {
	w.t.Helper()
	if w.configured {
		return
	}
	config := w.value(w.schemas.Provider, map[string]any{})
	resp, err := w.server.ConfigureProvider(w.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: w.dynamic(w.schemas.Provider, config)})
	require.NoError(w.t, err)
	require.Empty(w.t, resp.Diagnostics)
}

func (w *wire) schema(typ string) *tfprotov6.Schema {
	w.t.Helper()
	require.Contains(w.t, w.schemas.ResourceSchemas, typ)
	return w.schemas.ResourceSchemas[typ]
}

// value makes a configuration out of plain Go values; what is left out is null.
func (w *wire) value(s *tfprotov6.Schema, config any) tftypes.Value {
	w.t.Helper()
	text, err := json.Marshal(config)
	require.NoError(w.t, err)
	value, err := tfprotov6.DynamicValue{JSON: text}.Unmarshal(s.ValueType())
	require.NoError(w.t, err)
	value, err = tftypes.Transform(value, func(_ *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if v.Equal(tftypes.NewValue(tftypes.String, unknown)) {
			return tftypes.NewValue(tftypes.String, tftypes.UnknownValue), nil
		}
		return v, nil
	})
	require.NoError(w.t, err)
	return value
}

func (w *wire) dynamic(s *tfprotov6.Schema, value tftypes.Value) *tfprotov6.DynamicValue {
	w.t.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(s.ValueType(), value)
	require.NoError(w.t, err)
	return &dynamic
}

func (w *wire) static(s *tfprotov6.Schema, dynamic *tfprotov6.DynamicValue) tftypes.Value {
	w.t.Helper()
	value, err := dynamic.Unmarshal(s.ValueType())
	require.NoError(w.t, err)
	return value
}

func (w *wire) attributes(value tftypes.Value) map[string]tftypes.Value {
	w.t.Helper()
	attributes := map[string]tftypes.Value{}
	require.NoError(w.t, value.As(&attributes))
	return attributes
}

// proposed is what Terraform proposes: the configuration, and what is computed as it was.
func (w *wire) proposed(s *tfprotov6.Schema, config, prior tftypes.Value) tftypes.Value {
	w.t.Helper()
	if prior.IsNull() {
		return config
	}
	merged, was := maps.Clone(w.attributes(config)), w.attributes(prior)
	for _, a := range s.Block.Attributes {
		if a.Computed && merged[a.Name].IsNull() {
			merged[a.Name] = was[a.Name]
		}
	}
	return tftypes.NewValue(s.ValueType(), merged)
}

// validate returns what terraform validate would say, with and without the fast path.
func (w *wire) validate(typ string, config any) []*tfprotov6.Diagnostic {
	w.t.Helper()
	s := w.schema(typ)
	req := &tfprotov6.ValidateResourceConfigRequest{TypeName: typ, Config: w.dynamic(s, w.value(s, config))}
	resp, err := w.server.ValidateResourceConfig(w.t.Context(), req)
	require.NoError(w.t, err)
	same, err := w.slow.ValidateResourceConfig(w.t.Context(), req)
	require.NoError(w.t, err)
	require.ElementsMatch(w.t, said(same.Diagnostics), said(resp.Diagnostics), "the fast path says what the framework says") // which takes attributes in any order
	return resp.Diagnostics
}

// null is the state of what does not exist.
func (w *wire) null(typ string) tftypes.Value {
	return tftypes.NewValue(w.schema(typ).ValueType(), nil)
}

// plan returns the planned state.
func (w *wire) plan(typ string, prior tftypes.Value, config any) (tftypes.Value, []*tfprotov6.Diagnostic) {
	w.t.Helper()
	s := w.schema(typ)
	value := w.value(s, config)
	resp, err := w.server.PlanResourceChange(w.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: typ, PriorState: w.dynamic(s, prior), Config: w.dynamic(s, value), ProposedNewState: w.dynamic(s, w.proposed(s, value, prior)),
	})
	require.NoError(w.t, err)
	return w.static(s, resp.PlannedState), resp.Diagnostics
}

// apply plans and applies; both have to go well.
func (w *wire) apply(typ string, prior tftypes.Value, config any) tftypes.Value {
	w.t.Helper()
	s := w.schema(typ)
	planned, diagnostics := w.plan(typ, prior, config)
	require.Empty(w.t, diagnostics)
	resp, err := w.server.ApplyResourceChange(w.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typ, PriorState: w.dynamic(s, prior), PlannedState: w.dynamic(s, planned), Config: w.dynamic(s, w.value(s, config)),
	})
	require.NoError(w.t, err)
	require.Empty(w.t, resp.Diagnostics)
	return w.static(s, resp.NewState)
}

// read refreshes a state.
func (w *wire) read(typ string, state tftypes.Value) tftypes.Value {
	w.t.Helper()
	s := w.schema(typ)
	resp, err := w.server.ReadResource(w.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: typ, CurrentState: w.dynamic(s, state)})
	require.NoError(w.t, err)
	require.Empty(w.t, resp.Diagnostics)
	return w.static(s, resp.NewState)
}

// said lists diagnostics as "path: summary: detail"; the path is empty where there is none.
func said(diagnostics []*tfprotov6.Diagnostic) []string {
	lines := []string{}
	for _, d := range diagnostics {
		at := ""
		if d.Attribute != nil {
			at = d.Attribute.String()
		}
		lines = append(lines, at+": "+d.Summary+": "+d.Detail)
	}
	return lines
}
