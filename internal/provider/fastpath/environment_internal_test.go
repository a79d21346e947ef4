package fastpath

import (
	"context"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
)

// fakeSession knows one environment.
type fakeSession struct {
	environment delivery.Environment
	changes     *changeset.Collector
	refusal     error                      // of a declaration
	put         []delivery.EnvironmentSpec // what was declared
}

func (s *fakeSession) Environment(context.Context, string) (delivery.Environment, error) {
	return s.environment, nil
}

func (s *fakeSession) PutEnvironment(_ context.Context, spec delivery.EnvironmentSpec) (delivery.Environment, error) {
	s.put = append(s.put, spec)
	return s.environment, s.refusal
}

func (s *fakeSession) Changes() *changeset.Collector { return s.changes }

// framework counts the requests that are passed on.
type framework struct {
	tfprotov6.ProviderServer
	asked   int
	applied context.Context
}

func (f *framework) ApplyResourceChange(ctx context.Context, _ *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	f.asked++
	f.applied = ctx
	return nil, nil
}

func (f *framework) ReadResource(context.Context, *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	f.asked++
	return nil, nil
}

func (f *framework) PlanResourceChange(context.Context, *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	f.asked++
	return nil, nil
}

var (
	texts  = tftypes.Map{ElementType: tftypes.String}
	object = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"id": tftypes.String, "name": tftypes.String, "tier": tftypes.String, "replica_of": tftypes.String, "revision": tftypes.String,
		"config": texts, "secrets": texts, "platform": texts, "effective_config": texts,
		"parity": tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}, "target": tftypes.Object{AttributeTypes: map[string]tftypes.Type{}},
		"deletion_protection": tftypes.Bool,
	}}
	identity = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String}}

	plain = delivery.EnvironmentSpec{Name: "qa", Tier: delivery.TierTesting, Config: map[string]string{"A": "1"}}
)

// fixture is a server in front of a framework, and the configuration and the state of the environment plain.
type fixture struct {
	server        tfprotov6.ProviderServer
	session       *fakeSession
	next          *framework
	config, state *tfprotov6.DynamicValue
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{session: &fakeSession{environment: delivery.EnvironmentOf(plain), changes: changeset.New()}, next: &framework{}}
	f.server = New(f.next, Types{object, identity}, func() (Session, bool) { return f.session, true },
		func(string) (Resource, bool) { return Resource{}, false })
	variables := tftypes.NewValue(texts, map[string]tftypes.Value{"A": tftypes.NewValue(tftypes.String, "1")})
	written := map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, "qa"), "tier": tftypes.NewValue(tftypes.String, "testing"), "config": variables}
	f.config = encode(t, written)
	written["id"], written["effective_config"] = written["name"], variables
	written["revision"] = tftypes.NewValue(tftypes.String, f.session.environment.Status.Revision)
	written["deletion_protection"] = tftypes.NewValue(tftypes.Bool, false)
	f.state = encode(t, written)
	return f
}

// encode returns an environment with these attributes. The other attributes are null.
func encode(t *testing.T, set map[string]tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	values := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		values[name] = tftypes.NewValue(kind, nil)
	}
	maps.Copy(values, set)
	return dynamic(t, tftypes.NewValue(object, values))
}

func dynamic(t *testing.T, value tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	d, err := tfprotov6.NewDynamicValue(value.Type(), value)
	require.NoError(t, err)
	return &d
}

func (f *fixture) plan(t *testing.T, prior, proposed *tfprotov6.DynamicValue) *tfprotov6.PlanResourceChangeResponse {
	t.Helper()
	planned, err := f.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: environmentTypeName, PriorState: prior, ProposedNewState: proposed, Config: f.config})
	require.NoError(t, err)
	return planned
}

func (f *fixture) read(t *testing.T) *tfprotov6.ReadResourceResponse {
	t.Helper()
	read, err := f.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: environmentTypeName, CurrentState: f.state})
	require.NoError(t, err)
	return read
}

func TestPlainEnvironmentsNeedNoFramework(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	valid, err := f.server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: environmentTypeName, Config: f.config})
	require.NoError(t, err, "the framework of this test has no ValidateResourceConfig and would panic")
	require.Empty(t, valid.Diagnostics)
	require.Same(t, f.state, f.read(t).NewState)
	require.Same(t, f.state, f.plan(t, f.state, f.state).PlannedState)
	_, planned := f.session.changes.Environment("qa")
	require.True(t, planned, "environments that are planned later are compared with it")

	created := f.plan(t, dynamic(t, tftypes.NewValue(object, nil)), f.config)
	require.Equal(t, f.state.MsgPack, created.PlannedState.MsgPack, "the plan equals what is read back")
	require.Zero(t, f.next.asked)
}

func TestEnvironmentsThatOthersNameAreForTheFramework(t *testing.T) {
	t.Parallel()
	for name, relative := range map[string]delivery.EnvironmentSpec{
		"parity":  {Name: "staging", Parity: &delivery.Parity{With: "qa"}},
		"replica": {Name: "customer", ReplicaOf: "qa"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.session.changes.AddEnvironment(relative, true)
			require.Nil(t, f.plan(t, f.state, f.state))
			require.Nil(t, f.plan(t, dynamic(t, tftypes.NewValue(object, nil)), f.config))
			require.Equal(t, 2, f.next.asked)
		})
	}
}

// TestEveryDifferenceIsForTheFramework changes one thing at a time outside Terraform.
func TestEveryDifferenceIsForTheFramework(t *testing.T) {
	t.Parallel()
	protected := true
	for name, change := range map[string]func(*delivery.Environment){
		"target": func(e *delivery.Environment) {
			e.Spec.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv"}}
		},
		"parity":           func(e *delivery.Environment) { e.Spec.Parity = &delivery.Parity{With: "production"} },
		"source":           func(e *delivery.Environment) { e.Spec.ReplicaOf = "production" },
		"name":             func(e *delivery.Environment) { e.Spec.Name = "quality" },
		"tier":             func(e *delivery.Environment) { e.Spec.Tier = delivery.TierStaging },
		"config":           func(e *delivery.Environment) { e.Spec.Config = map[string]string{"A": "2"} },
		"secrets":          func(e *delivery.Environment) { e.Spec.Secrets = map[string]string{"TOKEN": "env:TOKEN"} },
		"platform":         func(e *delivery.Environment) { e.Spec.Platform = map[string]string{"os": "debian"} },
		"protection":       func(e *delivery.Environment) { e.Spec.DeletionProtection = &protected },
		"revision":         func(e *delivery.Environment) { e.Status.Revision = "sha256:0" },
		"effective config": func(e *delivery.Environment) { e.Status.EffectiveConfig = map[string]string{"A": "1", "B": "2"} },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			change(&f.session.environment)
			require.Nil(t, f.read(t))
			require.Equal(t, 1, f.next.asked)
		})
	}
}
