package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var deployments = map[string]func(*testing.T, ledger){
	"are numbered and read back as they were added": func(t *testing.T, l ledger) {
		first, second := deployment("d1", "shop", "eu", "1.0.0"), deployment("d2", "shop", "us", "1.0.0")
		second.Seq = 77 // the ledger numbers them, not the caller
		added := l.add(t, first, second)
		require.Less(t, added[0].Seq, added[1].Seq)
		first.Seq, second.Seq = added[0].Seq, added[1].Seq
		require.Equal(t, []delivery.Deployment{first, second}, added)
		require.Equal(t, first, read(t, l, deploymentOf("d1")))
		require.Equal(t, second, read(t, l, deploymentOf("d2")))
	},
	"keep times in UTC, to the microsecond": func(t *testing.T, l ledger) {
		given := deployment("d1", "shop", "eu", "1.0.0")
		at := noon.Add(789 * time.Nanosecond).In(time.FixedZone("CET", 3600))
		given.CreatedAt, given.VerifiedAt, given.SettledAt = at, &at, &at
		given.Gates[0].ReadyAt = &at
		added := l.add(t, given)[0]
		require.Equal(t, noon, added.CreatedAt)
		require.Equal(t, noon, *added.Gates[0].ReadyAt)
		require.Equal(t, added, read(t, l, deploymentOf("d1")))
		require.Equal(t, at, *given.Gates[0].ReadyAt, "what the caller holds is the caller's")
	},
	"have an id of their own": func(t *testing.T, l ledger) {
		l.add(t, deployment("d1", "shop", "eu", "1.0.0"))
		l.refuse(t, delivery.CodeConflict, addDeployment(deployment("d1", "api", "us", "2.0.0")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, deploymentOf("d1"))
		l.refuse(t, delivery.CodeNotFound, putDeployment(deployment("d1", "shop", "eu", "1.0.0")))
		require.Equal(t, []delivery.Deployment{}, read(t, l, deploymentsOf(store.DeploymentFilter{})))
	},
	"go on": func(t *testing.T, l ledger) {
		d := l.add(t, inFlight("d1", "shop", "eu", "1.0.0"))[0]
		d.Status, d.Receipt = delivery.Verifying, "receipt"
		l.write(t, putDeployment(d))
		at := noon.Add(time.Minute)
		d.Status, d.VerifiedAt, d.SettledAt, d.Failure = delivery.Verified, &at, &at, "none"
		d.Checks = []delivery.CheckResult{{Name: "smoke", Passed: true, Detail: "200"}}
		l.write(t, putDeployment(d))
		require.Equal(t, d, read(t, l, deploymentOf("d1")))
		require.Equal(t, []string{"d1"}, ids(read(t, l, deploymentsOf(store.DeploymentFilter{Status: delivery.Verified}))))
	},
	"never change what they bring where": func(t *testing.T, l ledger) {
		d := l.add(t, inFlight("d1", "shop", "eu", "1.0.0"))[0]
		for _, change := range []func(*delivery.Deployment){
			func(d *delivery.Deployment) { d.Seq++ },
			func(d *delivery.Deployment) { d.Pipeline = "api" },
			func(d *delivery.Deployment) { d.Stage = "development" },
			func(d *delivery.Deployment) { d.Environment = "us" },
			func(d *delivery.Deployment) { d.Kind = delivery.KindRollback },
			func(d *delivery.Deployment) { d.Rollout = "another" },
			func(d *delivery.Deployment) { d.CreatedAt = noon.Add(-time.Hour) },
			func(d *delivery.Deployment) { d.Content.Version = "1.0.1" },
			func(d *delivery.Deployment) { d.Content.Config = map[string]string{"LOG_LEVEL": "info"} },
		} {
			other := d
			change(&other)
			l.refuse(t, delivery.CodeConflict, putDeployment(other), "d1")
		}
		require.Equal(t, d, read(t, l, deploymentOf("d1")))
	},
	"are in flight once per pipeline and environment": func(t *testing.T, l ledger) {
		first := l.add(t, inFlight("d1", "shop", "eu", "1.0.0"), inFlight("d2", "shop", "us", "1.0.0"), inFlight("d3", "api", "eu", "1.0.0"))[0]
		for _, status := range []delivery.DeploymentStatus{delivery.Deploying, delivery.Verifying} {
			second := inFlight("d4", "shop", "eu", "1.1.0")
			second.Status = status
			l.refuse(t, delivery.CodeConflict, addDeployment(second), "d1")
		}
		l.add(t, deployment("d5", "shop", "eu", "1.1.0")) // settled already: not in flight
		first.Status = delivery.Verifying
		l.write(t, putDeployment(first))
		l.refuse(t, delivery.CodeConflict, addDeployment(inFlight("d4", "shop", "eu", "1.1.0")))
		first.Status = delivery.Failed
		l.write(t, putDeployment(first))
		l.add(t, inFlight("d4", "shop", "eu", "1.1.0"))
		first.Status = delivery.Deploying
		l.refuse(t, delivery.CodeConflict, putDeployment(first))
	},
	"are filtered": func(t *testing.T, l ledger) {
		a, b, c, d := deployment("a", "shop", "eu", "1.0.0"), deployment("b", "shop", "us", "1.0.0"), deployment("c", "shop", "eu", "1.1.0"), deployment("d", "api", "eu", "1.0.0")
		a.Status, b.Rollout, c.Status = delivery.Superseded, "rollout-of-a", delivery.Failed
		l.add(t, a, b, c, d)
		for _, example := range []struct {
			filter store.DeploymentFilter
			want   []string
		}{
			{store.DeploymentFilter{}, []string{"a", "b", "c", "d"}},
			{store.DeploymentFilter{Pipeline: "shop"}, []string{"a", "b", "c"}},
			{store.DeploymentFilter{Environment: "eu"}, []string{"a", "c", "d"}},
			{store.DeploymentFilter{Version: "1.0.0"}, []string{"a", "b", "d"}},
			{store.DeploymentFilter{Pipeline: "shop", Environment: "eu", Status: delivery.Failed}, []string{"c"}},
			{store.DeploymentFilter{Newest: 2}, []string{"c", "d"}},
			{store.DeploymentFilter{Pipeline: "shop", Environment: "eu", Newest: 1}, []string{"c"}},
			{store.DeploymentFilter{Pipeline: "shop", Newest: 10}, []string{"a", "b", "c"}},
			{store.DeploymentFilter{Pipeline: "web"}, []string{}},
		} {
			require.Equal(t, example.want, ids(read(t, l, deploymentsOf(example.filter))), "%+v", example.filter)
		}
	},
}

var relevant = map[string]func(*testing.T, ledger){
	"is nothing where nothing happened": func(t *testing.T, l ledger) {
		l.add(t, deployment("d1", "api", "eu", "1.0.0"))
		require.Equal(t, []delivery.Deployment{}, read(t, l, relevantTo("shop", "1.0.0")))
		require.Equal(t, []delivery.Deployment{}, read(t, l, relevantTo("shop")))
		require.Equal(t, []string{"d1"}, ids(read(t, l, relevantTo("api"))))
	},
	"is what a decision needs": func(t *testing.T, l ledger) {
		story := []delivery.Deployment{}
		tell := func(id, version string, status delivery.DeploymentStatus, verified bool, rollout string) {
			d := deployment(id, "shop", "eu", version)
			d.Status, d.Rollout = status, rollout
			if !verified {
				d.VerifiedAt = nil
			}
			story = append(story, d)
		}
		tell("old", "0.9.0", delivery.Superseded, true, "r0")
		tell("wanted", "1.0.0", delivery.Failed, false, "r1")
		tell("second", "0.9.1", delivery.Superseded, true, "r2")
		tell("noise", "0.9.2", delivery.Failed, false, "r3")
		tell("standing", "0.9.3", delivery.Verified, true, "r4")
		tell("undone", "0.9.4", delivery.RolledBack, true, "r5")
		tell("mate", "0.9.5", delivery.Failed, false, "r6")
		tell("newest", "0.9.5", delivery.Failed, false, "r6")
		l.add(t, story...)
		// Ever verified: undone and standing are the newest two; second is only the third.
		require.Equal(t, []string{"wanted", "standing", "undone", "mate", "newest"}, ids(read(t, l, relevantTo("shop", "1.0.0"))))
		require.Equal(t, []string{"standing", "undone", "mate", "newest"}, ids(read(t, l, relevantTo("shop"))))
		require.Equal(t, []string{"old", "wanted", "standing", "undone", "mate", "newest"}, ids(read(t, l, relevantTo("shop", "0.9.0", "1.0.0", "9.9.9"))))
	},
	"reaches a rollout's other environments, but no other pipeline": func(t *testing.T, l ledger) {
		eu, us, other := deployment("eu", "shop", "eu", "1.0.0"), deployment("us", "shop", "us", "1.0.0"), deployment("other", "api", "eu", "1.0.0")
		eu.Rollout, us.Rollout, other.Rollout = "r1", "r1", "r1"
		later, again, third := deployment("later", "shop", "us", "1.1.0"), deployment("again", "shop", "us", "1.2.0"), deployment("third", "shop", "us", "1.3.0")
		l.add(t, eu, us, other, later, again, third)
		require.Equal(t, []string{"eu", "us", "again", "third"}, ids(read(t, l, relevantTo("shop"))))
	},
	"does not take deployments without a rollout for one rollout": func(t *testing.T, l ledger) {
		story := []delivery.Deployment{}
		for i := range 4 {
			d := deployment(fmt.Sprintf("d%d", i), "shop", "eu", fmt.Sprintf("1.%d.0", i))
			d.Rollout = ""
			story = append(story, d)
		}
		l.add(t, story...)
		require.Equal(t, []string{"d2", "d3"}, ids(read(t, l, relevantTo("shop"))))
	},
	"agrees with its definition on any history": func(t *testing.T, l ledger) {
		random := rand.New(rand.NewPCG(20261120, 1)) //nolint:gosec // the same history each time, on purpose
		history := []delivery.Deployment{}
		for i := range 400 {
			d := deployment(fmt.Sprintf("d%d", i), pick(random, "shop", "shop", "api"), pick(random, "eu", "us", "asia", "lab"), fmt.Sprintf("1.%d.0", random.IntN(40)))
			d.Status = pick(random, delivery.Verified, delivery.Superseded, delivery.Failed, delivery.RolledBack)
			d.Rollout = fmt.Sprintf("r%d", i/3)
			if d.Status == delivery.Failed || random.IntN(3) == 0 && d.Status == delivery.RolledBack {
				d.VerifiedAt = nil
			}
			history = append(history, d)
		}
		history = l.add(t, history...)
		for _, versions := range [][]string{nil, {"1.7.0"}, {"1.1.0", "1.2.0", "1.39.0"}} {
			require.Equal(t, ids(relevantByDefinition(history, "shop", versions)), ids(read(t, l, relevantTo("shop", versions...))), "%v", versions)
		}
	},
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// relevantByDefinition says the same as the interface's comment, by looking at everything.
func relevantByDefinition(history []delivery.Deployment, pipeline string, versions []string) []delivery.Deployment {
	wanted, rollouts := map[string]bool{}, map[string]bool{}
	seen, standing, verified := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, d := range slices.Backward(history) {
		if d.Pipeline != pipeline {
			continue
		}
		if !seen[d.Environment] {
			seen[d.Environment], rollouts[d.Rollout] = true, true
		}
		if d.Status == delivery.Verified && !standing[d.Environment] {
			standing[d.Environment], wanted[d.ID] = true, true
		}
		if d.VerifiedAt != nil && verified[d.Environment] < 2 {
			verified[d.Environment]++
			wanted[d.ID] = true
		}
		if slices.Contains(versions, d.Content.Version) {
			wanted[d.ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(history), func(d delivery.Deployment) bool {
		return d.Pipeline != pipeline || !wanted[d.ID] && !rollouts[d.Rollout]
	})
}

// settle ends a deployment that is in flight.
func settle(ctx context.Context, tx store.Tx, d delivery.Deployment) error {
	at := noon.Add(time.Minute)
	d.Status, d.VerifiedAt, d.SettledAt = delivery.Verified, &at, &at
	return tx.PutDeployment(ctx, d)
}
