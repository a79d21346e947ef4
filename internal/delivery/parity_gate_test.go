package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// claims is the fixture with a staging that claims to equal eu, which nothing contradicts, and 1.0 tested there.
func claims() World {
	w := shopFixture()
	w.Pipeline.Stages[1].Gates.Parity = &ParityGate{}
	for name, with := range map[string]string{"stg": "eu", "us": "eu"} {
		env := w.Environments[name]
		env.Parity = &Parity{With: with, Allow: map[string]Allowance{"REGION": {Reason: "its own"}, "LOG": {Reason: "more is written in tests"}}}
		w.Environments[name] = env
	}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	return seen(w)
}

func TestParityGate(t *testing.T) {
	edit := func(env string, change func(*EnvironmentSpec)) func(*World) {
		return func(w *World) {
			spec := w.Environments[env]
			change(&spec)
			w.Environments[env] = spec
		}
	}
	size := edit("eu", func(e *EnvironmentSpec) { e.Config = map[string]string{"REGION": "eu", "SIZE": "9"} })
	unknown := func(w *World) { w.Observations["stg"] = Observation{Unknown: "it does not answer"} }
	for name, c := range map[string]struct {
		change  func(*World)
		verdict Verdict
		reason  string
	}{
		"as claimed": {func(*World) {}, VerdictPassed, "equal, except for declared differences"},
		"nobody claims": {func(w *World) {
			edit("stg", func(e *EnvironmentSpec) { e.Parity = nil })(w)
			edit("us", func(e *EnvironmentSpec) { e.Parity = nil })(w)
		}, VerdictFailed, "nothing is compared"},
		"with what does not exist": {edit("us", func(e *EnvironmentSpec) { e.Parity = &Parity{With: "gone"} }), VerdictFailed, `us declares parity with "gone", which does not exist`},
		"a key more": {size, VerdictFailed,
			`SIZE is absent in stg and "9" in eu (not declared in parity.allow); SIZE is absent in us and "9" in eu (not declared in parity.allow)`},
		"a key less where it was tested": {edit("stg", func(e *EnvironmentSpec) { e.Config = nil }), VerdictPassed, ""},
		"the stage's own configuration": {func(w *World) { w.Pipeline.Stages[1].Config = map[string]string{"SIZE": "9"} }, VerdictFailed,
			`SIZE is absent in stg and "9" in eu (not declared in parity.allow)`},
		"of the stage where it was tested": {func(w *World) { w.Pipeline.Stages[0].Config = map[string]string{"SIZE": "1"} }, VerdictFailed,
			`SIZE is "1" in stg and absent in eu (not declared in parity.allow)`},
		"tested with something else": {func(w *World) {
			d := *w.History.Latest("stg")
			d.Content.Config = map[string]string{"REGION": "stg", "SIZE": "1"}
			w.History.record(d)
		}, VerdictFailed, `SIZE was "1" in stg when 1.0 was tested there, and would be absent in eu (not declared in parity.allow); deliver it to stg again`},
		"not tested":     {func(w *World) { w.History = nil }, VerdictPending, "1.0 is not verified in stg yet, so nothing says what it was tested with"},
		"drifted":        {func(w *World) { w.Observations["stg"] = Observation{} }, VerdictFailed, "stg drifted: nothing runs there now, so it is not what 1.0 was tested with"},
		"cannot be seen": {unknown, VerdictPending, "whether stg drifted cannot be told: it does not answer"},
		"not looked at":  {func(w *World) { w.Observations = nil }, VerdictPending, "stg was not looked at yet"},
		"replaced by now": {func(w *World) {
			w.Observations = nil
			w.History = NewHistory([]Deployment{deployed(*w, 1, "1.0", "stg", Superseded), deployed(*w, 2, "1.1", "stg", Verified)})
		}, VerdictPassed, ""},
		"broken and unseen": {func(w *World) { size(w); unknown(w) }, VerdictFailed, `SIZE is absent in stg`},
		"without a target": {func(w *World) {
			w.Observations = nil
			w.History.record(w.History.Latest("stg").with(func(d *Deployment) { d.Content.Target = nil }))
		}, VerdictPassed, ""},
	} {
		w := claims()
		c.change(&w)
		g := production(w).parity()
		require.Equal(t, c.verdict, g.Verdict, "%s: %s", name, g.Reason)
		require.Contains(t, g.Reason, c.reason, name)
	}
}

// TestParityIsClaimedInEitherDirection has production claim to equal staging: its own allowances count, and its values come first.
func TestParityIsClaimedInEitherDirection(t *testing.T) {
	one, nine := 1.0, 9.0
	w := shopFixture()
	eu := w.Environments["eu"]
	eu.Config["SIZE"] = "9"
	eu.Parity = &Parity{With: "stg", Allow: map[string]Allowance{"REGION": {Reason: "its own"}, "LOG": {Reason: "in production"}, "SIZE": {Reason: "larger", Min: &nine, Max: &nine}}}
	w.Environments["eu"] = eu
	w.Environments["stg"].Config["SIZE"] = "1"
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	w = seen(w)
	require.Equal(t, VerdictPassed, production(w).parity().Verdict)

	eu.Parity.Allow["SIZE"] = Allowance{Reason: "smaller", Min: &one, Max: &one}
	require.Equal(t, `SIZE is "9" in eu and "1" in stg (parity.allow["SIZE"] does not cover it: 9 is above max 1)`, production(w).parity().Reason, "it is said once")
	d := w.History.Latest("stg").with(func(d *Deployment) { d.Content.Config = map[string]string{"REGION": "stg", "SIZE": "2"} })
	w.History.record(d)
	require.Equal(t, `SIZE is "9" in eu and "1" in stg (parity.allow["SIZE"] does not cover it: 9 is above max 1); `+
		`SIZE was "2" in stg when 1.0 was tested there, and would be "9" in eu (parity.allow["SIZE"] does not cover it: 9 is above max 1); deliver it to stg again`,
		production(w).parity().Reason)
}
