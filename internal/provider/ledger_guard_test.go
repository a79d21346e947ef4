package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// process is a provider process over the ledger at a path, as Terraform starts one for each command. It carries private state.
type process struct {
	*wire
	requests atomic.Int64 // of /v1/ledger
}

func newProcess(t *testing.T, path string, settings map[string]any) *process {
	t.Helper()
	if settings == nil {
		settings = map[string]any{}
	}
	h := acctest.NewAt(t, path)
	host, p := h.Host(), &process{}
	open := host.Open
	host.Open = func(ctx context.Context, address string) (http.RoundTripper, error) {
		transport, err := open(ctx, address)
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/v1/ledger" {
				p.requests.Add(1)
			}
			return transport.RoundTrip(r)
		}), err
	}
	p.wire = &wire{t: t, server: provider.Server("test", host)}
	var err error
	p.schemas, err = p.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(t, err)
	config := p.dynamic(p.schemas.Provider, p.value(p.schemas.Provider, settings))
	resp, err := p.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})
	require.NoError(t, err)
	require.Empty(t, said(resp.Diagnostics))
	return p
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// kept is one resource as a state has it.
type kept struct {
	typ     string
	config  map[string]any
	state   tftypes.Value
	private []byte
}

// planned plans a change to a configuration, nil to destroy.
func (p *process) planned(k kept, config map[string]any) *tfprotov6.PlanResourceChangeResponse {
	p.t.Helper()
	s := p.schema(k.typ)
	value := tftypes.NewValue(s.ValueType(), nil)
	proposed := value
	if config != nil {
		value = p.value(s, config)
		proposed = p.proposed(s, value, k.state)
	}
	resp, err := p.server.PlanResourceChange(p.t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: k.typ, PriorPrivate: k.private,
		PriorState: p.dynamic(s, k.state), Config: p.dynamic(s, value), ProposedNewState: p.dynamic(s, proposed)})
	require.NoError(p.t, err)
	return resp
}

// applied applies a change that was planned by any process.
func (p *process) applied(k kept, config map[string]any, plan *tfprotov6.PlanResourceChangeResponse) *tfprotov6.ApplyResourceChangeResponse {
	p.t.Helper()
	s := p.schema(k.typ)
	value := tftypes.NewValue(s.ValueType(), nil)
	if config != nil {
		value = p.value(s, config)
	}
	resp, err := p.server.ApplyResourceChange(p.t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: k.typ, PriorState: p.dynamic(s, k.state),
		PlannedState: plan.PlannedState, PlannedPrivate: plan.PlannedPrivate, PlannedIdentity: plan.PlannedIdentity, Config: p.dynamic(s, value)})
	require.NoError(p.t, err)
	return resp
}

func (p *process) refreshed(k kept) *tfprotov6.ReadResourceResponse {
	p.t.Helper()
	resp, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: k.typ, CurrentState: p.dynamic(p.schema(k.typ), k.state), Private: k.private})
	require.NoError(p.t, err)
	return resp
}

func (p *process) created(typ string, config map[string]any) kept {
	p.t.Helper()
	k := kept{typ: typ, config: config, state: p.null(typ)}
	plan := p.planned(k, config)
	require.Empty(p.t, plan.Diagnostics)
	resp := p.applied(k, config, plan)
	require.Empty(p.t, resp.Diagnostics)
	k.state, k.private = p.static(p.schema(typ), resp.NewState), resp.Private
	return k
}

func plainEnvironment(name string) map[string]any {
	return map[string]any{"name": name, "tier": "testing", "deletion_protection": false, "config": map[string]any{"A": name}}
}

func freezeOf(name string) map[string]any {
	return map[string]any{"name": name, "reason": "audit", "tiers": []string{"testing"}, "starts_at": "2027-01-01T00:00:00Z", "ends_at": "2027-01-02T00:00:00Z"}
}

// created returns a freeze and the environment that it freezes, which is created before it and destroyed after it.
func created(p *process) []kept {
	environment := p.created("cd_environment", plainEnvironment("eu"))
	return []kept{p.created("cd_freeze", freezeOf("audit")), environment}
}

// everyUse asks everything that can be asked about a resource, and returns what was said. It ends with a destroy.
func (p *process) everyUse(planner *process, k kept) map[string][]string {
	p.t.Helper()
	changed := map[string]any{}
	for key, value := range k.config {
		changed[key] = value
	}
	if k.typ == "cd_environment" {
		changed["config"] = map[string]any{"A": "changed"}
	} else {
		changed["reason"] = "changed"
	}
	update, destroy := planner.planned(k, changed), planner.planned(k, nil)
	require.Empty(p.t, append(update.Diagnostics, destroy.Diagnostics...))
	uses := map[string][]string{}
	read := p.refreshed(k)
	uses["read"] = said(read.Diagnostics)
	uses["plan of nothing"] = said(p.planned(k, k.config).Diagnostics)
	uses["plan of a change"] = said(p.planned(k, changed).Diagnostics)
	uses["plan of a destroy"] = said(p.planned(k, nil).Diagnostics)
	done := func(use string, resp *tfprotov6.ApplyResourceChangeResponse) {
		uses[use] = said(resp.Diagnostics)
		if len(resp.Diagnostics) > 0 {
			require.True(p.t, p.static(p.schema(k.typ), resp.NewState).Equal(k.state), "%s: the state stays", use)
			require.Equal(p.t, k.private, resp.Private, use)
		}
	}
	done("update", p.applied(k, changed, update))
	done("destroy", p.applied(k, nil, destroy))
	return uses
}

// copyFile copies a ledger that no process has open.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, text, 0o600))
}

// writeAlone runs one process and closes its ledger, so that its file can be copied.
func writeAlone(t *testing.T, path string, do func(p *process)) {
	t.Helper()
	t.Run("process", func(t *testing.T) { do(newProcess(t, path, nil)) })
}

func TestALedgerThatTheStateDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name+".db") }
	var resources []kept
	writeAlone(t, at("right"), func(p *process) { p.created("cd_environment", plainEnvironment("first")) })
	copyFile(t, at("right"), at("older"))
	copyFile(t, at("right"), at("forked"))
	writeAlone(t, at("right"), func(p *process) {
		resources = []kept{p.created("cd_environment", plainEnvironment("eu")), p.created("cd_freeze", freezeOf("audit"))}
	})
	writeAlone(t, at("forked"), func(p *process) {
		for i := range 3 {
			p.created("cd_environment", plainEnvironment(fmt.Sprint("else-", i)))
		}
	})
	writeAlone(t, at("other"), func(p *process) {
		p.created("cd_environment", plainEnvironment("eu"))
		p.created("cd_freeze", freezeOf("audit"))
	})
	for name, says := range map[string]string{
		"older": "this is an older copy of the ledger: it ends with event 1, and the state was written after event", "forked": "this ledger has another history: its event",
		"other": "this is another ledger", "missing": "there is no ledger here",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planner := newProcess(t, at("right"), nil)
			p := newProcess(t, at(name), nil)
			for _, k := range resources {
				for use, lines := range p.everyUse(planner, k) {
					require.Len(t, lines, 1, use)
					require.Contains(t, lines[0], "Unable to use this ledger: "+says, use)
					require.Contains(t, lines[0], "terraform-provider-cd ledger adopt ", use)
				}
			}
			require.EqualValues(t, 1, p.requests.Load(), "the ledger is asked once, however many resources there are")
			if name == "missing" {
				require.NoFileExists(t, at(name))
			}
		})
	}
}

// The right ledger is recognized by each resource, in the fast path and by the framework, and private state stays as it is.
func TestTheLedgerOfTheStateIsRecognized(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	p := newProcess(t, path, nil)
	for _, k := range created(p) {
		require.Contains(t, string(k.private), `"ledger"`)
		again := newProcess(t, path, nil)
		read, plan := again.refreshed(k), again.planned(k, k.config)
		require.Empty(t, said(append(read.Diagnostics, plan.Diagnostics...)))
		require.JSONEq(t, string(k.private), string(read.Private))
		require.JSONEq(t, string(k.private), string(plan.PlannedPrivate))
		require.EqualValues(t, 1, again.requests.Load())
		for use, lines := range again.everyUse(again, k) {
			require.Empty(t, lines, use)
		}
	}
}

// An import has no private state, and neither has what an earlier version wrote. The next read gives it a position.
func TestAStateWithoutAPositionGetsOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	first := newProcess(t, path, nil)
	for _, k := range created(first) {
		k.private = nil
		read := newProcess(t, path, nil).refreshed(k)
		require.Empty(t, said(read.Diagnostics))
		require.Contains(t, string(read.Private), `"ledger"`)
		k.private = read.Private
		other := newProcess(t, filepath.Join(t.TempDir(), "other.db"), nil)
		require.Contains(t, said(other.refreshed(k).Diagnostics)[0], "there is no ledger here")
	}
	k := first.created("cd_environment", plainEnvironment("us"))
	k.private = []byte(`{"other":"e30="}`)
	read := newProcess(t, path, nil).refreshed(k)
	require.Contains(t, string(read.Private), `"other":"e30="`, "what others keep stays")
	require.Contains(t, string(read.Private), `"ledger"`)
}

// A ledger that was adopted is accepted, and known from the next read on.
func TestAnAdoptedLedgerIsAccepted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := newProcess(t, filepath.Join(dir, "lost.db"), nil).created("cd_environment", plainEnvironment("eu"))
	next := filepath.Join(dir, "next.db")
	newProcess(t, next, nil).created("cd_environment", plainEnvironment("eu"))
	refusal := said(newProcess(t, next, nil).refreshed(k).Diagnostics)[0]
	_, command, found := strings.Cut(refusal, "ledger adopt ")
	require.True(t, found, refusal)
	words := strings.Fields(command)
	position, err := positionOf(words)
	require.NoError(t, err)
	_, err = ledger.Adopt(t.Context(), next, position, ledger.By{Actor: acctest.Actor, At: time.Now()})
	require.NoError(t, err)

	p := newProcess(t, next, nil)
	read := p.refreshed(k)
	require.Empty(t, said(read.Diagnostics))
	require.NotEqual(t, string(k.private), string(read.Private), "it knows the new ledger")
	for use, lines := range p.everyUse(p, k) {
		require.Empty(t, lines, use)
	}
}

// ledger_id is compared before anything else, even where no resource knows a ledger yet.
func TestLedgerIDRefusesAnyOtherLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	first := newProcess(t, path, nil)
	k := first.created("cd_environment", plainEnvironment("eu"))
	report, err := ledger.Verify(t.Context(), path, "", func(string, int64, int64) {})
	require.NoError(t, err)

	right := newProcess(t, path, map[string]any{"ledger_id": report.ID})
	require.Empty(t, said(right.refreshed(k).Diagnostics))
	right.created("cd_environment", plainEnvironment("us"))

	wrong := map[string]any{"ledger_id": strings.Repeat("0", 32)}
	for name, says := range map[string]string{path: "this is ledger " + report.ID + ", and ledger_id is 000", filepath.Join(dir, "missing.db"): "there is no ledger here, and ledger_id is"} {
		p := newProcess(t, name, wrong)
		fresh := kept{typ: "cd_environment", state: p.null("cd_environment")}
		for use, found := range map[string][]*tfprotov6.Diagnostic{
			"read": p.refreshed(k).Diagnostics, "plan": p.planned(k, k.config).Diagnostics, "plan of a create": p.planned(fresh, plainEnvironment("de")).Diagnostics,
			"create": p.applied(fresh, plainEnvironment("de"), first.planned(fresh, plainEnvironment("de"))).Diagnostics,
		} {
			require.Len(t, found, 1, use)
			require.Contains(t, said(found)[0], says, use)
		}
	}
	require.NoFileExists(t, filepath.Join(dir, "missing.db"))
	validated, err := right.server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{
		Config: right.dynamic(right.schemas.Provider, right.value(right.schemas.Provider, map[string]any{"ledger_id": "mine"}))})
	require.NoError(t, err)
	require.Contains(t, said(validated.Diagnostics)[0], "must be the id of a ledger")
}

// A ledger that was moved says so in each plan, once.
func TestAMovedLedgerWarns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	k := newProcess(t, path, nil).created("cd_environment", plainEnvironment("eu"))
	_, err := ledger.Move(t.Context(), path, filepath.Join(dir, "moved.db"), ledger.By{Actor: acctest.Actor, At: time.Now()}, func(string, int64, int64) {})
	require.NoError(t, err)
	p := newProcess(t, path, nil)
	require.Contains(t, said(p.refreshed(k).Diagnostics)[0], "The ledger was moved: this ledger takes no more changes: it was moved to "+filepath.Join(dir, "moved.db"))
	require.Empty(t, said(p.planned(k, k.config).Diagnostics))
	moved := newProcess(t, filepath.Join(dir, "moved.db"), nil)
	for use, lines := range moved.everyUse(moved, k) {
		require.Empty(t, lines, use)
	}
}

func positionOf(words []string) (delivery.LedgerPosition, error) {
	return delivery.LedgerPositionOf(words[0], words[1], words[2])
}
