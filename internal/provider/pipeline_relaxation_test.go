package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// guarded has every gate in its last stage, and a verification.
const guarded = `{"name": "shop", "stages": [
	{"name": "one", "environments": ["first"], "promotion": "automatic"},
	{"name": "two", "environments": ["second"], "promotion": "automatic"},
	{"name": "three", "environments": ["third"], "promotion": "manual", "overridable": ["soak"],
		"gates": {
			"approvals": {"required": 2, "approvers": ["*"], "approvers": ["alice", "bob"], "expires_after": "72h",
				"signed_by": ["alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"]},
			"tests": {"unit": {"min_tests": 3, "max_failures": 1, "max_age": "24h"}},
			"soak": {"stage": "one", "duration": "1h"},
			"windows": {"office": {"days": ["mon"], "start": "09:00", "end": "16:00"}},
			"cooldown": {"duration": "4h"},
			"max_deploys": {"count": 3, "per": "24h"},
			"parity": {},
			"checks": {"rate": {"http": {"url": "https://metrics.example.com"}}},
			"expressions": {"ticket": {"condition": "'ticket' in release.labels", "message": "it names its ticket"}}},
		"verify": {"health": {"http": {"url": "https://shop.example.com"}}}}]}`

// Each way to make a stage easier to enter is said in plan; what makes it harder is not.
func TestPipelineEditSaysWhatItWeakens(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "main.tf"), nil, 0o600)) // without any file, the apply warns that it cannot look for misspelt keys
	w := newWire(t, h)
	for _, name := range []string{"first", "second", "third"} {
		w.apply(environmentType, w.null(environmentType), object(t, `{"name": "`+name+`", "tier": "other", "target": {"directory": {"path": "/srv/`+name+`"}}}`))
	}
	state := w.apply(pipelineType, w.null(pipelineType), object(t, guarded))
	type editing = func(stage, gates map[string]any)
	in := func(gate string, edits ...any) editing {
		return func(_, gates map[string]any) {
			for i := 0; i < len(edits); i += 2 {
				as[map[string]any](gates[gate])[as[string](edits[i])] = edits[i+1]
			}
		}
	}
	without := func(gate string) editing { return func(_, gates map[string]any) { delete(gates, gate) } }
	all := []any{"alice", "bob", "carol"}
	for name, c := range map[string]struct {
		edit editing
		says []string
	}{
		"no gates":           {func(stage, _ map[string]any) { delete(stage, "gates") }, []string{"gate approvals removed", "gate tests.unit removed", "gate soak removed", "gate windows removed", "gate cooldown removed", "gate max_deploys removed", "gate parity removed", "gate checks.rate removed", "gate expressions.ticket removed"}},
		"automatic":          {func(stage, _ map[string]any) { stage["promotion"] = "automatic" }, []string{"promotion changes from manual to automatic"}},
		"fewer approvals":    {in("approvals", "required", 1), []string{"1 approvals instead of 2"}},
		"more approvals":     {in("approvals", "required", 3, "approvers", all), []string{"carol may now approve"}},
		"anyone":             {in("approvals", "approvers", []any{"*"}), []string{"anyone may now approve"}},
		"authors":            {in("approvals", "allow_author", true), []string{"authors may now approve their own releases"}},
		"longer":             {in("approvals", "expires_after", nil), []string{"approvals are valid for longer"}},
		"shorter":            {in("approvals", "expires_after", "1h"), nil},
		"unsigned":           {in("approvals", "signed_by", nil), []string{"approvals no longer need a signature"}},
		"fewer tests":        {in("tests", "unit", map[string]any{"max_failures": 1, "max_age": "24h"}), []string{"gate tests.unit: 1 tests must run instead of 3"}},
		"more failures":      {in("tests", "unit", map[string]any{"min_tests": 3, "max_failures": 2, "max_age": "24h"}), []string{"gate tests.unit: 2 failures are allowed instead of 1"}},
		"older reports":      {in("tests", "unit", map[string]any{"min_tests": 3, "max_failures": 1}), []string{"gate tests.unit: older reports are accepted"}},
		"another suite":      {in("tests", "smoke", map[string]any{}), nil},
		"shorter soak":       {in("soak", "duration", "30m"), []string{"gate soak requires 30m instead of 1h"}},
		"soak elsewhere":     {in("soak", "stage", "two"), []string{"gate soak uses stage two instead of one"}},
		"wider window":       {in("windows", "office", map[string]any{"days": []any{"mon"}, "start": "08:00", "end": "16:00"}), []string{`window "office" is wider`}},
		"narrower window":    {in("windows", "office", map[string]any{"days": []any{"mon"}, "start": "10:00", "end": "16:00"}), nil},
		"another window":     {in("windows", "night", map[string]any{"start": "22:00"}), []string{`window "night" is added`}},
		"shorter cooldown":   {in("cooldown", "duration", "1h"), []string{"gate cooldown requires 1h instead of 4h"}},
		"more deploys":       {in("max_deploys", "count", 4), []string{"gate max_deploys allows 4 within 24h instead of 3 within 24h"}},
		"no parity":          {without("parity"), []string{"gate parity removed"}},
		"another check":      {in("checks", "rate", map[string]any{"http": map[string]any{"url": "https://other.example.com"}}), []string{"gate checks.rate changed"}},
		"another condition":  {in("expressions", "ticket", map[string]any{"condition": "true", "message": "it names its ticket"}), []string{"gate expressions.ticket changed"}},
		"another message":    {in("expressions", "ticket", map[string]any{"condition": "'ticket' in release.labels", "message": "say which ticket"}), nil},
		"more overridable":   {func(stage, _ map[string]any) { stage["overridable"] = []any{"soak", "windows"} }, []string{"windows can now be overridden"}},
		"nothing overridden": {func(stage, _ map[string]any) { delete(stage, "overridable") }, nil},
		"no verification":    {func(stage, _ map[string]any) { delete(stage, "verify") }, []string{`verification "health" removed`}},
		"renamed stage":      {func(stage, _ map[string]any) { stage["name"] = "last" }, []string{"cooldown and max_deploys do not count what was delivered to stage three"}},
		"halt":               {func(stage, _ map[string]any) { stage["on_failure"] = "halt" }, []string{"on_failure changes from rollback to halt"}},
		"goes on":            {func(stage, _ map[string]any) { stage["rollout"] = map[string]any{"max_failures": 1} }, []string{"a rollout goes on after 1 failed environments instead of 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := object(t, guarded)
			stage := as[map[string]any](as[[]any](config["stages"])[2])
			c.edit(stage, as[map[string]any](stage["gates"]))
			w.configure()
			planned, diagnostics := w.plan(pipelineType, state, config)
			require.False(t, planned.Equal(state))
			if c.says == nil && name == "nothing overridden" {
				require.Empty(t, diagnostics)
				return
			}
			require.Equal(t, oneWarning, severities(diagnostics))
			if c.says == nil {
				require.Equal(t, "This plan changes gates", diagnostics[0].Summary)
				require.Contains(t, diagnostics[0].Detail, `pipeline "shop", stage "three": previous_stage (two), approvals (`)
				return
			}
			require.Equal(t, `This edit weakens the gates of pipeline "shop"`, diagnostics[0].Summary)
			for _, text := range c.says {
				require.Contains(t, diagnostics[0].Detail, fmt.Sprintf(`stage %q: %s`, stage["name"], text))
			}
			require.Contains(t, diagnostics[0].Detail, "\nIt lets no waiting release through.")
		})
	}
	w.configure()
	_, diagnostics := w.plan(pipelineType, state, object(t, guarded))
	require.Empty(t, diagnostics, "what does not change weakens nothing")
}

// Nothing is grandfathered: an edit names the releases that wait and would get through.
func TestPipelineEditNamesWhomItLetsThrough(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	two := map[string]any{"approvals": map[string]any{"required": 2, "approvers": []any{"*"}}, "cooldown": map[string]any{"duration": "1h"}}
	wanted := func(gates map[string]any) []declaration {
		return s.declare(order{version: "1.0.0", gates: gates, promotion: map[string]any{"when_blocked": "pend"}})
	}
	w.apply(wanted(two)...)
	require.Equal(t, "waiting", w.attribute(w.state["promotion"], "status"))

	plan := w.refreshAndPlan(wanted(map[string]any{"approvals": map[string]any{"required": 2, "approvers": []any{"*"}}})...)
	require.Equal(t, []string{`: This edit weakens the gates of pipeline "shop": stage "production": gate cooldown removed` +
		"\nIt lets no waiting release through." + plannedLater + "\nWhat stages ask after this plan:\n  pipeline \"shop\", stage \"production\": previous_stage (staging), approvals (2 of anyone)"}, said(plan["pipeline"].diagnostics))

	plan = w.refreshAndPlan(wanted(nil)...)
	require.Equal(t, []string{`: This edit weakens the gates of pipeline "shop": stage "production": gate approvals removed` + "\n" + `stage "production": gate cooldown removed` +
		"\nReleases that it lets through: shop/1.0.0 into production." + plannedLater + "\nWhat stages ask after this plan:\n  pipeline \"shop\", stage \"production\": previous_stage (staging)"}, said(plan["pipeline"].diagnostics))
	require.Equal(t, "update", plan["promotion"].action)
}

// plannedLater is what a warning says while the configuration has releases that were not planned yet.
const plannedLater = "\nReleases that are planned after it are not counted here: each says itself whether it gets in by this change."
