//go:build unix

package acctest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// killsVariable says how often a provider is killed on each kind of ledger. `make soak` raises it.
const killsVariable = "ACCTEST_KILLS"

// defaultKills is the default.
const defaultKills = 9

// crashingShop is a shop that a crashing provider delivers. Its staging is a command target that logs each call and the effect of each
// deployment. Each deployment has its effect once, as with a good deploy program. A version that ends in -bad fails its check.
type crashingShop struct {
	*workspace
	h        *acctest.Harness
	versions int
	wanted   map[string]bool // every version whose delivery was completed, and whether it is good
	kills    int
}

const crashingConfiguration = `
variable "release" {
  type = string
}
locals {
  here = abspath(path.module)
}
resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { command = {
    deploy  = { argv = ["/bin/sh", "${local.here}/deploy.sh", local.here] }
    observe = { argv = ["/bin/sh", "${local.here}/observe.sh", local.here] }
  } }
}
resource "cd_environment" "production" {
  name   = "production"
  tier   = "production"
  target = { directory = { path = "${local.here}/srv" } }
}
resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = { command = { argv = ["/bin/sh", "-c", "case $CD_VERSION in *-bad) exit 1;; esac"] } } }
    },
    { name = "production", environments = [cd_environment.production.name], promotion = "automatic", gates = { none = "only crashes matter here" } },
  ]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = var.release
  artifacts = { page = { uri = "${local.here}/page.html", digest = "sha256:${filesha256("${local.here}/page.html")}" } }
}
` + required

func newCrashingShop(t *testing.T, kind string, plugins string, env ...string) *crashingShop {
	t.Helper()
	h := acctest.NewOn(t, kind)
	env = append([]string{crashLedgerVariable + "=" + h.Ledger, leaseVariable + "=1500ms", "TF_CLI_CONFIG_FILE=" + plugins}, env...)
	s := &crashingShop{workspace: newWorkspace(t, crashingConfiguration, env...), h: h, wanted: map[string]bool{}}
	s.write("page.html", "hello")
	s.write("effects/.keep", "")
	// The script can be killed with its provider at any moment, so it makes each effect atomically.
	s.write("deploy.sh", `echo "$CD_DEPLOYMENT_ID" >> "$1/calls"
echo "$CD_DEPLOYMENT_ID $CD_VERSION" > "$1/effects/.$CD_DEPLOYMENT_ID.$$"
ln "$1/effects/.$CD_DEPLOYMENT_ID.$$" "$1/effects/$CD_DEPLOYMENT_ID" 2> "$1/ln.log"
echo "$CD_VERSION" > "$1/running.$CD_DEPLOYMENT_ID" && mv "$1/running.$CD_DEPLOYMENT_ID" "$1/running"
`)
	s.write("observe.sh", `if [ -e "$1/running" ]; then echo "{\"running\": true, \"version\": \"$(cat "$1/running")\"}"; else echo '{"running": false}'; fi
`)
	return s
}

// apply applies a version with a provider that crashes at crashAt. It returns the steps of the provider.
func (s *crashingShop) apply(version, crashAt string) (output string, status int, steps []string) {
	s.t.Helper()
	log := filepath.Join(s.t.TempDir(), "steps")
	cmd := s.terraform("apply", "-var", "release="+version)
	cmd.Env = append(cmd.Env, stepsVariable+"="+log, crashAtVariable+"="+crashAt)
	out, err := cmd.CombinedOutput()
	text, wrong := os.ReadFile(log)
	if !os.IsNotExist(wrong) {
		require.NoError(s.t, wrong)
	}
	return string(out), exitStatus(s.t, err), strings.Fields(string(text))
}

// deliver delivers a new version with a provider that crashes once, and then with one that does not. It returns the number of steps of
// the first provider.
func (s *crashingShop) deliver(good bool, crashAt string) (steps int) {
	s.t.Helper()
	s.versions++
	version := fmt.Sprintf("1.%d.0", s.versions)
	if !good {
		version += "-bad"
	}
	output, status, did := s.apply(version, crashAt)
	if len(did) > 0 && did[len(did)-1] == crashed && status != 0 { // with 0, it crashed after the apply was complete
		s.kills++
		output, status, _ = s.apply(version, "")
	}
	s.wanted[version] = good
	if good {
		require.Zero(s.t, status, "after a crash at %q:\n%s", crashAt, output)
		return len(did)
	}
	require.NotZero(s.t, status, output)
	require.Regexp(s.t, `check "smoke" did not pass|is held`, unwrapped(output), "after a crash at %q:\n%s", crashAt, output)
	return len(did)
}

// requireNothingLostOrRepeated checks the ledger, and that the target's log agrees with it.
func (s *crashingShop) requireNothingLostOrRepeated() {
	s.t.Helper()
	requireWholeLedger(s.t, s.h)
	requireLoggedOnce(s.t, s.h)
	deployed := map[string]int{} // how often, by environment, version, kind and status
	inStaging := map[string]bool{}
	for _, d := range deploymentsOf(s.t, s.h) {
		require.False(s.t, d.InFlight(), "%s", d.ID)
		deployed[strings.Join([]string{d.Environment, d.Content.Version, string(d.Kind)}, " ")]++
		if d.Environment == "staging" {
			inStaging[d.ID+" "+d.Content.Version] = true
		}
	}
	for version, good := range s.wanted {
		require.Equal(s.t, 1, deployed["staging "+version+" "+string(delivery.KindDeliver)], "%s in staging", version)
		want := 0
		if good {
			want = 1
		}
		require.Equal(s.t, want, deployed["production "+version+" "+string(delivery.KindDeliver)], "%s in production", version)
	}
	for what, times := range deployed {
		if strings.HasSuffix(what, " "+string(delivery.KindDeliver)) {
			require.Equal(s.t, 1, times, what)
		}
	}
	seen := map[string]bool{}
	effects, err := filepath.Glob(filepath.Join(s.dir, "effects", "[^.]*"))
	require.NoError(s.t, err)
	for _, path := range effects {
		effect, err := os.ReadFile(path)
		require.NoError(s.t, err)
		seen[strings.TrimSpace(string(effect))] = true
	}
	require.Equal(s.t, inStaging, seen, "staging saw what the ledger says")
}

// deploymentsOf returns all deployments of the ledger, oldest first. The API returns only the newest.
func deploymentsOf(t *testing.T, h *acctest.Harness) (all []delivery.Deployment) {
	t.Helper()
	ledger, err := sqlstore.Open(t.Context(), h.Ledger)
	require.NoError(t, err)
	defer func() { require.NoError(t, ledger.Close()) }()
	require.NoError(t, ledger.View(t.Context(), func(r store.Reader) (err error) {
		all, err = r.Deployments(t.Context(), store.DeploymentFilter{})
		return err
	}))
	return all
}

// requireLoggedOnce checks that the log has the start and the end of each deployment once.
func requireLoggedOnce(t *testing.T, h *acctest.Harness) {
	t.Helper()
	logged, ended := map[string]int{}, map[string]int{}
	for after := int64(0); ; {
		events, err := h.Client(mallory).Events(t.Context(), after, 1000)
		require.NoError(t, err)
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.Seq
			logged[string(e.Kind)+" "+e.Subject]++
			switch e.Kind {
			case "deployment.verified", "deployment.failed":
				ended[e.Subject]++
				require.Equal(t, 1, logged["deployment.started "+e.Subject], "%s", e.Subject)
			case "deployment.started":
				var d delivery.Deployment
				require.NoError(t, json.Unmarshal(e.Data, &d))
				require.Equal(t, 1, logged[string(e.Kind)+" "+e.Subject], "%s", d.ID)
			}
		}
	}
	for id, times := range ended {
		require.Equal(t, 1, times, "%s ended more than once", id)
	}
}

// crashPoints lists when a provider can crash: before and after each step of a delivery, and at as many random moments.
func crashPoints(steps int, random *rand.Rand) []string {
	list := []string{}
	for step := 1; step <= steps; step++ {
		list = append(list, strconv.Itoa(step)+" before", strconv.Itoa(step)+" after", (time.Duration(random.IntN(200_000)+1) * time.Microsecond).String())
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// TestAnApplyKilledAnywhereIsCompletedByTheNext kills providers during a first delivery, during one to a running shop, and during one that is
// rolled back, at every step and at random moments. If there are fewer kills than crash points, it chooses at random.
func TestAnApplyKilledAnywhereIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	kills := defaultKills
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			killAnywhere(t, kind, kills, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func killAnywhere(t *testing.T, kind string, kills int, random *rand.Rand) {
	plugins := crashingPlugins(t)
	running := newCrashingShop(t, kind, plugins)
	type flow struct {
		deliver     func(crashAt string) int
		crashPoints []string
		lists       int // number of lists of crash points that were started
	}
	killed := 0
	flows := []*flow{
		{deliver: func(crashAt string) int {
			shop := newCrashingShop(t, kind, plugins)
			steps := shop.deliver(true, crashAt)
			shop.requireNothingLostOrRepeated()
			killed += shop.kills
			return steps
		}},
		{deliver: func(crashAt string) int { return running.deliver(true, crashAt) }},
		{deliver: func(crashAt string) int { return running.deliver(false, crashAt) }},
	}
	running.deliver(true, "")
	everywhere := func() bool { // every crash point of every flow was used
		return !slices.ContainsFunc(flows, func(f *flow) bool { return f.lists == 0 || f.lists == 1 && len(f.crashPoints) > 0 })
	}
	for killed+running.kills < kills || kills > defaultKills && !everywhere() {
		for _, f := range flows {
			if len(f.crashPoints) == 0 {
				steps := f.deliver("")
				require.Greater(t, steps, 5)
				f.crashPoints, f.lists = crashPoints(steps, random), f.lists+1
			}
			f.deliver(f.crashPoints[0])
			f.crashPoints = f.crashPoints[1:]
		}
	}
	running.requireNothingLostOrRepeated()
	running.versions++
	version := fmt.Sprintf("1.%d.0", running.versions)
	output, status, _ := running.apply(version, "")
	require.Zero(t, status, output)
	output, status = running.try("plan", "-detailed-exitcode", "-var", "release="+version)
	require.Zero(t, status, "a plan right after apply must be empty, but:\n%s", output)
	t.Logf("%d kills", killed+running.kills)
}
