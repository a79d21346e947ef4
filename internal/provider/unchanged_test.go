package provider_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// passedOn counts the requests that reach the framework, by resource type.
type passedOn struct {
	tfprotov6.ProviderServer
	reads, plans map[string]int
	upgrades     int
}

func (p *passedOn) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	p.upgrades++
	return p.ProviderServer.UpgradeResourceState(ctx, req)
}

func (p *passedOn) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	p.reads[req.TypeName]++
	return p.ProviderServer.ReadResource(ctx, req)
}

func (p *passedOn) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	p.plans[req.TypeName]++
	return p.ProviderServer.PlanResourceChange(ctx, req)
}

// pair asks the provider and the framework's own server the same.
type pair struct {
	fast, slow *walks
	framework  *passedOn
}

func newPair(t *testing.T, s shop) *pair {
	t.Helper()
	p := &pair{fast: newWalks(t, s), slow: newWalks(t, s)}
	p.fast.server = provider.ServerOver(s.Host(), func(framework tfprotov6.ProviderServer) tfprotov6.ProviderServer {
		p.framework = &passedOn{ProviderServer: framework, reads: map[string]int{}, plans: map[string]int{}}
		return p.framework
	})
	p.slow.server = provider.FrameworkServer(s.Host())
	return p
}

// requireSame refreshes and plans with both, and returns what the framework was needed for.
func (p *pair) requireSame(t *testing.T, all []declaration) (reads, plans map[string]int) {
	t.Helper()
	p.framework.reads, p.framework.plans = map[string]int{}, map[string]int{}
	p.fast.configure()
	p.slow.configure()
	refreshed := map[string]tftypes.Value{}
	for _, d := range all {
		if prior := p.fast.prior(d); !prior.IsNull() {
			refreshed[d.name] = p.requireSameRead(t, d, prior)
		}
	}
	for _, d := range all {
		prior, ok := refreshed[d.name]
		if !ok {
			prior = p.fast.null(d.typ)
		}
		slow, fast := p.slow.ask(d, prior, nil), p.fast.ask(d, prior, nil)
		p.requireSameState(t, d, slow.PlannedState, fast.PlannedState)
		slow.PlannedState, fast.PlannedState = nil, nil
		require.Equal(t, slow, fast, "plan of %s", d.name)
	}
	return p.framework.reads, p.framework.plans
}

func (p *pair) requireSameRead(t *testing.T, d declaration, prior tftypes.Value) tftypes.Value {
	t.Helper()
	s := p.fast.schema(d.typ)
	read := func(w *walks) *tfprotov6.ReadResourceResponse {
		resp, err := w.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: d.typ, CurrentState: w.dynamic(s, prior)})
		require.NoError(t, err)
		return resp
	}
	fast, slow := read(p.fast), read(p.slow)
	state := p.requireSameState(t, d, slow.NewState, fast.NewState)
	slow.NewState, fast.NewState = nil, nil
	require.Equal(t, slow, fast, "read of %s", d.name)
	return state
}

// requireSameState compares values, because the order in which attributes are encoded means nothing.
func (p *pair) requireSameState(t *testing.T, d declaration, slow, fast *tfprotov6.DynamicValue) tftypes.Value {
	t.Helper()
	s := p.fast.schema(d.typ)
	value, other := p.fast.static(s, fast), p.slow.static(s, slow)
	require.True(t, other.Equal(value), "%s: %s, not %s", d.name, value, other)
	return value
}

var writtenGates = map[string]any{"approvals": map[string]any{"required": 1, "approvers": []any{"alice@example.com"}, "allow_author": true, "require_signed": false}}

func writtenOut(name string, config map[string]any) {
	if name != "pipeline" {
		return
	}
	for _, stage := range config["stages"].([]any) { //nolint:errcheck // a wrong type fails the test
		stage.(map[string]any)["on_failure"] = "rollback" //nolint:errcheck // a wrong type fails the test; the test's own merge of configuration and state is not that of nested defaults
	}
}

// A refresh and a plan that find nothing to do are answered as the framework answers them, but without it. Whatever is changed, in the
// configuration, in the ledger, in an environment or in the state, the answers are the framework's.
func TestUnchangedObjectsAreAnsweredAsTheFrameworkDoes(t *testing.T) {
	s := newShop(t)
	p := newPair(t, s)
	base := order{version: "1.0.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut}
	all := s.declare(base)
	p.requireSame(t, all) // a first plan
	for _, o := range p.fast.apply(all...) {
		require.False(t, o.failed(), o.said())
	}
	recognized := []string{"cd_pipeline", "cd_release", "cd_approval", "cd_promotion"}
	for _, state := range []string{"from before the promotion", "refreshed"} {
		before := p.fast.state["release"]
		reads, plans := p.requireSame(t, all)
		for _, typ := range recognized {
			require.Zero(t, reads[typ], "%s was read by the framework, with a state %s", typ, state)
			require.Zero(t, plans[typ], "%s was planned by the framework, with a state %s", typ, state)
		}
		p.fast.refreshAndPlan(all...)
		require.Equal(t, state == "refreshed", before.Equal(p.fast.state["release"]), "the promotion came after the state of the release")
	}
	for name, edits := range map[string]order{
		"another version":      {version: "1.1.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut},
		"another attempt":      {version: "1.0.0", attempt: 2, gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut},
		"no gates":             {version: "1.0.0", approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut},
		"other configuration":  {version: "1.0.0", logLevel: "debug", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut},
		"a comment":            {version: "1.0.0", gates: writtenGates, approval: map[string]any{"comment": "fine"}, promotion: map[string]any{}, edit: writtenOut},
		"another when_blocked": {version: "1.0.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{"when_blocked": "wait"}, edit: writtenOut},
		"defaults left out":    {version: "1.0.0", gates: oneApproval, approval: map[string]any{}, promotion: map[string]any{}},
	} {
		_, plans := p.requireSame(t, s.declare(edits))
		require.NotEmpty(t, plans, name)
	}
}

// What others did since the last apply shows as the framework shows it.
func TestChangesOutsideShowPastTheFramework(t *testing.T) {
	for name, outside := range map[string]func(t *testing.T, s shop, state map[string]string){
		"drift": func(t *testing.T, s shop, _ map[string]string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(s.Dir, "srv", "production", "shop", "current", "shop-1.0.0.html")))
		},
		"a freeze": func(t *testing.T, s shop, _ map[string]string) {
			t.Helper()
			_, err := s.Client("bob@example.com").PutFreeze(t.Context(), delivery.FreezeSpec{Name: "holidays", Reason: "holidays", Environments: []string{"production"},
				StartsAt: "2027-01-01T00:00:00Z", EndsAt: "2027-12-31T00:00:00Z"})
			require.NoError(t, err)
			require.NoError(t, os.Remove(filepath.Join(s.Dir, "srv", "production", "shop", "current", "shop-1.0.0.html")))
		},
		"a revoked approval": func(t *testing.T, s shop, state map[string]string) {
			t.Helper()
			require.NoError(t, s.Client("alice@example.com").RevokeApproval(t.Context(), state["approval"]))
		},
		"a void approval": func(t *testing.T, s shop, _ map[string]string) {
			t.Helper()
			bob := s.Client("bob@example.com")
			env, err := bob.Environment(t.Context(), "production")
			require.NoError(t, err)
			env.Spec.Config = map[string]string{"LOG_LEVEL": "debug"}
			_, err = bob.PutEnvironment(t.Context(), env.Spec)
			require.NoError(t, err)
		},
		"a retired release": func(t *testing.T, s shop, _ map[string]string) {
			t.Helper()
			require.NoError(t, s.Client("bob@example.com").DeleteRelease(t.Context(), "shop", "1.0.0"))
		},
		"a promotion that is no longer managed": func(t *testing.T, s shop, _ map[string]string) {
			t.Helper()
			require.NoError(t, s.Client("bob@example.com").DeletePromotion(t.Context(), "shop", "production"))
		},
		"another pipeline": func(t *testing.T, s shop, _ map[string]string) {
			t.Helper()
			bob := s.Client("bob@example.com")
			pipeline, err := bob.Pipeline(t.Context(), "shop")
			require.NoError(t, err)
			pipeline.Spec.Stages[0].Config = map[string]string{"A": "1"}
			_, err = bob.PutPipeline(t.Context(), pipeline.Spec)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			p := newPair(t, s)
			wanted := order{version: "1.0.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut}
			if strings.Contains(name, "approval") {
				wanted.promotion = nil // an approval under which the release was verified is neither revoked nor void
			}
			all := s.declare(wanted)
			for _, o := range p.fast.apply(all...) {
				require.False(t, o.failed(), o.said())
			}
			p.fast.refreshAndPlan(all...) // so that nothing but what others do makes a difference
			outside(t, s, map[string]string{"approval": p.fast.attribute(p.fast.state["approval"], "id")})
			reads, plans := p.requireSame(t, all)
			require.NotEmpty(t, append(keys(reads), keys(plans)...))
		})
	}
}

// An attribute with a default that is null in the state, as after an import, is planned by the framework.
func TestStatesThatLackDefaultsAreFilledIn(t *testing.T) {
	s := newShop(t)
	p := newPair(t, s)
	all := s.declare(order{version: "1.0.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut})
	p.fast.apply(all...)
	for name, attribute := range map[string]string{"release": "attempt", "promotion": "when_blocked"} {
		kept := p.fast.state[name]
		attributes := p.fast.attributes(kept)
		attributes[attribute] = tftypes.NewValue(attributes[attribute].Type(), nil)
		p.fast.state[name] = tftypes.NewValue(kept.Type(), attributes)
		p.requireSame(t, all)
		p.fast.state[name] = kept
	}
}

func keys(counts map[string]int) []string {
	names := []string{}
	for name := range counts {
		names = append(names, name)
	}
	return names
}

// Terraform sends each state as it is stored. One that the schema can hold comes back as it is; one with attributes that the schema no longer has
// goes through the framework, which drops them.
func TestStatesThatNeedNoUpgradePassTheFramework(t *testing.T) {
	s := newShopOn(t, acctest.New(t))
	p := newPair(t, s)
	p.fast.configure()
	p.slow.configure()
	upgraded := func(w *walks, typ string, text []byte) tftypes.Value {
		resp, err := w.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: typ, RawState: &tfprotov6.RawState{JSON: text}})
		require.NoError(t, err)
		require.Empty(t, resp.Diagnostics)
		return w.static(w.schema(typ), resp.UpgradedState)
	}
	for _, d := range s.declare(order{version: "1.0.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}}) {
		require.Zero(t, p.fast.schema(d.typ).Version, "%s: an older state has to be upgraded", d.typ)
		for _, gone := range []bool{false, true} {
			p.framework.upgrades = 0
			stored := maps.Clone(d.config)
			if gone {
				stored["gone"] = true
			}
			text, err := json.Marshal(stored)
			require.NoError(t, err)
			fast, slow := upgraded(p.fast, d.typ, text), upgraded(p.slow, d.typ, text)
			require.True(t, slow.Equal(fast), "%s: %s, not %s", d.name, fast, slow)
			require.Equal(t, gone, p.framework.upgrades == 1, d.name)
		}
	}
}
