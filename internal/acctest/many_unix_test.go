//go:build unix

package acctest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// crowd is many people who use one ledger at once, each with their own workspace, state and Terraform. They declare the same two
// environments. The deploy programs and checks there write a log. Its lines name an environment and a pipeline. A deployment begins with
// the deploy program and ends with the check.
type crowd struct {
	t       *testing.T
	h       *acctest.Harness
	shared  *workspace // the programs, their log, and the pipe that delays deployments
	members []*member
}

type member struct {
	*workspace
	actor, pipeline, version string
	attempt                  int
}

const crowded = `
variable "shared" {
  type = string
}
variable "pipeline" {
  type = string
}
variable "release" {
  type = string
}
variable "attempt" {
  type = number
}
resource "cd_environment" "of" {
  for_each            = toset(["staging", "production"])
  name                = each.key
  tier                = each.key
  deletion_protection = false
  target = { command = {
    deploy  = { argv = ["/bin/sh", "${var.shared}/deploy.sh", var.shared] }
    observe = { argv = ["/bin/sh", "${var.shared}/observe.sh", var.shared] }
  } }
}
resource "cd_pipeline" "shop" {
  name = var.pipeline
  stages = [for stage in ["staging", "production"] : {
    name         = stage
    environments = [cd_environment.of[stage].name]
    promotion    = "automatic"
    gates        = { none = "only the order of applies matters here" }
    verify       = { smoke = { command = { argv = ["/bin/sh", "${var.shared}/smoke.sh", var.shared] } } }
  }]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = var.release
  attempt   = var.attempt
  artifacts = { page = { uri = "${var.shared}/page.html", digest = "sha256:${filesha256("${var.shared}/page.html")}" } }
}
` + required

func newCrowd(t *testing.T, kind string) *crowd {
	t.Helper()
	c := &crowd{t: t, shared: newWorkspace(t, "")}
	if kind == "postgres" {
		c.h = acctest.NewAt(t, pgtest.Shared(t).Database(t)) // a separate database, because each database has one lock for everybody
	} else {
		c.h = acctest.NewOn(t, kind)
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(c.shared.dir, "go"), 0o600))
	c.shared.write("page.html", "hello")
	c.shared.write("runs/.keep", "")
	c.shared.write("log", "")
	c.shared.write("deploy.sh", `echo "begins $CD_ENVIRONMENT/$CD_PIPELINE $CD_DEPLOYMENT_ID" >> "$1/log"
[ -e "$1/fast" ] || read -r _ < "$1/go"
echo "$CD_VERSION" > "$1/runs/$CD_ENVIRONMENT.$CD_PIPELINE"
`)
	c.shared.write("smoke.sh", `echo "ends $CD_ENVIRONMENT/$CD_PIPELINE" >> "$1/log"
case $CD_VERSION in *-bad) exit 1;; esac
`)
	c.shared.write("observe.sh", `at=$1/runs/$CD_ENVIRONMENT.$CD_PIPELINE
if [ -e "$at" ]; then echo "{\"running\": true, \"version\": \"$(cat "$at")\"}"; else echo '{"running": false}'; fi
`)
	return c
}

// add adds a person who wants a version of a pipeline.
func (c *crowd) add(pipeline, version string, attempt int) {
	c.t.Helper()
	m := &member{actor: fmt.Sprintf("runner-%d@example.com", len(c.members)), pipeline: pipeline, version: version, attempt: attempt}
	m.workspace = newWorkspace(c.t, crowded, "CD_LEDGER="+c.h.Ledger, "CD_ACTOR="+m.actor, "TF_VAR_shared="+c.shared.dir,
		"TF_VAR_pipeline="+pipeline, "TF_VAR_release="+version, fmt.Sprintf("TF_VAR_attempt=%d", attempt))
	c.members = append(c.members, m)
}

// applyAll starts an apply of each member.
func applyAll(members []*member) (all []*background) {
	for _, m := range members {
		all = append(all, m.start("apply"))
	}
	return all
}

// expectedRefusal matches the error of an apply that was refused because somebody else wants another version, or because the version
// does not work. Any other error of an apply, such as one about locks or timeouts, fails the test.
var expectedRefusal = regexp.MustCompile(`^ Unable to deliver release "(\S+)/(\S+)" with cd_release\.shop, on main\.tf line \d+, in resource "cd_release" "shop": \d+: resource "cd_release" "shop" \{ ` +
	`(\S+/staging was to get \S+, but runner-\d+@example\.com asked for \S+ meanwhile; see what is wanted and apply again` +
	`|release \S+-bad is held: \S+-bad (was rolled back|failed) in staging \(staging, attempt \d\): check "smoke" did not pass: .* until attempt is raised to \d, or another version is delivered\.) $`)

// waitForAll waits for applies, and returns the members who were refused.
func (c *crowd) waitForAll(members []*member, all []*background) (refused []*member) {
	c.t.Helper()
	output, status := make([]string, len(all)), make([]int, len(all))
	for i, apply := range all {
		output[i], status[i] = apply.wait()
	}
	c.deployments() // before the output: it says more about what went wrong
	for i, m := range members {
		parts := strings.Split(unwrapped(output[i]), " Error:")
		if status[i] == 0 {
			require.Len(c.t, parts, 1, output[i])
			c.requireRecorded(m, output[i])
			continue
		}
		require.Len(c.t, parts, 2, output[i])
		require.Regexp(c.t, expectedRefusal, parts[1], output[i])
		refused = append(refused, m)
	}
	return refused
}

// requireRecorded requires that the ledger has what an apply reported.
func (c *crowd) requireRecorded(m *member, output string) {
	c.t.Helper()
	for _, environment := range []string{"staging", "production"} {
		require.True(c.t, slices.ContainsFunc(deploymentsOf(c.t, c.h), func(d delivery.Deployment) bool {
			return d.Pipeline == m.pipeline && d.Environment == environment && d.Content.Version == m.version && d.VerifiedAt != nil
		}), "the ledger does not have that %s runs %s %s, but the apply printed:\n%s", environment, m.pipeline, m.version, output)
	}
}

// deployments reads the log of the programs: for each environment and pipeline, its deployments in order. None may begin while another
// one is in flight.
func (c *crowd) deployments() (seen map[string][]string) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.shared.dir, "log"))
	require.NoError(c.t, err)
	inFlight := map[string]string{}
	seen = map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		key := words[1]
		if words[0] == "ends" {
			require.Contains(c.t, inFlight, key, "%s: a deployment ended that had not begun", key)
			delete(inFlight, key)
			continue
		}
		require.NotContains(c.t, inFlight, key, "%s: %s began during another deployment", key, words[2])
		inFlight[key] = words[2]
		seen[key] = append(seen[key], words[2])
	}
	return seen
}

// requireConsistent requires that the ledger is consistent, and that it agrees with the log of the programs and with the members.
func (c *crowd) requireConsistent() {
	c.t.Helper()
	requireWholeLedger(c.t, c.h)
	requireLoggedOnce(c.t, c.h)
	recorded, tried := map[string][]string{}, map[string]int{}
	deployments := deploymentsOf(c.t, c.h)
	for _, d := range deployments {
		require.False(c.t, d.InFlight(), d.ID)
		key := d.Environment + "/" + d.Pipeline
		recorded[key] = append(recorded[key], d.ID)
		if strings.HasSuffix(d.Content.Version, "-bad") && d.Kind == delivery.KindDeliver {
			attempt := fmt.Sprintf("%s %s attempt %d", key, d.Content.Version, d.Attempt)
			tried[attempt]++
			require.Equal(c.t, 1, tried[attempt], "%s was tried again", attempt)
		}
	}
	require.Equal(c.t, recorded, c.deployments(), "the programs saw what the ledger says")

	people, holders := map[string]bool{}, map[string]int64{}
	for _, m := range c.members {
		people[m.actor] = true
	}
	for after := int64(0); ; {
		events, err := c.h.Client(mallory).Events(c.t.Context(), after, 1000)
		require.NoError(c.t, err)
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.Seq
			require.Contains(c.t, people, e.Actor, "event %d has an unknown actor", e.Seq)
			if e.Kind == "deployment.started" || e.Kind == "deployment.resumed" {
				i := slices.IndexFunc(deployments, func(d delivery.Deployment) bool { return d.ID == e.Subject })
				holders[deployments[i].Environment+"/"+deployments[i].Pipeline]++
			}
		}
	}
	c.requireFences(holders)
}

var errRollBack = errors.New("roll back")

// requireFences requires that each holder of a lease had the next lease number, and that nobody holds a lease now.
func (c *crowd) requireFences(holders map[string]int64) {
	c.t.Helper()
	ctx := c.t.Context()
	ledger, err := sqlstore.Open(ctx, c.h.Ledger)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, ledger.Close()) }()
	require.ErrorIs(c.t, ledger.Update(ctx, func(tx store.Tx) error {
		for key, count := range holders {
			next, err := tx.AcquireLease(ctx, key, "test", time.Now(), time.Minute)
			require.NoError(c.t, err)
			require.Equal(c.t, count+1, next.Fence, "the number of the next holder of %s", key)
		}
		return errRollBack
	}), errRollBack)
}

// TestManyAppliesAtOnce runs 16 real Terraforms with the real provider on one PostgreSQL, and 8 on one file, starting without a ledger.
// The subtests are not parallel, because 16 Terraforms are enough for a small machine.
func TestManyAppliesAtOnce(t *testing.T) {
	t.Parallel()
	pluginDir(t)
	for kind, count := range map[string]int{"postgres": 16, "sqlite": 8} {
		t.Run(kind+"/one pipeline", func(t *testing.T) { newCrowd(t, kind).onePipeline(count) })
		t.Run(kind+"/a pipeline each", func(t *testing.T) { newCrowd(t, kind).pipelineEach(count) })
	}
}

// onePipeline has all members want different versions of one pipeline. One version does not work and is tried twice. All applies have
// started their release before the first deployment can continue. Members who are refused apply again, one group after the other.
func (c *crowd) onePipeline(count int) {
	wanted := [][]*member{nil, nil, nil}
	for i := range count {
		switch i % 8 {
		case 0, 3, 6:
			c.add("shop", "1.0.0", 1)
			wanted[0] = append(wanted[0], c.members[i])
		case 1, 4, 7:
			c.add("shop", "1.1.0", 1)
			wanted[2] = append(wanted[2], c.members[i])
		default:
			c.add("shop", "1.2.0-bad", 1+i%8/5) // attempt 1 or 2
			wanted[1] = append(wanted[1], c.members[i])
		}
	}
	all := applyAll(c.members)
	for _, apply := range all {
		apply.waitFor("cd_release.shop: Creating...")
	}
	c.shared.finishAtOnce()
	releaseScripts(c.t, c.shared)
	refused := c.waitForAll(c.members, all)
	c.requireConsistent()
	for _, group := range wanted {
		again := slices.DeleteFunc(group, func(m *member) bool { return !slices.Contains(refused, m) })
		still := c.waitForAll(again, applyAll(again))
		c.requireConsistent()
		if len(again) > 0 && strings.HasSuffix(again[0].version, "-bad") {
			require.Equal(c.t, again, still, "a broken version is not delivered")
			continue
		}
		require.Empty(c.t, still, "nobody wants another version now")
	}
	last := c.members[1]
	last.run("apply")
	before := c.deployments()
	last.requireEmptyPlan()
	bad := c.members[2:3]
	require.Equal(c.t, bad, c.waitForAll(bad, applyAll(bad)))
	last.run("apply")
	require.Equal(c.t, before, c.deployments(), "an apply without changes deploys nothing")
	c.requireConsistent()
}

// pipelineEach gives each member a pipeline, in the same environments. All of them create the ledger at the same moment, and all of them
// have a deployment in flight at the same moment.
func (c *crowd) pipelineEach(count int) {
	for i := range count {
		c.add(fmt.Sprintf("shop-%d", i), "1.0.0", 1)
	}
	unlock := c.lockSchema(count)
	all := applyAll(c.members)
	unlock()
	require.Eventually(c.t, func() bool { return len(c.deployments()) == count }, waitLimit, 10*time.Millisecond, "not all members deploy at the same time")
	c.shared.finishAtOnce()
	releaseScripts(c.t, c.shared)
	require.Empty(c.t, c.waitForAll(c.members, all), "separate pipelines do not disturb each other")
	c.requireConsistent()
	for key, seen := range c.deployments() {
		require.Len(c.t, seen, 1, key)
	}
	require.Len(c.t, deploymentsOf(c.t, c.h), 2*count)
	for _, m := range []*member{c.members[0], c.members[count-1]} {
		m.requireEmptyPlan()
	}
}

// lockSchema keeps all members from creating the ledger until all of them wait for the lock of the schema in PostgreSQL. Each of them waits
// for 30 seconds at most. With a file it does nothing, because nobody can see who waits.
func (c *crowd) lockSchema(count int) (unlock func()) {
	c.t.Helper()
	if !strings.HasPrefix(c.h.Ledger, "postgres:") {
		return func() {}
	}
	ctx := c.t.Context()
	conn, err := pgx.Connect(ctx, c.h.Ledger)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, conn.Close(context.WithoutCancel(ctx))) })
	_, err = conn.Exec(ctx, `SELECT pg_advisory_lock(7094214370932461)`)
	require.NoError(c.t, err)
	return func() {
		require.Eventually(c.t, func() bool {
			waiting := 0
			require.NoError(c.t, conn.QueryRow(ctx, `SELECT COUNT(*) FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database() AND NOT granted`).Scan(&waiting))
			return waiting == count
		}, waitLimit, 10*time.Millisecond, "not all members wait to create the ledger")
		_, err := conn.Exec(ctx, `SELECT pg_advisory_unlock(7094214370932461)`)
		require.NoError(c.t, err)
		c.t.Cleanup(func() {
			var steps, different, newest int
			require.NoError(c.t, conn.QueryRow(context.WithoutCancel(ctx), `SELECT COUNT(*), COUNT(DISTINCT version_id), MAX(version_id) FROM ledger_schema`).Scan(&steps, &different, &newest))
			require.Equal(c.t, []int{newest + 1, newest + 1}, []int{steps, different}, "each migration, from 0 on, ran once")
		})
	}
}
