package provider_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
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

const theRelease = "cd_release.shop"

// then adds a look at what runs after the step. It is no Check, for which the framework would have Terraform show the state.
func (s shop) then(step resource.TestStep, staging, production string) resource.TestStep {
	step.PostApplyFunc = func() {
		require.NoError(s.t, s.runs("staging", staging))
		require.NoError(s.t, s.runs("production", production))
	}
	return step
}

func stageStatus(resourceName, stage, status, version string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(resourceName, tfjsonpath.New("stages").AtMapKey(stage), knownvalue.ObjectPartial(map[string]knownvalue.Check{
		"status": knownvalue.StringExact(status), "version": knownvalue.StringExact(version)}))
}

func TestAccRelease(t *testing.T) {
	s := newShop(t)
	first := s.then(s.step(wish{"release": release("1.0.0")}), "1.0.0", "")
	first.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue(theRelease, tfjsonpath.New("id"), knownvalue.StringExact("shop/1.0.0")),
		statecheck.ExpectKnownValue(theRelease, tfjsonpath.New("attempt"), knownvalue.Int64Exact(1)),
		stageStatus(theRelease, "staging", "verified", "1.0.0"),
		stageStatus(theRelease, "production", "waiting", ""),
	}
	newer := expecting(s.then(s.step(wish{"release": release("1.1.0")}), "1.1.0", ""),
		plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionUpdate))
	older := expecting(s.then(s.step(wish{"release": release("1.0.0")}), "1.0.0", ""),
		plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionUpdate))
	s.test(first, newer, older,
		resource.TestStep{ResourceName: theRelease, ImportState: true, ImportStateVerify: true, ConfigDirectory: first.ConfigDirectory, ConfigVariables: first.ConfigVariables},
	)
}

func TestAccReleaseRejectsBadInput(t *testing.T) {
	s := newShop(t)
	bad := func(with map[string]any, want string) resource.TestStep {
		asked := release("1.0.0")
		maps.Copy(asked, with)
		step := s.step(wish{"release": asked})
		step.ExpectError = regexp.MustCompile(want)
		return step
	}
	s.write("shop-no version.html", "x")
	s.test(
		bad(map[string]any{"version": "no version"}, `(?s)Invalid release.*version += var\.release\.version.*is not a version`),
		bad(map[string]any{"attempt": 0}, `(?s)Invalid release.*0 is not an attempt`),
		bad(map[string]any{"labels": map[string]any{"notes": strings.Repeat("x", delivery.MaxValueBytes+1)}}, `(?s)Invalid release.*bytes`),
	)
}

func TestReleaseValidation(t *testing.T) {
	w := newWire(t, acctest.New(t))
	good := func() map[string]any {
		return map[string]any{"pipeline": "shop", "version": "1.0.0", "artifacts": map[string]any{"page": map[string]any{"uri": "a.html", "digest": "sha256:" + strings.Repeat("0", 64)}}}
	}
	require.Empty(t, w.validate("cd_release", good()))
	cases := map[string]struct {
		edit func(map[string]any)
		want string
	}{
		"no artifact":      {func(c map[string]any) { c["artifacts"] = map[string]any{} }, `AttributeName("artifacts"): Invalid release: a release needs at least one artifact`},
		"bad digest":       {func(c map[string]any) { put(c, []any{"artifacts", "page", "digest"}, "md5:1") }, `AttributeName("artifacts").ElementKeyString("page").AttributeName("digest"): Invalid release: "md5:1" is not a digest`},
		"bad scheme":       {func(c map[string]any) { put(c, []any{"artifacts", "page", "uri"}, "ftp://x") }, `AttributeName("uri"): Invalid release: "ftp://" is not supported`},
		"bad time":         {func(c map[string]any) { c["source"] = map[string]any{"revision": "1", "committed_at": "noon"} }, `AttributeName("committed_at"): Invalid release: "noon" is not a time`},
		"bad pipeline":     {func(c map[string]any) { c["pipeline"] = "a/b" }, `AttributeName("pipeline"): Invalid release: "a/b" is not a name`},
		"bad attempt":      {func(c map[string]any) { c["attempt"] = 0 }, `AttributeName("attempt"): Invalid release: 0 is not an attempt`},
		"bad timeout":      {func(c map[string]any) { c["timeouts"] = map[string]any{"create": "soon"} }, `AttributeName("timeouts").AttributeName("create"): Invalid timeout: "soon" is not a time to wait; write a Go duration`},
		"timeout of none":  {func(c map[string]any) { c["timeouts"] = map[string]any{"update": "-1h"} }, `AttributeName("timeouts").AttributeName("update"): Invalid timeout: "-1h" is not a time to wait`},
		"timeout of 0s":    {func(c map[string]any) { c["timeouts"] = map[string]any{"create": "0s"} }, `AttributeName("timeouts").AttributeName("create"): Invalid timeout: "0s" is not a time to wait`},
		"null in labels":   {func(c map[string]any) { c["labels"] = map[string]any{"ticket": nil} }, `AttributeName("labels").ElementKeyString("ticket"): Null inside a collection`},
		"null in artifact": {func(c map[string]any) { c["artifacts"] = map[string]any{"page": nil} }, `AttributeName("artifacts").ElementKeyString("page"): Null inside a collection`},
		"not known yet":    {func(c map[string]any) { c["version"] = unknown }, ""},
		"known beside":     {func(c map[string]any) { c["version"], c["attempt"] = unknown, 0 }, `AttributeName("attempt"): Invalid release: 0 is not an attempt`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := good()
			c.edit(config)
			got := said(w.validate("cd_release", config))
			if c.want == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, strings.Join(got, "\n"), c.want)
		})
	}
}

// A version's content never changes: the plan says so, at the attribute.
func TestAccReleaseIsImmutable(t *testing.T) {
	s := newShop(t)
	relabeled, rewritten := release("1.0.0"), release("1.0.0")
	relabeled["labels"] = map[string]any{"ticket": "SHOP-42"}
	rewritten["page"] = s.write("other.html", "other")
	first := s.step(wish{"release": release("1.0.0")})
	other := s.step(wish{"release": relabeled})
	other.ExpectError = regexp.MustCompile(`(?s)Unable to deliver release "shop/1\.0\.0".*labels += var\.release\.labels.*releases are immutable`)
	another := s.step(wish{"release": rewritten})
	another.ExpectError = regexp.MustCompile(`(?s)artifacts += .*releases are immutable`)
	s.test(first, other, another)
}

// A release that failed is held: applying again reports that without deploying, until the attempt is raised.
func TestAccFailedReleaseIsHeld(t *testing.T) {
	s := newShop(t)
	first := s.step(wish{"release": release("1.0.0")})
	failing := s.step(wish{"release": release("1.1.0")})
	failing.PreConfig = func() {
		s.Drivers["directory"].Fail(func(r driver.Request) error {
			if r.Version == "1.1.0" {
				return errors.New("the shelf is full")
			}
			return nil
		})
	}
	failing.ExpectError = regexp.MustCompile(`(?s)Unable to deliver release "shop/1\.1\.0".*the shelf is full`)
	deployed := 0
	held := s.step(wish{"release": release("1.1.0")})
	held.PreConfig = func() {
		require.NoError(t, s.runs("staging", "1.0.0"), "it was rolled back")
		s.Drivers["directory"].Fail(nil)
		deployed = len(s.Drivers["directory"].Deployed())
	}
	held.ExpectError = regexp.MustCompile(`(?s)the shelf is full.*until\s+attempt\s+is\s+raised\s+to\s+2`)
	again := release("1.1.0")
	again["attempt"] = 2
	raised := s.then(s.step(wish{"release": again}), "1.1.0", "")
	raised.PreConfig = func() { require.Len(t, s.Drivers["directory"].Deployed(), deployed, "a held release is not deployed") }
	s.test(first, failing, held, expecting(raised, plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionUpdate)))
}

// Whatever someone changes in what runs shows in the next plan, which says what differs; applying heals it.
func TestReleaseDrift(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	current := filepath.Join(s.Dir, "srv", "staging", "shop", "current")
	for what, c := range map[string]struct {
		damage func() error
		want   string
	}{
		"a file is edited": {func() error { return os.WriteFile(filepath.Join(current, "shop-1.0.0.html"), []byte("hacked"), 0o600) }, "shop-1.0.0.html"},
		"a variable is edited": {func() error {
			return os.WriteFile(filepath.Join(current, ".env"), []byte("LOG_LEVEL=\"trace\"\n"), 0o600)
		}, "LOG_LEVEL"},
		"all of it is deleted": {func() error { return os.RemoveAll(filepath.Join(s.Dir, "srv", "staging")) }, "does not exist"},
		"current is deleted":   {func() error { return os.Remove(current) }, "does not exist"},
	} {
		require.NoError(t, c.damage(), what)
		plan := w.refreshAndPlan(all...)
		require.Equal(t, "update", plan["release"].action, what)
		require.Contains(t, plan["release"].said(), "staging: deploy 1.0.0 to staging (staging drifted: ", what)
		require.Contains(t, plan["release"].said(), c.want, what)
		w.apply(all...)
		require.NoError(t, s.runs("staging", "1.0.0"), what)
		require.Empty(t, w.refreshAndPlan(all...)["release"].action, what)
	}
}

// The same on real Terraform; and a release that somebody else stopped managing is declared again.
func TestAccReleaseDriftAndDeletionOutside(t *testing.T) {
	s := newShop(t)
	healed := expecting(s.then(s.step(wish{"release": release("1.0.0")}), "1.0.0", ""), plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionUpdate))
	healed.PreConfig = func() { require.NoError(t, os.RemoveAll(filepath.Join(s.Dir, "srv"))) }
	gone := expecting(s.step(wish{"release": release("1.0.0")}), plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionCreate))
	gone.PreConfig = func() {
		require.NoError(t, s.Client(acctest.Actor).DeleteRelease(t.Context(), "shop", "1.0.0"))
	}
	s.test(s.step(wish{"release": release("1.0.0")}), healed, gone)
}

// What can be changed behind Terraform's back shows in the next plan.
func TestReleaseChangedOutside(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.1.0"})...)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	api := s.Client("bob@example.com")
	registered, err := api.Release(t.Context(), "shop", "1.0.0")
	require.NoError(t, err)
	newer, err := api.Release(t.Context(), "shop", "1.1.0")
	require.NoError(t, err)
	for what, request := range map[string]delivery.ReleaseRequest{
		"attempt": {Spec: registered.Spec, Attempt: 2},
		"version": {Spec: newer.Spec, Attempt: 1},
	} {
		_, err := api.PutRelease(t.Context(), request)
		require.NoError(t, err, what)
		require.Equal(t, "update", w.refreshAndPlan(all...)["release"].action, what)
		w.apply(all...)
		require.NoError(t, s.runs("staging", "1.0.0"), what)
	}
}

// Releases enter a pipeline that begins with an automatic stage by themselves: two of them in one configuration would take turns.
func TestRivalReleases(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	both := s.declare(order{version: "1.0.0"})
	other := s.declare(order{version: "1.1.0"})
	rival := other[len(other)-1]
	rival.name = "rival"
	plan := w.refreshAndPlan(append(both, rival)...)
	require.False(t, plan["release"].failed(), "the first one is not to blame")
	require.True(t, plan["rival"].failed())
	require.Contains(t, plan["rival"].said(), `AttributeName("version"): Unable to deliver release "shop/1.1.0": another cd_release of pipeline "shop" in this configuration has version 1.0.0`)

	// A pipeline that begins with a manual stage registers as many as it likes.
	for _, d := range append(both, rival) {
		if d.name == "pipeline" {
			put(d.config, []any{"stages", 0, "promotion"}, "manual")
		}
	}
	w.apply(append(both, rival)...)
	for name, o := range w.refreshAndPlan(append(both, rival)...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
}

func TestReleaseImportIDs(t *testing.T) {
	w := newWire(t, acctest.New(t))
	for _, typ := range []string{"cd_release", "cd_promotion"} {
		for _, id := range []string{"shop", "/1.0.0", "shop/", "shop/1/2", ""} {
			resp, err := w.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: typ, ID: id})
			require.NoError(t, err)
			require.Len(t, resp.Diagnostics, 1, id)
			require.Contains(t, resp.Diagnostics[0].Detail, "write pipeline/", id)
		}
	}
}

// A release that fails at its first delivery is not in state and not tainted; it is held like any other.
func TestFirstDeliveryFails(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all[:3]...)
	s.Drivers["directory"].Fail(func(driver.Request) error { return errors.New("the shelf is full") })
	for range 2 {
		applied := w.apply(all...)
		require.True(t, applied["release"].failed())
		require.Contains(t, applied["release"].said(), "the shelf is full")
		require.True(t, applied["release"].after.IsNull())
		s.Drivers["directory"].Fail(nil)
	}
	require.Len(t, s.Drivers["directory"].Deployed(), 1)
	plan := w.refreshAndPlan(all...)
	require.Equal(t, "create", plan["release"].action)
	require.Contains(t, plan["release"].said(), "Delivery of shop 1.0.0 is held: held in staging: 1.0.0 failed in staging")
	w.apply(s.declare(order{version: "1.0.0", attempt: 2})...)
	require.NoError(t, s.runs("staging", "1.0.0"))
}

// A new release whose artifact is not what it says takes up no version: corrected, it is delivered.
func TestAReleaseThatIsNotThereIsNotRecorded(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	page := func(uri string) func(string, map[string]any) {
		return func(name string, config map[string]any) {
			if name == "release" {
				put(config, []any{"artifacts", "page", "uri"}, uri)
			}
		}
	}
	for _, c := range []struct{ uri, why string }{
		{filepath.Join(s.Dir, "sohp-1.0.0.html"), "there is no such file or directory"},
		{filepath.Join(s.Dir, "shop-1.1.0.html"), "it is not what was released"},
	} {
		applied := w.apply(s.declare(order{version: "1.0.0", edit: page(c.uri)})...)
		require.True(t, applied["release"].failed())
		require.True(t, applied["release"].after.IsNull())
		require.Contains(t, applied["release"].said(), `AttributeName("artifacts")`)
		require.Contains(t, applied["release"].said(), "it could not be deployed to staging: artifact \"page\"")
		require.Contains(t, applied["release"].said(), c.why)
		require.Contains(t, applied["release"].said(), "Nothing was recorded")
	}
	w.apply(s.declare(order{version: "1.0.0"})...)
	require.NoError(t, s.runs("staging", "1.0.0"))
}

// A gate of an automatic stage lets the apply succeed, with a warning that says what the release waits for and until when.
func TestReleaseStopsAtAPendingGate(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	o := order{version: "1.0.0", gates: oneHour, edit: func(name string, config map[string]any) {
		if name == "pipeline" {
			put(config, []any{"stages", 1, "promotion"}, "automatic")
		}
	}}
	applied := w.apply(s.declare(o)...)
	require.False(t, applied["release"].failed())
	require.Equal(t, []string{": Delivery of shop 1.0.0 waits: waits before production:\n" +
		"  previous_stage  passed   verified in staging\n" +
		"  soak            pending  verified in staging since 2027-03-01T12:00:00Z; passes at 2027-03-01T13:00:00Z"}, said(applied["release"].diagnostics))
	plan := w.refreshAndPlan(s.declare(o)...)
	require.Empty(t, plan["release"].action)
	require.Contains(t, plan["release"].said(), "Delivery of shop 1.0.0 waits")
	s.Clock.Advance(time.Hour)
	w.apply(s.declare(o)...)
	require.NoError(t, s.runs("production", "1.0.0"))
}
