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

// crowd is many people at once on one ledger, each with a workspace, a state and a Terraform of their own. They declare the same
// two environments. What is deployed there keeps a diary: a place is an environment and a pipeline, and its deployment begins with
// the deploy program and ends with its check.
type crowd struct {
	t       *testing.T
	h       *acctest.Harness
	shared  *workspace // nobody's: the programs, the diary, and the pipe that holds deployments up
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
		c.h = acctest.NewAt(t, pgtest.Shared(t).Database(t)) // a database of its own: the lock that everybody waits for is one for each database
	} else {
		c.h = acctest.NewOn(t, kind)
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(c.shared.dir, "go"), 0o600))
	c.shared.write("page.html", "hello")
	c.shared.write("runs/.keep", "")
	c.shared.write("diary", "")
	c.shared.write("deploy.sh", `echo "begins $CD_ENVIRONMENT/$CD_PIPELINE $CD_ID" >> "$1/diary"
[ -e "$1/fast" ] || read -r _ < "$1/go"
echo "$CD_VERSION" > "$1/runs/$CD_ENVIRONMENT.$CD_PIPELINE"
`)
	c.shared.write("smoke.sh", `echo "ends $CD_ENVIRONMENT/$CD_PIPELINE" >> "$1/diary"
case $CD_VERSION in *-bad) exit 1;; esac
`)
	c.shared.write("observe.sh", `at=$1/runs/$CD_ENVIRONMENT.$CD_PIPELINE
if [ -e "$at" ]; then echo "{\"running\": true, \"version\": \"$(cat "$at")\"}"; else echo '{"running": false}'; fi
`)
	return c
}

// joins lets one more person in, who wants a version of a pipeline.
func (c *crowd) joins(pipeline, version string, attempt int) {
	c.t.Helper()
	m := &member{actor: fmt.Sprintf("runner-%d@example.com", len(c.members)), pipeline: pipeline, version: version, attempt: attempt}
	m.workspace = newWorkspace(c.t, crowded, "CD_LEDGER="+c.h.Ledger, "CD_ACTOR="+m.actor, "TF_VAR_shared="+c.shared.dir,
		"TF_VAR_pipeline="+pipeline, "TF_VAR_release="+version, fmt.Sprintf("TF_VAR_attempt=%d", attempt))
	c.members = append(c.members, m)
}

// applies lets some people apply at the same time.
func applies(members []*member) (all []*background) {
	for _, m := range members {
		all = append(all, m.start("apply"))
	}
	return all
}

// told is how an apply that was refused says so: somebody else asked for another version, or the version does not work. Whatever
// else an apply may say, of locks, of time that is up, or of what should not happen, is a failure.
var told = regexp.MustCompile(`^ Unable to deliver release "(\S+)/(\S+)" with cd_release\.shop, on main\.tf line \d+, in resource "cd_release" "shop": \d+: resource "cd_release" "shop" \{ ` +
	`(\S+/staging was to get \S+, but runner-\d+@example\.com asked for \S+ meanwhile; see what is wanted and apply again` +
	`|release \S+-bad is held: \S+-bad (was rolled back|failed) in staging \(staging, attempt \d\): check "smoke" did not pass: .* until attempt is raised to \d, or another version is delivered\.) $`)

// settle waits for applies, and returns who was refused.
func (c *crowd) settle(members []*member, all []*background) (refused []*member) {
	c.t.Helper()
	said, status := make([]string, len(all)), make([]int, len(all))
	for i, apply := range all {
		said[i], status[i] = apply.wait()
	}
	c.diary() // before what they said: it tells more of what went wrong
	for i, m := range members {
		parts := strings.Split(unwrapped(said[i]), " Error:")
		if status[i] == 0 {
			require.Len(c.t, parts, 1, said[i])
			c.requireRecorded(m, said[i])
			continue
		}
		require.Len(c.t, parts, 2, said[i])
		require.Regexp(c.t, told, parts[1], said[i])
		refused = append(refused, m)
	}
	return refused
}

// requireRecorded demands that what an apply said to have done is in the ledger.
func (c *crowd) requireRecorded(m *member, said string) {
	c.t.Helper()
	for _, environment := range []string{"staging", "production"} {
		require.True(c.t, slices.ContainsFunc(deploymentsOf(c.t, c.h), func(d delivery.Deployment) bool {
			return d.Pipeline == m.pipeline && d.Environment == environment && d.Content.Version == m.version && d.VerifiedAt != nil
		}), "the ledger does not know that %s runs %s %s, though its apply said:\n%s", environment, m.pipeline, m.version, said)
	}
}

// diary is what the places saw: the deployments of each in their order. No place may have seen one begin while another one was under way.
func (c *crowd) diary() (seen map[string][]string) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.shared.dir, "diary"))
	require.NoError(c.t, err)
	underWay := map[string]string{}
	seen = map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		place := words[1]
		if words[0] == "ends" {
			require.Contains(c.t, underWay, place, "%s saw an end without a beginning", place)
			delete(underWay, place)
			continue
		}
		require.NotContains(c.t, underWay, place, "%s saw %s begin during another deployment", place, words[2])
		underWay[place] = words[2]
		seen[place] = append(seen[place], words[2])
	}
	return seen
}

// requireOrder holds the ledger against itself, against what the places saw, and against who there is.
func (c *crowd) requireOrder() {
	c.t.Helper()
	requireWholeLedger(c.t, c.h)
	requireToldOnce(c.t, c.h)
	recorded, tried := map[string][]string{}, map[string]int{}
	deployments := deploymentsOf(c.t, c.h)
	for _, d := range deployments {
		require.False(c.t, d.InFlight(), d.ID)
		place := d.Environment + "/" + d.Pipeline
		recorded[place] = append(recorded[place], d.ID)
		if strings.HasSuffix(d.Content.Version, "-bad") && d.Kind == delivery.KindDeliver {
			try := fmt.Sprintf("%s %s attempt %d", place, d.Content.Version, d.Attempt)
			tried[try]++
			require.Equal(c.t, 1, tried[try], "%s was tried again", try)
		}
	}
	require.Equal(c.t, recorded, c.diary(), "what the places saw is what the ledger says")

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
			require.Contains(c.t, people, e.Actor, "event %d is of nobody", e.Seq)
			if e.Kind == "deployment.started" || e.Kind == "deployment.resumed" {
				i := slices.IndexFunc(deployments, func(d delivery.Deployment) bool { return d.ID == e.Subject })
				holders[deployments[i].Environment+"/"+deployments[i].Pipeline]++
			}
		}
	}
	c.requireFences(holders)
}

var errOnlyLooked = errors.New("nothing is to be kept")

// requireFences demands that each holder of the lease on a place had a number of its own, one above the last, and that nobody holds it.
func (c *crowd) requireFences(holders map[string]int64) {
	c.t.Helper()
	ctx := c.t.Context()
	ledger, err := sqlstore.Open(ctx, c.h.Ledger)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, ledger.Close()) }()
	require.ErrorIs(c.t, ledger.Update(ctx, func(tx store.Tx) error {
		for place, count := range holders {
			next, err := tx.AcquireLease(ctx, place, "test", time.Now(), time.Minute)
			require.NoError(c.t, err)
			require.Equal(c.t, count+1, next.Fence, "the number of the next holder of %s", place)
		}
		return errOnlyLooked
	}), errOnlyLooked)
}

// TestManyAppliesAtOnce sends 16 real Terraforms with the real provider onto one PostgreSQL, and 8 onto one file. None of them has a
// ledger yet. One scene after the other, because 16 Terraforms are enough for a small machine.
func TestManyAppliesAtOnce(t *testing.T) {
	t.Parallel()
	pluginDir(t)
	for kind, count := range map[string]int{"postgres": 16, "sqlite": 8} {
		t.Run(kind+"/one pipeline", func(t *testing.T) { newCrowd(t, kind).quarrel(count) })
		t.Run(kind+"/a pipeline each", func(t *testing.T) { newCrowd(t, kind).live(count) })
	}
}

// quarrel is about one pipeline: people want different versions of it, of which one does not work and is tried twice. All have asked
// before the first deployment is let go on. Those who are refused apply again, everybody who wants the same at the same time.
func (c *crowd) quarrel(count int) {
	wanted := [][]*member{nil, nil, nil}
	for i := range count {
		switch i % 8 {
		case 0, 3, 6:
			c.joins("shop", "1.0.0", 1)
			wanted[0] = append(wanted[0], c.members[i])
		case 1, 4, 7:
			c.joins("shop", "1.1.0", 1)
			wanted[2] = append(wanted[2], c.members[i])
		default:
			c.joins("shop", "1.2.0-bad", 1+i%8/5) // attempt 1 or 2
			wanted[1] = append(wanted[1], c.members[i])
		}
	}
	all := applies(c.members)
	for _, apply := range all {
		apply.says("cd_release.shop: Creating...")
	}
	c.shared.hurry()
	letGo(c.t, c.shared)
	refused := c.settle(c.members, all)
	c.requireOrder()
	for _, group := range wanted {
		again := slices.DeleteFunc(group, func(m *member) bool { return !slices.Contains(refused, m) })
		still := c.settle(again, applies(again))
		c.requireOrder()
		if len(again) > 0 && strings.HasSuffix(again[0].version, "-bad") {
			require.Equal(c.t, again, still, "what does not work is not delivered")
			continue
		}
		require.Empty(c.t, still, "nobody wants anything else meanwhile")
	}
	last := c.members[1]
	last.run("apply")
	before := c.diary()
	last.requireEmptyPlan()
	bad := c.members[2:3]
	require.Equal(c.t, bad, c.settle(bad, applies(bad)))
	last.run("apply")
	require.Equal(c.t, before, c.diary(), "at rest, nothing is deployed any more")
	c.requireOrder()
}

// live is a pipeline for each, in the same environments. Everybody makes the ledger at the same moment, and all of them have
// something in flight at the same moment.
func (c *crowd) live(count int) {
	for i := range count {
		c.joins(fmt.Sprintf("shop-%d", i), "1.0.0", 1)
	}
	letIn := c.closed(count)
	all := applies(c.members)
	letIn()
	require.Eventually(c.t, func() bool { return len(c.diary()) == count }, patience, 10*time.Millisecond, "not all of them deploy at the same time")
	c.shared.hurry()
	letGo(c.t, c.shared)
	require.Empty(c.t, c.settle(c.members, all), "nobody is in anybody's way")
	c.requireOrder()
	for place, seen := range c.diary() {
		require.Len(c.t, seen, 1, place)
	}
	require.Len(c.t, deploymentsOf(c.t, c.h), 2*count)
	for _, m := range []*member{c.members[0], c.members[count-1]} {
		m.requireEmptyPlan()
	}
}

// closed keeps everybody from making the ledger until as many wait for it as there are, by holding the lock under which that is
// done in PostgreSQL. Each of them waits for 30 seconds at most. Where files are locked, nobody is told who waits.
func (c *crowd) closed(count int) (letIn func()) {
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
		}, patience, 10*time.Millisecond, "not all of them wait to make the ledger")
		_, err := conn.Exec(ctx, `SELECT pg_advisory_unlock(7094214370932461)`)
		require.NoError(c.t, err)
		c.t.Cleanup(func() {
			var steps, different, newest int
			require.NoError(c.t, conn.QueryRow(context.WithoutCancel(ctx), `SELECT COUNT(*), COUNT(DISTINCT version_id), MAX(version_id) FROM ledger_schema`).Scan(&steps, &different, &newest))
			require.Equal(c.t, []int{newest + 1, newest + 1}, []int{steps, different}, "each step of the schema, from 0 on, is taken once")
		})
	}
}
