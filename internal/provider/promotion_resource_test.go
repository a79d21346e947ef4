package provider_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// The promotion's stage asks again when its environment's configuration changes; without gates the plan says what it does.
func TestChangedConfigurationIsDelivered(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", promotion: map[string]any{}})...)
	louder := s.declare(order{version: "1.0.0", logLevel: "debug", promotion: map[string]any{}})
	plan := w.refreshAndPlan(louder...)
	require.Equal(t, "update", plan["promotion"].action, "in the same plan that changes the environment")
	require.Contains(t, plan["promotion"].said(), "the configuration of production changed: LOG_LEVEL")
	before := w.state["promotion"]
	w.apply(louder...)
	require.False(t, w.attributes(before)["environments"].Equal(w.attributes(w.state["promotion"])["environments"]), "another config_revision runs")
	for name, o := range w.refreshAndPlan(louder...) {
		require.Empty(t, o.action, name)
	}
}

// What is not known yet is not spoken of, and may change anything.
func TestUnknownValues(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	known := order{version: "1.0.0", gates: oneApproval, approval: map[string]any{}, promotion: map[string]any{}}
	hide := func(resource, attribute string) []declaration {
		o := known
		o.edit = func(name string, config map[string]any) {
			if name == resource {
				config[attribute] = unknown
			}
		}
		return s.declare(o)
	}
	for _, c := range []struct{ resource, attribute string }{
		{"release", "version"}, {"approval", "version"}, {"approval", "comment"}, {"promotion", "version"},
	} {
		plan := w.refreshAndPlan(hide(c.resource, c.attribute)...)
		require.Empty(t, plan[c.resource].diagnostics, c)
		require.Empty(t, plan["promotion"].said(), c)
	}
	w.apply(s.declare(known)...)
	plan := w.refreshAndPlan(hide("release", "version")...)
	require.Equal(t, "update", plan["release"].action)
	require.Empty(t, plan["release"].diagnostics)
	require.Equal(t, "update", plan["promotion"].action, "it depends on what is not known")
	require.Empty(t, plan["promotion"].diagnostics)
	require.Equal(t, unknown, w.attribute(plan["promotion"].after, "running_version"))
}

func TestAccPromotion(t *testing.T) {
	s := newShop(t)
	to := func(released, promoted string) resource.TestStep {
		return s.then(s.step(wish{"release": release(released), "promotion": map[string]any{"version": promoted}}), released, promoted)
	}
	first := to("1.0.0", "1.0.0")
	first.ConfigStateChecks = []statecheck.StateCheck{
		expectPromotion("id", knownvalue.StringExact("shop/production")),
		expectPromotion("when_blocked", knownvalue.StringExact("fail")),
		expectPromotion("attempt", knownvalue.Int64Exact(1)),
		expectPromotion("status", knownvalue.StringExact("verified")),
		expectPromotion("running_version", knownvalue.StringExact("1.0.0")),
		expectPromotion("waiting_on", knownvalue.ListSizeExact(0)),
		expectPromotion("deployed_at", knownvalue.StringExact("2027-03-01T12:00:00Z")),
		expectPromotion("artifacts", knownvalue.MapExact(map[string]knownvalue.Check{"page": knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"uri": knownvalue.StringExact(filepath.Join(s.Dir, "shop-1.0.0.html"))})})),
		expectPromotion("environments", knownvalue.MapExact(map[string]knownvalue.Check{"production": knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"version": knownvalue.StringExact("1.0.0"), "status": knownvalue.StringExact("verified")})})),
	}
	updated := plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionUpdate)
	s.test(first,
		resource.TestStep{ResourceName: thePromotion, ImportState: true, ImportStateVerify: true, ConfigDirectory: first.ConfigDirectory, ConfigVariables: first.ConfigVariables, ImportStateId: "shop/production"},
		to("1.1.0", "1.0.0"), // the next release goes to staging only
		expecting(to("1.1.0", "1.1.0"), updated),
		expecting(to("1.0.0", "1.0.0"), updated), // back
	)
	require.NoError(t, s.runs("production", "1.0.0"), "what runs keeps running when it is no longer managed")
}

func expectPromotion(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(thePromotion, tfjsonpath.New(attribute), want)
}

func TestAccPromotionDrift(t *testing.T) {
	s := newShop(t)
	whole := wish{"release": release("1.0.0"), "promotion": map[string]any{"version": "1.0.0"}}
	healed := expecting(s.then(s.step(whole), "1.0.0", "1.0.0"),
		plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionUpdate), plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionNoop))
	healed.PreConfig = func() {
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "srv", "production", "shop", "current", "shop-1.0.0.html"), []byte("hacked"), 0o600))
	}
	gone := expecting(s.step(whole), plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionCreate))
	gone.PreConfig = func() { require.NoError(t, s.Client(acctest.Actor).DeletePromotion(t.Context(), "shop", "production")) }
	s.test(s.step(whole), healed, gone)
}

func TestAccPromotionRejectsBadInput(t *testing.T) {
	s := newShop(t)
	refused := func(promotion map[string]any, want string, more ...wish) resource.TestStep {
		w := wish{"release": release("1.0.0"), "promotion": promotion}
		for _, one := range more {
			maps.Copy(w, one)
		}
		step := s.step(w)
		step.ExpectError = regexp.MustCompile(want)
		return step
	}
	s.test(
		refused(map[string]any{"version": "1.0.0", "when_blocked": "hope"}, `(?s)Invalid promotion.*when_blocked += .*"hope"\s+is\s+not\s+known`),
		refused(map[string]any{"version": "1.0.0", "attempt": 0}, `(?s)Invalid promotion.*0\s+is\s+not\s+an\s+attempt`),
		refused(map[string]any{"version": "9.9.9"}, `(?s)Unable to promote release "shop/9\.9\.9".*version += .*has\s+no\s+release\s+"9\.9\.9"`),
		refused(map[string]any{"version": "1.0.0", "timeout": "soon"}, `Invalid timeout(?s:.*)"soon"\s+is\s+not\s+a\s+time\s+to\s+wait`),
	)
}

func TestPromotionIntoAnAutomaticStage(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	for stage, want := range map[string]string{
		"staging": `AttributeName("stage"): Unable to promote release "shop/1.0.0": stage "staging" of pipeline "shop" is automatic`,
		"nowhere": `AttributeName("stage"): Unable to promote release "shop/1.0.0": pipeline "shop" has no stage "nowhere"; it has: staging, production`,
	} {
		plan := w.refreshAndPlan(s.declare(order{version: "1.0.0", promotion: map[string]any{"stage": stage}})...)
		require.True(t, plan["promotion"].failed())
		require.Contains(t, plan["promotion"].said(), want)
	}
}

// What can be changed behind Terraform's back shows in the next plan.
func TestPromotionChangedOutside(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.1.0"})...)
	all := s.declare(order{version: "1.0.0", promotion: map[string]any{}})
	w.apply(all...)
	api := s.Client("bob@example.com")
	now, err := api.Promotion(t.Context(), "shop", "production")
	require.NoError(t, err)
	for what, change := range map[string]func(*delivery.PromotionSpec){
		"version":      func(p *delivery.PromotionSpec) { p.Version = "1.1.0" },
		"when_blocked": func(p *delivery.PromotionSpec) { p.WhenBlocked = delivery.WhenBlockedPend },
		"attempt":      func(p *delivery.PromotionSpec) { p.Attempt = 2 },
	} {
		changed := now.Spec
		change(&changed)
		_, err := api.PutPromotion(t.Context(), changed)
		require.NoError(t, err, what)
		require.Equal(t, "update", w.refreshAndPlan(all...)["promotion"].action, what)
		w.apply(all...)
		require.NoError(t, s.runs("production", "1.0.0"), what)
	}
}

// A promotion that failed is held: applying again reports that without deploying, until the attempt is raised.
func TestFailedPromotionIsHeld(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	promote := func(version string, attempt int) []declaration {
		return s.declare(order{version: version, promotion: map[string]any{"attempt": attempt}})
	}
	w.apply(promote("1.0.0", 1)...)
	s.Drivers["directory"].Fail(func(r driver.Request) error {
		if r.Environment == "production" && r.Version == "1.1.0" {
			return errors.New("the shelf is full")
		}
		return nil
	})
	applied := w.apply(promote("1.1.0", 1)...)
	require.True(t, applied["promotion"].failed())
	require.Contains(t, applied["promotion"].said(), "the shelf is full")
	require.Equal(t, "1.0.0", w.attribute(w.state["promotion"], "version"), "the state stays as it was")
	require.NoError(t, s.runs("production", "1.0.0"))

	s.Drivers["directory"].Fail(nil)
	deployed := len(s.Drivers["directory"].Deployed())
	plan := w.refreshAndPlan(promote("1.1.0", 1)...)
	require.Equal(t, "update", plan["promotion"].action, "a failure is never recorded as success")
	require.Contains(t, plan["promotion"].said(), "Promotion of shop 1.1.0 to production is held: held in production: 1.1.0 was rolled back in production")
	require.Contains(t, plan["promotion"].said(), "Applying fails.")
	applied = w.apply(promote("1.1.0", 1)...)
	require.True(t, applied["promotion"].failed())
	require.Contains(t, applied["promotion"].said(), "until attempt is raised to 2")
	require.Len(t, s.Drivers["directory"].Deployed(), deployed)

	w.apply(promote("1.1.0", 2)...)
	require.NoError(t, s.runs("production", "1.1.0"))
	for name, o := range w.refreshAndPlan(promote("1.1.0", 2)...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
}

// With "pend", what refers to the promotion's artifacts does not move while a gate keeps the newer release out.
func TestAccPendMovesNothing(t *testing.T) {
	s := newShop(t)
	soak := map[string]any{"soak": map[string]any{"stage": "staging", "duration": "1h"}}
	pend := func(version string) wish {
		return wish{"release": release(version), "gates": soak, "promotion": map[string]any{"version": version, "when_blocked": "pend"}}
	}
	const downstream = "terraform_data.downstream[0]"
	nothing := s.then(s.step(pend("1.0.0")), "1.0.0", "")
	nothing.ConfigStateChecks = []statecheck.StateCheck{
		expectPromotion("status", knownvalue.StringExact("waiting")),
		expectPromotion("waiting_on", knownvalue.ListExact([]knownvalue.Check{knownvalue.StringRegexp(regexp.MustCompile("^soak: .*2027-03-01T13:00:00Z"))})),
	}
	soaked := expecting(s.then(s.step(pend("1.0.0")), "1.0.0", "1.0.0"), plancheck.ExpectResourceAction(downstream, plancheck.ResourceActionUpdate))
	soaked.PreConfig = func() { s.Clock.Advance(time.Hour) }
	waits := expecting(s.then(s.step(pend("1.1.0")), "1.1.0", "1.0.0"),
		plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionUpdate), plancheck.ExpectResourceAction(downstream, plancheck.ResourceActionNoop))
	enters := expecting(s.then(s.step(pend("1.1.0")), "1.1.0", "1.1.0"), plancheck.ExpectResourceAction(downstream, plancheck.ResourceActionUpdate))
	enters.PreConfig = func() { s.Clock.Advance(time.Hour) }
	s.test(nothing, soaked, waits, enters)
}

// A gate that fails the apply keeps everything as it was, and the next apply goes on once the gate passes.
func TestAccFailMovesNothing(t *testing.T) {
	s := newShop(t)
	w := wish{"release": release("1.0.0"), "gates": approvalGate(nil), "promotion": map[string]any{"version": "1.0.0"}}
	blocked := s.step(w)
	blocked.ExpectError = regexp.MustCompile(`(?s)Unable to promote release "shop/1\.0\.0".*may\s+not\s+enter\s+stage\s+"production".*approvals\s+pending\s+0 of 1 approvals`)
	approved := maps.Clone(w)
	approved["approvals"] = approvals(nil)
	s.test(blocked, s.decided(s.then(s.step(approved), "1.0.0", "1.0.0")))
}

// Changing only how long to wait does nothing but take that over.
func TestTimeoutsAlone(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	patience := func(timeout string) []declaration {
		return s.declare(order{version: "1.0.0", promotion: map[string]any{"timeouts": map[string]any{"update": timeout}}})
	}
	w.apply(patience("10m")...)
	deployed := len(s.Drivers["directory"].Deployed())
	plan := w.refreshAndPlan(patience("20m")...)
	require.Equal(t, "update", plan["promotion"].action)
	require.Empty(t, plan["promotion"].diagnostics)
	w.apply(patience("20m")...)
	require.Len(t, s.Drivers["directory"].Deployed(), deployed)
	require.Empty(t, w.refreshAndPlan(patience("20m")...)["promotion"].action)
}

// An environment of which parts are not known yet may make anything necessary: that is planned, and nothing is said of it.
func TestUnknownEnvironment(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	known := order{version: "1.0.0", promotion: map[string]any{}}
	w.apply(s.declare(known)...)
	vague := known
	vague.edit = func(name string, config map[string]any) {
		if name == "production" {
			config["config"] = map[string]any{"LOG_LEVEL": unknown}
		}
	}
	plan := w.refreshAndPlan(s.declare(vague)...)
	for _, name := range []string{"release", "promotion"} {
		require.Equal(t, "update", plan[name].action, name)
		require.Empty(t, plan[name].diagnostics, name)
	}
}

// What a plan does not change is not refused: an error would also stop terraform destroy.
func TestUnchangedPromotionIsNotRefused(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0", promotion: map[string]any{}})
	w.apply(all...)
	for _, d := range all {
		if d.name == "pipeline" {
			put(d.config, []any{"stages", 1, "promotion"}, "automatic")
		}
	}
	plan := w.refreshAndPlan(all...)
	require.Empty(t, plan["promotion"].action)
	require.False(t, plan["promotion"].failed())
	require.Contains(t, plan["promotion"].said(), `stage "production" of pipeline "shop" is automatic`)
}
