package provider_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// byTerraform declares a shop whose production Terraform deploys to, and its verification. The check fails while the file "broken"
// is there, and the gate is closed while "hold" is.
func (s shop) byTerraform(version string, promotion, verification map[string]any) []declaration {
	s.t.Helper()
	absent := func(file string) map[string]any {
		return map[string]any{"command": map[string]any{"argv": []any{"/bin/sh", "-c", "test ! -e '" + filepath.Join(s.Dir, file) + "'"}}}
	}
	all := s.declare(order{version: version, promotion: promotion, gates: map[string]any{"checks": map[string]any{"hold": absent("hold")}},
		edit: func(name string, config map[string]any) {
			switch name {
			case "production":
				delete(config, "target")
			case "pipeline":
				put(config, []any{"stages", 1, "verify"}, map[string]any{"smoke": absent("broken")})
			}
		}})
	if verification == nil {
		return all
	}
	config := map[string]any{"pipeline": "shop", "stage": "production", "version": version}
	for name, value := range verification {
		config[name] = value
	}
	return append(all, declaration{"verification", "cd_verification", config})
}

// requireNothingToDo demands that a second plan is empty.
func (w *walks) requireNothingToDo(all []declaration) {
	w.t.Helper()
	for name, o := range w.refreshAndPlan(all...) {
		require.Empty(w.t, o.action, name)
		require.False(w.t, o.failed(), "%s: %s", name, o.said())
	}
}

func TestVerification(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	deliver := func(version string) []declaration {
		return s.byTerraform(version, map[string]any{}, map[string]any{"timeouts": map[string]any{"create": "5m", "update": "5m"}})
	}
	first := w.refreshAndPlan(deliver("1.0.0")...)
	require.Equal(t, "deployed", w.attribute(first["promotion"].after, "status"), "the plan knows what is authorized")
	require.Equal(t, "1.0.0", w.attribute(first["promotion"].after, "running_version"))
	require.True(t, w.attributes(first["promotion"].after)["artifacts"].IsFullyKnown())
	require.True(t, w.attributes(first["promotion"].after)["environments"].IsFullyKnown())
	require.Contains(t, first["promotion"].said(), "production: authorize 1.0.0 for Terraform to deploy to production")
	require.Contains(t, first["verification"].said(), "production: verify 1.0.0 in production (Terraform deploys it)")
	w.apply(deliver("1.0.0")...)
	require.Equal(t, "shop/production", w.attribute(w.state["verification"], "id"))
	require.Equal(t, "verified", w.attribute(w.state["verification"], "status"))
	w.requireNothingToDo(deliver("1.0.0"))
	require.Equal(t, "verified", w.attribute(w.state["promotion"], "status"), "after a refresh")

	next := w.refreshAndPlan(deliver("1.1.0")...)
	require.Equal(t, "update", next["verification"].action)
	w.apply(deliver("1.1.0")...)
	require.Equal(t, "1.1.0", w.attribute(w.state["verification"], "version"))
	w.requireNothingToDo(deliver("1.1.0"))
	require.NoError(t, s.runs("production", ""), "no driver takes part")

	// Destroying stops managing.
	require.Empty(t, w.remove(deliver("1.1.0")[5]))
	found, err := s.Client(acctest.Actor).Verification(t.Context(), delivery.VerificationSpec{Pipeline: "shop", Stage: "production"})
	require.NoError(t, err)
	require.Equal(t, "1.1.0 verified", found.Spec.Version+" "+string(found.Status))
}

func TestVerificationImport(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.byTerraform("1.0.0", map[string]any{}, map[string]any{})
	w.apply(all...)
	imported, _ := w.imported("cd_verification", "shop/production", nil)
	require.True(t, imported.Equal(w.state["verification"]), "%s", imported)
}

func TestFailedVerification(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	deliver := func(version string, attempt int) []declaration {
		return s.byTerraform(version, map[string]any{"attempt": attempt}, map[string]any{})
	}
	w.apply(deliver("1.0.0", 1)...)
	broken := s.write("broken", "")
	applied := w.apply(deliver("1.1.0", 1)...)
	require.True(t, applied["verification"].failed())
	require.Contains(t, applied["verification"].said(), `Unable to verify release "shop/1.1.0": 1.1.0 failed in production (production, attempt 1): check "smoke" did not pass`)
	require.Equal(t, "1.0.0", w.attribute(w.state["verification"], "version"), "nothing is recorded as success")
	held := w.refreshAndPlan(deliver("1.1.0", 1)...)
	require.Equal(t, "1.0.0", w.attribute(w.state["promotion"], "running_version"), "what ran before")
	require.Equal(t, "update", held["promotion"].action)
	require.Contains(t, held["promotion"].said(), "is held")
	require.Equal(t, unknown, w.attribute(held["promotion"].after, "running_version"), "applying fails, so nothing is foretold")
	require.NoError(t, os.Remove(broken))
	applied = w.apply(deliver("1.1.0", 2)...)
	require.False(t, applied["verification"].failed(), applied["verification"].said())
	w.requireNothingToDo(deliver("1.1.0", 2))
}

// Changed triggers run the checks again; a failure then counts, and the difference remains.
func TestVerificationTriggers(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	triggered := func(by string) []declaration {
		return s.byTerraform("1.0.0", map[string]any{}, map[string]any{"triggers": map[string]any{"deployment": by}})
	}
	w.apply(triggered("a")...)
	require.Equal(t, "update", w.refreshAndPlan(triggered("b")...)["verification"].action)
	w.apply(triggered("b")...)
	w.requireNothingToDo(triggered("b"))
	s.write("broken", "")
	applied := w.apply(triggered("c")...)
	require.True(t, applied["verification"].failed())
	plan := w.refreshAndPlan(triggered("c")...)
	require.Equal(t, "failed", w.attribute(w.state["verification"], "status"))
	require.Equal(t, "update", plan["promotion"].action, "the release is held")
	require.Equal(t, "1.0.0", w.attribute(w.state["promotion"], "running_version"), "it still runs")
	deployed, err := s.Client(acctest.Actor).Deployed(t.Context(), "shop", "production")
	require.NoError(t, err)
	require.Equal(t, "1.0.0 failed", deployed.Version+" "+deployed.Status)
	require.NotEmpty(t, deployed.Artifacts, "what deploys them would remove the service")
}

// While the promotion waits, a verification of what it asks for changes nothing, and one of what runs goes on.
func TestVerificationOfWhatWaits(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	hold := s.write("hold", "")
	pend := map[string]any{"when_blocked": "pend"}
	nothing := s.byTerraform("1.0.0", pend, map[string]any{"version": ""})
	w.apply(nothing...)
	require.Equal(t, "waiting", w.attribute(w.state["verification"], "status"))
	require.Empty(t, w.attribute(w.state["promotion"], "running_version"))
	w.requireNothingToDo(nothing)
	wanted := s.byTerraform("1.0.0", pend, map[string]any{})
	w.apply(wanted...)
	require.Equal(t, "waiting", w.attribute(w.state["verification"], "status"))
	w.requireNothingToDo(wanted)
	require.NoError(t, os.Remove(hold))
	require.Equal(t, "update", w.refreshAndPlan(wanted...)["verification"].action)
	w.apply(wanted...)
	require.Equal(t, "verified", w.attribute(w.state["verification"], "status"))
}

func TestVerificationRejectsBadInput(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.byTerraform("1.0.0", map[string]any{}, nil)
	for at, c := range map[string]struct{ version, stage string }{
		`AttributeName("stage"): Unable to verify release "shop/1.0.0": stage "staging" of pipeline "shop" is verified by its own deployment`: {"1.0.0", "staging"},
		`AttributeName("stage"): Unable to verify release "shop/1.0.0": pipeline "shop" has no stage "nowhere"; it has: staging, production`:  {"1.0.0", "nowhere"},
		`AttributeName("version"): Unable to verify release "shop/1.1.0": 1.1.0 is not authorized in stage "production"`:                      {"1.1.0", "production"},
	} {
		for _, trigger := range []string{"known", unknown} {
			bad := declaration{"verification", "cd_verification", map[string]any{"pipeline": "shop", "stage": c.stage, "version": c.version, "triggers": map[string]any{"id": trigger}}}
			plan := w.refreshAndPlan(append(all[:len(all):len(all)], bad)...)
			require.True(t, plan["verification"].failed())
			require.Contains(t, plan["verification"].said(), at)
		}
	}
	require.Contains(t, said(w.validate("cd_verification", map[string]any{"pipeline": "no pipeline", "stage": "a", "version": "1"}))[0], `AttributeName("pipeline")`)
}

// What changes behind Terraform's back shows in the next plan, and a stage that is gone takes the verification along.
func TestVerificationChangedOutside(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.byTerraform("1.1.0", map[string]any{}, nil)...)
	all := s.byTerraform("1.0.0", map[string]any{}, map[string]any{})
	w.apply(all...)
	api := s.Client("bob@example.com")
	now, err := api.Promotion(t.Context(), "shop", "production")
	require.NoError(t, err)
	other := now.Spec
	other.Version = "1.1.0"
	_, err = api.PutPromotion(t.Context(), other)
	require.NoError(t, err)
	plan := w.refreshAndPlan(all...)
	require.Equal(t, "superseded", w.attribute(w.state["verification"], "status"))
	require.Equal(t, "update", plan["verification"].action)
	w.apply(all...)
	w.requireNothingToDo(all)

	pipeline, err := api.Pipeline(t.Context(), "shop")
	require.NoError(t, err)
	pipeline.Spec.Stages = pipeline.Spec.Stages[:1]
	_, err = api.PutPipeline(t.Context(), pipeline.Spec)
	require.NoError(t, err)
	require.Equal(t, "create", w.refreshAndPlan(all...)["verification"].action)
}
