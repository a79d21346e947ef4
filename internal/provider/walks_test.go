package provider_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/planned"
)

// declaration is one resource block.
type declaration struct {
	name, typ string
	config    map[string]any
}

// outcome is what a walk did with one resource.
type outcome struct {
	action        string // "", create, update, replace
	before, after tftypes.Value
	diagnostics   []*tfprotov6.Diagnostic
	private       []byte // what Terraform keeps of it
}

func (o outcome) failed() bool {
	for _, d := range o.diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return true
		}
	}
	return false
}

// said joins what the walk said of the resource.
func (o outcome) said() string { return strings.Join(said(o.diagnostics), "\n") }

// walks drives several resources over the protocol as Terraform does: each plan and each apply is a walk of its own, in which
// the resources come in the order of their dependencies.
type walks struct {
	*wire
	state map[string]tftypes.Value
	dir   string // where the files of the configuration are; empty for none
	// unordered leaves out of the files what makes each resource come after those before it.
	unordered bool
	// keeps is true for a Terraform that keeps the private data of planned changes: 1.16 or later. loses is true if it says so, and the data does
	// not arrive.
	keeps, loses bool
}

func newWalks(t *testing.T, s shop) *walks {
	t.Helper()
	return &walks{wire: newWire(t, s.Harness), state: map[string]tftypes.Value{}, dir: s.Dir}
}

// writeFiles writes the configuration of a walk.
func (w *walks) writeFiles(all []declaration) {
	w.t.Helper()
	if w.dir == "" {
		return
	}
	resources, earlier := map[string]map[string]any{}, []string{}
	for _, d := range all {
		if resources[d.typ] == nil {
			resources[d.typ] = map[string]any{}
		}
		block := maps.Clone(d.config)
		if !w.unordered {
			block["depends_on"] = slices.Clone(earlier)
		}
		resources[d.typ][d.name] = block
		earlier = append(earlier, d.typ+"."+d.name)
	}
	text, err := json.Marshal(map[string]any{"resource": resources})
	require.NoError(w.t, err)
	text = bytes.ReplaceAll(text, []byte(`\u0000unknown`), []byte("${terraform_data.late.output}"))
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, "main.tf.json"), text, 0o600))
}

func (w *walks) prior(d declaration) tftypes.Value {
	if state, ok := w.state[d.name]; ok {
		return state
	}
	return w.null(d.typ)
}

// refreshAndPlan is terraform plan.
func (w *walks) refreshAndPlan(all ...declaration) map[string]outcome {
	w.t.Helper()
	w.nameContent(all)
	w.refresh(all)
	found := map[string]outcome{}
	for _, d := range all {
		found[d.name] = w.planOne(d, w.prior(d))
	}
	return found
}

func (w *walks) refresh(all []declaration) {
	w.t.Helper()
	w.writeFiles(all)
	w.configure()
	for _, d := range all {
		if prior := w.prior(d); !prior.IsNull() {
			w.state[d.name] = w.read(d.typ, prior)
		}
	}
}

// asPlanned is the content of a decision that names what the plan shows, as a person who has read the plan writes it.
const asPlanned = "as planned"

// line is how a plan says what to write.
var line = regexp.MustCompile(`content = "([0-9a-f]{12})"`)

// nameContent writes the content of each decision that has none of its own: as in the state, or as the plan says that it is to be written.
func (w *walks) nameContent(all []declaration) {
	w.t.Helper()
	decides := func(d declaration) bool { return d.config["content"] == asPlanned }
	if !slices.ContainsFunc(all, decides) {
		return
	}
	w.refresh(all)
	for _, d := range all {
		if !decides(d) {
			w.planOne(d, w.prior(d))
			continue
		}
		d.config["content"] = "000000000000"
		if prior := w.prior(d); !prior.IsNull() {
			d.config["content"] = w.attribute(prior, "content")
		}
		o := w.planOne(d, w.prior(d))
		if told := line.FindStringSubmatch(o.said()); o.failed() && told != nil { // what a warning tells is for those who decide again
			d.config["content"] = told[1]
			w.planOne(d, w.prior(d))
		}
	}
}

func (w *walks) planOne(d declaration, prior tftypes.Value) outcome {
	w.t.Helper()
	return w.planAgain(d, prior, nil)
}

// planAgain plans in an apply, which gets what was kept of the plan.
func (w *walks) planAgain(d declaration, prior tftypes.Value, kept []byte) outcome {
	w.t.Helper()
	resp := w.ask(d, prior, kept)
	o := outcome{before: prior, after: w.static(w.schema(d.typ), resp.PlannedState), diagnostics: resp.Diagnostics}
	switch {
	case prior.IsNull():
		o.action = "create"
	case len(resp.RequiresReplace) > 0:
		resp = w.ask(d, w.null(d.typ), nil) // Terraform asks again, as if there were nothing
		o.action, o.after = "replace", w.static(w.schema(d.typ), resp.PlannedState)
		o.diagnostics = append(o.diagnostics, resp.Diagnostics...)
	case !o.after.Equal(prior):
		o.action = "update"
	}
	o.private = resp.PlannedPrivate
	return o
}

func (w *walks) ask(d declaration, prior tftypes.Value, kept []byte) *tfprotov6.PlanResourceChangeResponse {
	w.t.Helper()
	s := w.schema(d.typ)
	value := w.value(s, d.config)
	ctx := w.t.Context()
	if w.keeps {
		ctx = planned.With(ctx, planned.Data{Stored: true, Kept: kept})
	}
	resp, err := w.server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: d.typ, PriorState: w.dynamic(s, prior), Config: w.dynamic(s, value), ProposedNewState: w.dynamic(s, w.proposed(s, value, prior)),
	})
	require.NoError(w.t, err)
	return resp
}

// apply is terraform apply: a plan that has to go well, then a walk that carries it out and stops at the first error.
func (w *walks) apply(all ...declaration) map[string]outcome {
	w.t.Helper()
	plans := w.refreshAndPlan(all...)
	for name, o := range plans {
		require.False(w.t, o.failed(), "%s: %s", name, o.said())
	}
	w.configure()
	found := map[string]outcome{}
	for _, d := range all {
		if plans[d.name].action == "" {
			continue
		}
		found[d.name] = w.applyOne(d, plans[d.name])
		if found[d.name].failed() {
			break
		}
		w.state[d.name] = found[d.name].after
	}
	return found
}

// applyOne carries out what was planned; the result has to be what was planned, wherever that was known.
func (w *walks) applyOne(d declaration, made outcome) outcome {
	w.t.Helper()
	prior := made.before
	if made.action == "replace" {
		w.change(d, prior, w.null(d.typ))
		prior = w.null(d.typ)
	}
	kept := made.private
	if w.loses {
		kept = nil
	}
	again := w.planAgain(d, prior, kept) // in the apply's own process
	if again.failed() {
		return again
	}
	w.requireAsPlanned(d, made.after, again.after)
	after, diagnostics := w.changeWith(d, prior, again.after, again.private)
	o := outcome{action: made.action, before: prior, after: after, diagnostics: diagnostics}
	if !o.failed() {
		w.requireAsPlanned(d, again.after, after)
	}
	return o
}

func (w *walks) change(d declaration, prior, planned tftypes.Value) (tftypes.Value, []*tfprotov6.Diagnostic) {
	w.t.Helper()
	return w.changeWith(d, prior, planned, nil)
}

// changeWith is change, with the private data of the plan.
func (w *walks) changeWith(d declaration, prior, planned tftypes.Value, private []byte) (tftypes.Value, []*tfprotov6.Diagnostic) {
	w.t.Helper()
	s := w.schema(d.typ)
	config := w.value(s, d.config)
	if planned.IsNull() {
		config = planned
	}
	resp, err := w.server.ApplyResourceChange(w.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: d.typ, PriorState: w.dynamic(s, prior), PlannedState: w.dynamic(s, planned), Config: w.dynamic(s, config), PlannedPrivate: private,
	})
	require.NoError(w.t, err)
	require.NotContains(w.t, string(resp.Private), `"order"`, "what a plan kept for its apply stays out of the state")
	return w.static(s, resp.NewState), resp.Diagnostics
}

// planRemoval is terraform plan of a configuration that no longer has the resource, as far as it is concerned.
func (w *walks) planRemoval(d declaration) []*tfprotov6.Diagnostic {
	w.t.Helper()
	s := w.schema(d.typ)
	gone := w.dynamic(s, w.null(d.typ))
	resp, err := w.server.PlanResourceChange(w.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: d.typ, PriorState: w.dynamic(s, w.prior(d)), Config: gone, ProposedNewState: gone,
	})
	require.NoError(w.t, err)
	require.True(w.t, w.static(s, resp.PlannedState).IsNull())
	return resp.Diagnostics
}

// remove plans and carries out that the resource goes away, and returns what the plan said.
func (w *walks) remove(d declaration) []*tfprotov6.Diagnostic {
	w.t.Helper()
	w.configure()
	foretold := w.planRemoval(d)
	after, diagnostics := w.change(d, w.prior(d), w.null(d.typ))
	require.Empty(w.t, diagnostics)
	require.True(w.t, after.IsNull())
	delete(w.state, d.name)
	return foretold
}

// requireAsPlanned is Terraform's own check of a provider: what was known in the plan comes true.
func (w *walks) requireAsPlanned(d declaration, planned, actual tftypes.Value) {
	w.t.Helper()
	now := w.attributes(actual)
	for name, value := range w.attributes(planned) {
		if value.IsFullyKnown() {
			require.True(w.t, value.Equal(now[name]), "%s.%s: planned %s, got %s", d.name, name, value, now[name])
		}
	}
}

// attribute reads one attribute of a state or a plan as text.
func (w *walks) attribute(value tftypes.Value, name string) string {
	w.t.Helper()
	return w.text(w.attributes(value)[name])
}

func (w *walks) text(value tftypes.Value) string {
	w.t.Helper()
	if !value.IsKnown() {
		return unknown
	}
	var text string
	require.NoError(w.t, value.As(&text))
	return text
}

// order is what the shop's configuration asks for, as declarations; it mirrors testdata/shop.
type order struct {
	version   string
	attempt   int
	logLevel  string         // of production; default info
	gates     map[string]any // of production
	lenient   []any          // gates of production that may be overridden
	approval  map[string]any // beyond pipeline, version and stage
	report    map[string]any // beyond pipeline, version and suite
	override  map[string]any // beyond pipeline, version, stage and what is said about it
	promotion map[string]any // beyond pipeline and stage
	edit      func(name string, config map[string]any)
}

func (s shop) declare(o order) []declaration {
	s.t.Helper()
	page := filepath.Join(s.Dir, "shop-"+o.version+".html")
	text, err := os.ReadFile(page)
	require.NoError(s.t, err)
	place := func(name, tier, level string) declaration {
		return declaration{name, "cd_environment", map[string]any{"name": name, "tier": tier, "config": map[string]any{"LOG_LEVEL": level},
			"target": map[string]any{"directory": map[string]any{"path": filepath.Join(s.Dir, "srv", name)}}, "deletion_protection": false}}
	}
	production := map[string]any{"name": "production", "environments": []any{"production"}, "promotion": "manual"}
	if o.gates != nil {
		production["gates"] = o.gates
	}
	if o.lenient != nil {
		production["overridable"] = o.lenient
	}
	all := []declaration{
		place("staging", "staging", "debug"),
		place("production", "production", cmp.Or(o.logLevel, "info")),
		{"pipeline", "cd_pipeline", map[string]any{"name": "shop", "stages": []any{
			map[string]any{"name": "staging", "environments": []any{"staging"}, "promotion": "automatic"}, production}}},
		{"release", "cd_release", map[string]any{"pipeline": "shop", "version": o.version, "attempt": cmp.Or(o.attempt, 1),
			"source":    map[string]any{"revision": "v" + o.version, "author": "dave@example.com"},
			"artifacts": map[string]any{"page": map[string]any{"uri": page, "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(text))}}}},
	}
	more := func(name, typ string, config, with map[string]any) {
		if with != nil {
			maps.Copy(config, with)
			all = append(all, declaration{name, typ, config})
		}
	}
	more("report", "cd_test_report", map[string]any{"pipeline": "shop", "version": o.version, "suite": "unit"}, o.report)
	more("override", "cd_override", map[string]any{"pipeline": "shop", "version": o.version, "stage": "production", "reason": "checkout is down",
		"content": asPlanned, "ticket": "INC-7", "expires_at": "2027-03-01T18:00:00Z"}, o.override)
	more("approval", "cd_approval", map[string]any{"pipeline": "shop", "version": o.version, "stage": "production", "decision": "approve", "content": asPlanned}, o.approval)
	// Terraform fills in defaults only where the schema says so, which is inside the provider; the configuration leaves them out.
	more("promotion", "cd_promotion", map[string]any{"pipeline": "shop", "stage": "production", "version": o.version}, o.promotion)
	for _, d := range all {
		if o.edit != nil {
			o.edit(d.name, d.config)
		}
	}
	return all
}
