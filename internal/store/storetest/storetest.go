// Package storetest is what every store.Store must do, as a test. An implementation runs Exercise against itself; what only it
// can show (several processes, damaged files) it tests beside that.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Exercise runs the suite. Open gives a new, empty ledger and closes it when its test ends.
func Exercise(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, ledger)
	}{
		{"environments", environments},
		{"pipelines", pipelines},
		{"releases", releases},
		{"promotions", promotions},
		{"approvals", approvals},
		{"test reports", testReports},
		{"freezes", freezes},
		{"policies", policies},
		{"overrides", overrides},
		{"deployments", deployments},
		{"relevant", relevant},
		{"rollouts", rollouts},
		{"events", events},
		{"identity", identities},
		{"leases", leases},
		{"work", workRecords},
		{"recordings", recordings},
		{"read at once", together},
		{"transactions", transactions},
	} {
		t.Run(group.name, func(t *testing.T) {
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) { run(t, ledger{open(t)}) })
			}
		})
	}
}

// noon is when the stories begin: UTC and whole microseconds, as times are read back.
var noon = time.Date(2026, time.November, 20, 12, 0, 0, 123456000, time.UTC)

// ledger is the store under test, with the shortest way to read and write it.
type ledger struct{ store.Store }

// write makes the changes, each in a transaction that must succeed.
func (l ledger) write(t *testing.T, changes ...change) {
	t.Helper()
	for _, f := range changes {
		require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error { return f(t.Context(), tx) }))
	}
}

// refuse runs f in a transaction that must fail with the code and with a message that contains the given words.
func (l ledger) refuse(t *testing.T, code delivery.Code, f func(ctx context.Context, tx store.Tx) error, words ...string) {
	t.Helper()
	err := l.Update(t.Context(), func(tx store.Tx) error { return f(t.Context(), tx) })
	requireCode(t, code, err)
	for _, word := range words {
		require.ErrorContains(t, err, word)
	}
}

// read runs f over a snapshot and returns what it read.
func read[T any](t *testing.T, l ledger, f func(ctx context.Context, r store.Reader) (T, error)) T {
	t.Helper()
	v, err := tryRead(t.Context(), l, f)
	require.NoError(t, err)
	return v
}

// refuseRead runs f over a snapshot; it must fail with the code.
func refuseRead[T any](t *testing.T, l ledger, code delivery.Code, f func(ctx context.Context, r store.Reader) (T, error)) {
	t.Helper()
	_, err := tryRead(t.Context(), l, f)
	requireCode(t, code, err)
}

func tryRead[T any](ctx context.Context, l ledger, f func(ctx context.Context, r store.Reader) (T, error)) (v T, err error) {
	err = l.View(ctx, func(r store.Reader) (err error) {
		v, err = f(ctx, r)
		return err
	})
	return v, err
}

func requireCode(t *testing.T, code delivery.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotEmpty(t, delivery.ErrorsOf(err), "not a *delivery.Error: %v", err)
	require.Equal(t, code, delivery.CodeOf(err), "%v", err)
	require.NotEmpty(t, err.Error())
}

func environment(name string) delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{
		Name: name, Tier: delivery.TierStaging,
		Config:  map[string]string{"GREETING": "“hé” <b>&\n", "EMPTY": ""},
		Secrets: map[string]string{"TOKEN": "env:TOKEN"},
		Target:  &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name, Keep: 2}},
	}
}

func pipeline(name string) delivery.PipelineSpec {
	return delivery.PipelineSpec{Name: name, Stages: []delivery.Stage{
		{Name: "development", Environments: []string{"development"}, Promotion: delivery.Automatic},
		{Name: "production", Environments: []string{"eu", "us"}, Promotion: delivery.Manual, Gates: delivery.Gates{Parity: &delivery.ParityGate{}}},
	}}
}

func release(pipeline, version string) delivery.Release {
	spec := delivery.ReleaseSpec{
		Pipeline: pipeline, Version: version,
		Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/app.tar.gz", Digest: "sha256:00"}},
		Labels:    map[string]string{"ticket": "SHOP-42"},
	}
	return delivery.Release{Spec: spec, Digest: spec.Digest(), Attempt: 1, RegisteredBy: "alice@example.com", RegisteredAt: noon}
}

func approval(id, pipeline, version string, at time.Time) delivery.Approval {
	return delivery.Approval{
		ID:            id,
		Spec:          delivery.ApprovalSpec{Pipeline: pipeline, Version: version, Stage: "production", Decision: delivery.Approve, Approver: "bob@example.com"},
		ContentDigest: "sha256:01", DecidedAt: at,
	}
}

// deployment is a verified one; change what a story needs otherwise.
func deployment(id, pipeline, environment, version string) delivery.Deployment {
	settled := noon.Add(time.Minute)
	return delivery.Deployment{
		ID: id, Pipeline: pipeline, Stage: "stage-of-" + environment, Environment: environment,
		Content: delivery.Content{
			Version: version, ReleaseDigest: "sha256:02", ConfigRevision: "sha256:03",
			Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/app.tar.gz", Digest: "sha256:00"}},
			Config:    map[string]string{"LOG_LEVEL": "debug"},
		},
		Kind: delivery.KindDeliver, Attempt: 1, Rollout: "rollout-of-" + id, Status: delivery.Verified,
		Reason: "a new release", Actor: "alice@example.com",
		Gates:     []delivery.GateResult{{Name: "parity", Verdict: delivery.VerdictPassed, Reason: "equal"}},
		CreatedAt: noon, VerifiedAt: &settled, SettledAt: &settled,
	}
}

func inFlight(id, pipeline, environment, version string) delivery.Deployment {
	d := deployment(id, pipeline, environment, version)
	d.Status, d.VerifiedAt, d.SettledAt = delivery.Deploying, nil, nil
	return d
}

// add records deployments in their order and returns them as they were recorded.
func (l ledger) add(t *testing.T, all ...delivery.Deployment) []delivery.Deployment {
	t.Helper()
	recorded := []delivery.Deployment{}
	l.write(t, func(ctx context.Context, tx store.Tx) error {
		recorded = recorded[:0]
		for _, d := range all {
			added, err := tx.AddDeployment(ctx, d)
			if err != nil {
				return err
			}
			recorded = append(recorded, added)
		}
		return nil
	})
	return recorded
}

func ids(all []delivery.Deployment) []string {
	list := make([]string, len(all))
	for i, d := range all {
		list[i] = d.ID
	}
	return list
}

func event(kind delivery.EventKind, subject string) delivery.Event {
	return delivery.Event{At: noon, Actor: "alice@example.com", Kind: kind, Subject: subject, Data: fmt.Appendf(nil, `{ "subject" : %q }`, subject)}
}

// VerifyEvents checks the whole event chain of a ledger and returns how many events it has.
func VerifyEvents(ctx context.Context, s store.Store) (int, error) {
	count := 0
	err := s.View(ctx, func(r store.Reader) error {
		count = 0
		var previous *delivery.Event
		for {
			page, err := r.Events(ctx, int64(count), 100)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				if err := delivery.VerifyLink(previous, e); err != nil {
					return err
				}
				previous = &e
				count++
			}
		}
	})
	return count, err
}
