package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// strict is a pipeline with every gate in its last stage.
func strict() PipelineSpec {
	p := shopFixture().Pipeline
	p.Stages[1].Verify = map[string]Check{"smoke": {HTTP: &HTTPCheck{URL: "https://shop.example.com"}}}
	p.Stages[1].Overridable = []string{"soak"}
	p.Stages[1].Gates = Gates{
		Approvals: &ApprovalsGate{Required: 2, Approvers: []string{"ann", "bob"}, ExpiresAfter: "2h", SignedBy: []string{"key of ann"}},
		Tests:     map[string]TestsGate{"unit": {MaxFailures: 1, MaxAge: "1h"}}, Soak: &SoakGate{Stage: "staging", Duration: "1h"},
		Windows: map[string]schedule.Window{"days": {Start: "09:00", End: "16:00"}}, Cooldown: &CooldownGate{Duration: "1h"},
		MaxDeploys: &MaxDeploysGate{Count: 2, Per: "24h"}, Parity: &ParityGate{},
		Checks: map[string]Check{"load": {HTTP: &HTTPCheck{URL: "https://load.example.com"}}}, Expressions: map[string]Expression{"ticket": {Condition: "true", Message: "m"}},
	}
	return p
}

// declared is everything that a fixture declares.
func declared(w World, pipelines ...PipelineSpec) Declarations {
	d := Declarations{Now: w.Now, Pipelines: pipelines, Policies: w.Policies, Freezes: w.Freezes}
	for _, name := range sortedKeys(w.Environments) {
		d.Environments = append(d.Environments, w.Environments[name])
	}
	return d
}

// pipelineRelaxation words what an edit of a pipeline of the fixture makes easier.
func pipelineRelaxation(before, after PipelineSpec) []string {
	was, is := declared(shopFixture(), before), declared(shopFixture(), after)
	return is.RelaxationLines(Relaxations(was, is), after.Name)
}

// TestRelaxationsOfAPipeline edits one thing at a time. What is not weaker is not reported.
func TestRelaxationsOfAPipeline(t *testing.T) {
	none := 0
	for name, c := range map[string]struct {
		edit func(stage *Stage, gates *Gates)
		want string
	}{
		"as it was":               {func(*Stage, *Gates) {}, ""},
		"automatic":               {func(s *Stage, _ *Gates) { s.Promotion = Automatic }, "promotion changes from manual to automatic"},
		"overridable":             {func(s *Stage, _ *Gates) { s.Overridable = []string{"parity", "soak"} }, "parity can now be overridden"},
		"no longer overridable":   {func(s *Stage, _ *Gates) { s.Overridable = nil }, ""},
		"no verification":         {func(s *Stage, _ *Gates) { s.Verify = nil }, `verification "smoke" removed`},
		"another verification":    {func(s *Stage, _ *Gates) { s.Verify = map[string]Check{"smoke": {}} }, `verification "smoke" changed`},
		"no approvals":            {func(_ *Stage, g *Gates) { g.Approvals = nil }, "gate approvals removed"},
		"fewer approvals":         {func(_ *Stage, g *Gates) { g.Approvals.Required = 1 }, "1 approvals instead of 2"},
		"more approvals":          {func(_ *Stage, g *Gates) { g.Approvals.Required = 3 }, ""},
		"anyone approves":         {func(_ *Stage, g *Gates) { g.Approvals.Approvers = []string{"ann", Anyone} }, "anyone may now approve"},
		"nobody approves":         {func(_ *Stage, g *Gates) { g.Approvals.Approvers = nil }, ""},
		"another approver":        {func(_ *Stage, g *Gates) { g.Approvals.Approvers = []string{"ann", "bob", "cid"} }, "cid may now approve"},
		"fewer approvers":         {func(_ *Stage, g *Gates) { g.Approvals.Approvers = []string{"ann"} }, ""},
		"authors approve":         {func(_ *Stage, g *Gates) { g.Approvals.AllowAuthor = true }, "authors may now approve their own releases"},
		"approvals never expire":  {func(_ *Stage, g *Gates) { g.Approvals.ExpiresAfter = "" }, "approvals are valid for longer"},
		"approvals expire later":  {func(_ *Stage, g *Gates) { g.Approvals.ExpiresAfter = "121m" }, "approvals are valid for longer"},
		"approvals expire sooner": {func(_ *Stage, g *Gates) { g.Approvals.ExpiresAfter = "119m" }, ""},
		"no signatures":           {func(_ *Stage, g *Gates) { g.Approvals.SignedBy = nil }, "approvals no longer need a signature"},
		"another key":             {func(_ *Stage, g *Gates) { g.Approvals.SignedBy = []string{"key of ann", "key of bob"} }, "another key may now sign approvals"},
		"no tests":                {func(_ *Stage, g *Gates) { g.Tests = nil }, "gate tests.unit removed"},
		"no test must run":        {func(_ *Stage, g *Gates) { g.Tests["unit"] = TestsGate{MinTests: &none, MaxFailures: 1, MaxAge: "1h"} }, "gate tests.unit: 0 tests must run instead of 1"},
		"more failures":           {func(_ *Stage, g *Gates) { g.Tests["unit"] = TestsGate{MaxFailures: 2, MaxAge: "1h"} }, "gate tests.unit: 2 failures are allowed instead of 1"},
		"reports of any age":      {func(_ *Stage, g *Gates) { g.Tests["unit"] = TestsGate{MaxFailures: 1} }, "gate tests.unit: older reports are accepted"},
		"older reports":           {func(_ *Stage, g *Gates) { g.Tests["unit"] = TestsGate{MaxFailures: 1, MaxAge: "61m"} }, "gate tests.unit: older reports are accepted"},
		"younger reports":         {func(_ *Stage, g *Gates) { g.Tests["unit"] = TestsGate{MaxAge: "59m"} }, ""},
		"no soak":                 {func(_ *Stage, g *Gates) { g.Soak = nil }, "gate soak removed"},
		"another soak":            {func(_ *Stage, g *Gates) { g.Soak.Stage = "canary" }, "gate soak uses stage canary instead of staging"},
		"a shorter soak":          {func(_ *Stage, g *Gates) { g.Soak.Duration = "59m" }, "gate soak requires 59m instead of 1h"},
		"a longer soak":           {func(_ *Stage, g *Gates) { g.Soak.Duration = "61m" }, ""},
		"no windows":              {func(_ *Stage, g *Gates) { g.Windows = nil }, "gate windows removed"},
		"a new window":            {func(_ *Stage, g *Gates) { g.Windows["nights"] = schedule.Window{Days: []string{"sun"}} }, `window "nights" is added`},
		"a wider window":          {func(_ *Stage, g *Gates) { g.Windows["days"] = schedule.Window{Start: "08:00", End: "16:00"} }, `window "days" is wider`},
		"a narrower window":       {func(_ *Stage, g *Gates) { g.Windows["days"] = schedule.Window{Start: "10:00", End: "16:00"} }, ""},
		"no cooldown":             {func(_ *Stage, g *Gates) { g.Cooldown = nil }, "gate cooldown removed"},
		"a shorter cooldown":      {func(_ *Stage, g *Gates) { g.Cooldown.Duration = "59m" }, "gate cooldown requires 59m instead of 1h"},
		"no max_deploys":          {func(_ *Stage, g *Gates) { g.MaxDeploys = nil }, "gate max_deploys removed"},
		"more deliveries":         {func(_ *Stage, g *Gates) { g.MaxDeploys.Count = 3 }, "gate max_deploys allows 3 within 24h instead of 2 within 24h"},
		"in a shorter time":       {func(_ *Stage, g *Gates) { g.MaxDeploys.Per = "23h" }, "gate max_deploys allows 2 within 23h instead of 2 within 24h"},
		"fewer, in a longer time": {func(_ *Stage, g *Gates) { *g.MaxDeploys = MaxDeploysGate{Count: 1, Per: "25h"} }, ""},
		"no parity":               {func(_ *Stage, g *Gates) { g.Parity = nil }, "gate parity removed"},
		"no check":                {func(_ *Stage, g *Gates) { g.Checks = nil }, "gate checks.load removed"},
		"another check":           {func(_ *Stage, g *Gates) { g.Checks["load"] = Check{} }, "gate checks.load changed"},
		"no expression":           {func(_ *Stage, g *Gates) { g.Expressions = nil }, "gate expressions.ticket removed"},
		"another expression":      {func(_ *Stage, g *Gates) { g.Expressions["ticket"] = Expression{Condition: "1 == 1", Message: "m"} }, "gate expressions.ticket changed"},
		"another message":         {func(_ *Stage, g *Gates) { g.Expressions["ticket"] = Expression{Condition: "true", Message: "why"} }, ""},
	} {
		after := strict()
		c.edit(&after.Stages[1], &after.Stages[1].Gates)
		requireRelaxation(t, c.want, `stage "production": `, pipelineRelaxation(strict(), after), name)
	}
}

// requireRelaxation demands one relaxation that begins so, or none.
func requireRelaxation(t *testing.T, want, where string, got []string, name string) {
	t.Helper()
	if want == "" {
		require.Empty(t, got, name)
		return
	}
	require.Len(t, got, 1, name)
	require.Contains(t, got[0], where+want, name)
}

func TestRelaxationsOfStages(t *testing.T) {
	before, removed := strict(), strict()
	removed.Stages = removed.Stages[:1]
	require.Equal(t, []string{`stage "production": removed, and its gates and checks with it`}, pipelineRelaxation(before, removed))
	before.Stages[1].Gates = Gates{}
	require.Empty(t, pipelineRelaxation(before, removed), "nothing was asked at the end of the path")
	first := strict()
	first.Stages = first.Stages[1:]
	require.Equal(t, []string{`stage "production": it is now the first stage: releases need not be verified before`,
		`stage "production": gate soak: stage staging lost environments`}, pipelineRelaxation(strict(), first))
	second := strict()
	second.Stages = append([]Stage{{Name: "canary"}}, second.Stages...)
	require.Empty(t, pipelineRelaxation(strict(), second), "a stage before the first is one more to pass")
}

func TestRelaxationsOfAPolicy(t *testing.T) {
	before := PolicySpec{Name: "calm", Tiers: []Tier{TierStaging, TierProduction}, Environments: []string{"eu", "us"}, Gates: strict().Stages[1].Gates}
	for name, c := range map[string]struct {
		edit func(*PolicySpec)
		want string
	}{
		"as it was":               {func(*PolicySpec) {}, ""},
		"one tier less":           {func(p *PolicySpec) { p.Tiers = p.Tiers[1:] }, "no longer holds for tier staging"},
		"one tier more":           {func(p *PolicySpec) { p.Tiers = Tiers() }, ""},
		"one environment less":    {func(p *PolicySpec) { p.Environments = p.Environments[:1] }, "no longer holds for environment us"},
		"one environment more":    {func(p *PolicySpec) { p.Environments = []string{"asia", "eu", "us"} }, ""},
		"without one of its gate": {func(p *PolicySpec) { p.Gates.Parity = nil }, "gate parity removed"},
	} {
		after := before
		c.edit(&after)
		requireRelaxation(t, c.want, `policy "calm": `, PolicyRelaxation(before, &after), name)
	}
	require.Equal(t, []string{`policy "calm": removed, and its gates with it`}, PolicyRelaxation(before, nil))
}

func TestRelaxationsOfParity(t *testing.T) {
	one, five := 1.0, 5.0
	before := EnvironmentSpec{Name: "stg", ReplicaOf: "eu", Parity: &Parity{With: "eu", Allow: map[string]Allowance{
		"SIZE": {Reason: "smaller", Min: &one, Max: &five, Until: "2027-06-01T00:00:00Z"}, "HOST": {Reason: "its own"}}}}
	bound := func(change func(*Allowance)) func(*EnvironmentSpec) {
		return func(e *EnvironmentSpec) {
			size := before.Parity.Allow["SIZE"]
			change(&size)
			e.Parity = &Parity{With: "eu", Allow: map[string]Allowance{"SIZE": size}}
		}
	}
	less, more := 0.5, 5.5
	for name, c := range map[string]struct {
		edit func(*EnvironmentSpec)
		want string
	}{
		"as it was":         {func(*EnvironmentSpec) {}, ""},
		"no replica":        {func(e *EnvironmentSpec) { e.ReplicaOf = "" }, "no longer a replica of eu"},
		"no parity":         {func(e *EnvironmentSpec) { e.Parity = nil }, "parity with eu removed"},
		"parity elsewhere":  {func(e *EnvironmentSpec) { e.Parity = &Parity{With: "us"} }, "parity is with us instead of eu"},
		"an allowance less": {func(e *EnvironmentSpec) { e.Parity = &Parity{With: "eu"} }, ""},
		"an allowance more": {func(e *EnvironmentSpec) {
			e.Parity = &Parity{With: "eu", Allow: map[string]Allowance{"A": {Reason: "why"}}}
		}, "A may now differ: why"},
		"a lower min":            {bound(func(a *Allowance) { a.Min = &less }), "SIZE may differ more: its min or max is wider"},
		"a higher min":           {bound(func(a *Allowance) { a.Min = &five }), ""},
		"no min":                 {bound(func(a *Allowance) { a.Min = nil }), "SIZE may differ more"},
		"a higher max":           {bound(func(a *Allowance) { a.Max = &more }), "SIZE may differ more"},
		"a lower max":            {bound(func(a *Allowance) { a.Max = &one }), ""},
		"no max":                 {bound(func(a *Allowance) { a.Max = nil }), "SIZE may differ more"},
		"for longer":             {bound(func(a *Allowance) { a.Until = "2027-06-01T00:00:01Z" }), "SIZE may differ for longer"},
		"for ever":               {bound(func(a *Allowance) { a.Until = "" }), "SIZE may differ for longer"},
		"for as long, elsewhere": {bound(func(a *Allowance) { a.Until = "2027-06-01T02:00:00+02:00" }), ""},
	} {
		after := before
		c.edit(&after)
		requireRelaxation(t, c.want, `environment "stg": `, ParityRelaxation(before, after), name)
	}
	require.Empty(t, ParityRelaxation(EnvironmentSpec{Name: "stg"}, before), "nothing was asked before")
}

// TestUnblocked removes the gate that a release waits at.
func TestUnblocked(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	w = wants(seen(w), "production", "1.0")
	blocked := w
	blocked.Pipeline = shopFixture().Pipeline
	blocked.Pipeline.Stages[1].Gates.Checks = map[string]Check{"load": {}}
	_, asked := blocked.Deliveries()
	require.Equal(t, []CheckKey{{Stage: "production", Version: "1.0", Name: "load"}}, asked.Checks)
	unblocked := func(before, after World) []string {
		was, _ := before.Deliveries()
		now, _ := after.Deliveries()
		return Unblocked("shop", before.History, was, now)
	}
	require.Equal(t, []string{"shop/1.0 into production"}, unblocked(blocked, w))
	require.Empty(t, unblocked(w, blocked), "it did not wait before")
	require.Empty(t, unblocked(blocked, blocked), "it still waits")
	unmanaged := w
	unmanaged.Promotions = map[string]Promotion{"production": {Spec: w.Promotions["production"].Spec, Unmanaged: true}}
	require.Empty(t, unblocked(blocked, unmanaged), "nobody carries it out")
	runs := blocked
	runs.History = NewHistory(append(w.History.Deployments(), deployed(w, 2, "1.0", "eu", Verified), deployed(w, 3, "1.0", "us", Verified)))
	moved := w
	moved.History, moved.Environments = runs.History, map[string]EnvironmentSpec{}
	for name, env := range w.Environments {
		env.Config = map[string]string{"REGION": "elsewhere"}
		moved.Environments[name] = env
	}
	require.Empty(t, unblocked(runs, moved), "its configuration changes, and it is there already")

	held := w
	held.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.0", "eu", Failed)})
	require.Empty(t, unblocked(blocked, held), "it is held instead")
}
