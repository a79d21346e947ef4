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

// killsVariable is how often a provider is killed on each kind of ledger. `make soak` raises it.
const killsVariable = "ACCTEST_KILLS"

// fewKills is the default.
const fewKills = 9

// mortalShop is a shop that is delivered by a provider that may die. Its staging is a command target that keeps a diary: each call,
// and the effect of each deployment, which it has once, as a good deploy program does. A version whose name ends in -bad fails its check.
type mortalShop struct {
	*workspace
	h        *acctest.Harness
	versions int
	wanted   map[string]bool // every version that was delivered to its end, and whether it is good
	kills    int
}

const mortalConfiguration = `
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
    { name = "production", environments = [cd_environment.production.name], promotion = "automatic" },
  ]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = var.release
  artifacts = { page = { uri = "${local.here}/page.html", digest = "sha256:${filesha256("${local.here}/page.html")}" } }
}
` + required

func newMortalShop(t *testing.T, kind string, plugins string, env ...string) *mortalShop {
	t.Helper()
	h := acctest.NewOn(t, kind)
	env = append([]string{mortalVariable + "=" + h.Ledger, leaseVariable + "=1500ms", "TF_CLI_CONFIG_FILE=" + plugins}, env...)
	s := &mortalShop{workspace: newWorkspace(t, mortalConfiguration, env...), h: h, wanted: map[string]bool{}}
	s.write("page.html", "hello")
	s.write("effects/.keep", "")
	// It is ended with its provider, at any moment: an effect is there as a whole, or not.
	s.write("deploy.sh", `echo "$CD_ID" >> "$1/calls"
echo "$CD_ID $CD_VERSION" > "$1/effects/.$CD_ID.$$"
ln "$1/effects/.$CD_ID.$$" "$1/effects/$CD_ID" 2> "$1/ln.log"
echo "$CD_VERSION" > "$1/running.$CD_ID" && mv "$1/running.$CD_ID" "$1/running"
`)
	s.write("observe.sh", `if [ -e "$1/running" ]; then echo "{\"running\": true, \"version\": \"$(cat "$1/running")\"}"; else echo '{"running": false}'; fi
`)
	return s
}

// applies applies a version, with a provider that dies as death says. It returns what the provider did, step by step.
func (s *mortalShop) applies(version, death string) (said string, status int, steps []string) {
	s.t.Helper()
	log := filepath.Join(s.t.TempDir(), "steps")
	cmd := s.terraform("apply", "-var", "release="+version)
	cmd.Env = append(cmd.Env, stepsVariable+"="+log, deathVariable+"="+death)
	out, err := cmd.CombinedOutput()
	text, wrong := os.ReadFile(log)
	if !os.IsNotExist(wrong) {
		require.NoError(s.t, wrong)
	}
	return string(out), exitStatus(s.t, err), strings.Fields(string(text))
}

// delivers a new version while the provider dies once, and then again without. It returns how many steps the first provider took.
func (s *mortalShop) delivers(good bool, death string) (steps int) {
	s.t.Helper()
	s.versions++
	version := fmt.Sprintf("1.%d.0", s.versions)
	if !good {
		version += "-bad"
	}
	said, status, did := s.applies(version, death)
	if len(did) > 0 && did[len(did)-1] == died && status != 0 { // with 0, it died after all was said and done
		s.kills++
		said, status, _ = s.applies(version, "")
	}
	s.wanted[version] = good
	if good {
		require.Zero(s.t, status, "after a kill %s:\n%s", death, said)
		return len(did)
	}
	require.NotZero(s.t, status, said)
	require.Regexp(s.t, `check "smoke" did not pass|is held`, unwrapped(said), "after a kill %s:\n%s", death, said)
	return len(did)
}

// requireNothingLostOrRepeated checks the ledger, and the target's diary against it.
func (s *mortalShop) requireNothingLostOrRepeated() {
	s.t.Helper()
	requireWholeLedger(s.t, s.h)
	requireToldOnce(s.t, s.h)
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
	require.Equal(s.t, inStaging, seen, "what staging saw is what the ledger says")
}

// deploymentsOf are all that the ledger has, the oldest first: the API gives the newest only.
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

// requireToldOnce checks that the log tells of each deployment's beginning and end once.
func requireToldOnce(t *testing.T, h *acctest.Harness) {
	t.Helper()
	told, ended := map[string]int{}, map[string]int{}
	for after := int64(0); ; {
		events, err := h.Client(mallory).Events(t.Context(), after, 1000)
		require.NoError(t, err)
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.Seq
			told[string(e.Kind)+" "+e.Subject]++
			switch e.Kind {
			case "deployment.verified", "deployment.failed":
				ended[e.Subject]++
				require.Equal(t, 1, told["deployment.started "+e.Subject], "%s", e.Subject)
			case "deployment.started":
				var d delivery.Deployment
				require.NoError(t, json.Unmarshal(e.Data, &d))
				require.Equal(t, 1, told[string(e.Kind)+" "+e.Subject], "%s", d.ID)
			}
		}
	}
	for id, times := range ended {
		require.Equal(t, 1, times, "%s ended more than once", id)
	}
}

// deaths lists when a provider may die: before and after each step that deliveries take, and at a random moment for each of those.
func deaths(steps int, random *rand.Rand) []string {
	list := []string{}
	for step := 1; step <= steps; step++ {
		list = append(list, strconv.Itoa(step)+" before", strconv.Itoa(step)+" after", (time.Duration(random.IntN(200_000)+1) * time.Microsecond).String())
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// TestAnApplyKilledAnywhereIsCompletedByTheNext kills providers of a first delivery, of one to a running shop, and of one that is
// taken back, at every step that outlives them and at random moments. With fewer kills than that, a random choice of them.
func TestAnApplyKilledAnywhereIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	kills := fewKills
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
	plugins := mortalPlugins(t)
	running := newMortalShop(t, kind, plugins)
	type flow struct {
		deliver func(death string) int
		deaths  []string
		lists   int // how many lists of deaths were begun
	}
	killed := 0
	flows := []*flow{
		{deliver: func(death string) int {
			shop := newMortalShop(t, kind, plugins)
			steps := shop.delivers(true, death)
			shop.requireNothingLostOrRepeated()
			killed += shop.kills
			return steps
		}},
		{deliver: func(death string) int { return running.delivers(true, death) }},
		{deliver: func(death string) int { return running.delivers(false, death) }},
	}
	running.delivers(true, "")
	everywhere := func() bool { // every death of every flow has been died
		return !slices.ContainsFunc(flows, func(f *flow) bool { return f.lists == 0 || f.lists == 1 && len(f.deaths) > 0 })
	}
	for killed+running.kills < kills || kills > fewKills && !everywhere() {
		for _, f := range flows {
			if len(f.deaths) == 0 {
				steps := f.deliver("")
				require.Greater(t, steps, 5)
				f.deaths, f.lists = deaths(steps, random), f.lists+1
			}
			f.deliver(f.deaths[0])
			f.deaths = f.deaths[1:]
		}
	}
	running.requireNothingLostOrRepeated()
	running.versions++
	version := fmt.Sprintf("1.%d.0", running.versions)
	said, status, _ := running.applies(version, "")
	require.Zero(t, status, said)
	said, status = running.try("plan", "-detailed-exitcode", "-var", "release="+version)
	require.Zero(t, status, "a plan right after apply is empty, not:\n%s", said)
	t.Logf("%d kills", killed+running.kills)
}
