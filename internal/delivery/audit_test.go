package delivery

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// storedEvent is an event about an object, sealed after the one before.
func storedEvent(t *testing.T, before *Event, kind EventKind, object any) Event {
	t.Helper()
	data, err := json.Marshal(object)
	require.NoError(t, err)
	seq, hash := int64(1), ""
	if before != nil {
		seq, hash = before.Seq+1, before.Hash
	}
	return Event{At: fixtureNow, Actor: "ann", Kind: kind, Subject: "x", Data: data}.Sealed(seq, hash)
}

// storedRow is the row that the last event about an object leaves.
func storedRow(t *testing.T, table string, object any, columns map[string]any) Row {
	t.Helper()
	data, err := json.Marshal(object)
	require.NoError(t, err)
	values := map[string]any{"document": string(data)}
	for name, value := range columns {
		values[name] = value
	}
	return Row{table, values}
}

func TestAuditComparesEachTable(t *testing.T) {
	w := shopFixture()
	at := fixtureNow.UnixMicro()
	release, d := w.Releases["1.0"], deployed(w, 7, "1.0", "eu", Verified)
	promotion := Promotion{Spec: PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}}
	approval := Approval{ID: "a1", Spec: ApprovalSpec{Pipeline: "shop", Version: "1.0"}, DecidedAt: fixtureNow}
	report := TestReport{ID: "t1", Spec: TestReportSpec{Pipeline: "shop", Version: "1.0"}, RecordedAt: fixtureNow}
	override := Override{ID: "o1", Spec: OverrideSpec{Pipeline: "shop", Version: "1.0"}, CreatedAt: fixtureNow}
	record := func(id, moment string) map[string]any {
		return map[string]any{"id": id, "pipeline": "shop", "version": "1.0", moment: at}
	}
	named := func(name string) map[string]any { return map[string]any{"name": name} }
	for _, c := range []struct {
		kind    EventKind
		table   string
		object  any
		columns map[string]any
	}{
		{EventEnvironmentDeclared, "environments", EnvironmentSpec{Name: "eu"}, named("eu")},
		{EventPipelineDeclared, "pipelines", PipelineSpec{Name: "shop"}, named("shop")},
		{EventFreezeDeclared, "freezes", FreezeSpec{Name: "sale"}, named("sale")},
		{EventPolicyDeclared, "policies", PolicySpec{Name: "strict"}, named("strict")},
		{EventReleaseRegistered, "releases", release, map[string]any{"pipeline": "shop", "version": "1.0", "digest": release.Digest}},
		{EventPromotionRequested, "promotions", promotion, map[string]any{"pipeline": "shop", "stage": "production"}},
		{EventApprovalApproved, "approvals", approval, record("a1", "decided_at")},
		{EventTestReportRecorded, "test_reports", report, record("t1", "recorded_at")},
		{EventOverrideMade, "overrides", override, record("o1", "created_at")},
		{EventDeploymentVerified, "deployments", d, map[string]any{"seq": int64(7), "id": "d7", "pipeline": "shop", "stage": "production", "environment": "eu",
			"version": "1.0", "rollout": "r1.0", "status": "verified", "verified_at": at}},
	} {
		t.Run(c.table, func(t *testing.T) {
			audited := func(rows ...Row) error {
				audit := NewAudit("")
				require.NoError(t, audit.Event(storedEvent(t, nil, c.kind, c.object)))
				audit.meaning = newMeaning() // a deployment that begins as verified is another matter
				for _, row := range rows {
					if err := audit.Row(row); err != nil {
						return err
					}
				}
				return audit.End()
			}
			good := storedRow(t, c.table, c.object, c.columns)
			require.NoError(t, audited(good))
			require.ErrorContains(t, audited(), "is missing: event 1 ("+string(c.kind)+"), the last one about it, says that it is there")
			require.ErrorContains(t, audited(good, good), "no event records it: it was inserted or duplicated")
			changed := storedRow(t, c.table, c.object, c.columns)
			document, ok := changed.Values["document"].(string)
			require.True(t, ok)
			changed.Values["document"] = document + " "
			require.ErrorContains(t, audited(changed), "was changed outside the log, or newer events were removed")
			for column := range c.columns {
				if len(rowsOf(c.table).keys) == 0 || contains(rowsOf(c.table).keys, column) {
					continue
				}
				forged := storedRow(t, c.table, c.object, c.columns)
				forged.Values[column] = "forged"
				require.ErrorContains(t, audited(forged), "was changed outside the log: its "+column+" does not agree with its document", column)
			}
		})
	}
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

func TestAuditFollowsAnObject(t *testing.T) {
	first := storedEvent(t, nil, EventEnvironmentDeclared, EnvironmentSpec{Name: "eu"})
	second := storedEvent(t, &first, EventEnvironmentDeclared, EnvironmentSpec{Name: "eu", Tier: TierTesting})
	refused := storedEvent(t, &second, EventEnvironmentRefused, map[string]string{"reason": "no"})
	deleted := storedEvent(t, &refused, EventEnvironmentDeleted, EnvironmentSpec{Name: "eu"})
	row := func(tier Tier) Row {
		return storedRow(t, "environments", EnvironmentSpec{Name: "eu", Tier: tier}, map[string]any{"name": "eu"})
	}
	after := func(anchor string, events ...Event) *Audit {
		audit := NewAudit(anchor)
		for _, e := range events {
			require.NoError(t, audit.Event(e))
		}
		return audit
	}
	require.NoError(t, after("", first, second, refused).Row(row(TierTesting)))
	require.ErrorContains(t, after("", first, second).Row(row("")), `environment "eu" (table environments) is not what event 2 (environment.declared), the last one about it, says`)
	require.NoError(t, after("", first, second, refused, deleted).End())
	require.ErrorContains(t, after("", first, second, refused, deleted).Row(row(TierTesting)), "no event records it")
	require.ErrorContains(t, after("").Row(Row{"colors", nil}), `table "colors" is not one that this release knows`)
	require.NoError(t, after(deleted.Hash, first, second, refused, deleted).End())
	require.ErrorContains(t, after(deleted.Hash, first, second, refused).End(), "no event has the hash "+deleted.Hash+": the log was cut off before it, or rewritten")
	seq, hash := after("", first, second).Last()
	require.Equal(t, int64(2), seq)
	require.Equal(t, second.Hash, hash)
	seq, hash = NewAudit("").Last()
	require.Zero(t, seq)
	require.Empty(t, hash)
	unreadable := Event{Kind: EventEnvironmentDeclared, Data: json.RawMessage(`{"name":1}`)}.Sealed(1, "")
	require.ErrorContains(t, NewAudit("").Event(unreadable), "cannot be read")
	require.ErrorContains(t, after("", first).Event(deleted), "event 2 is missing")
}

// TestAuditNamesTheFirstThatIsMissing looks at two objects that no row is left of.
func TestAuditNamesTheFirstThatIsMissing(t *testing.T) {
	first := storedEvent(t, nil, EventFreezeDeclared, FreezeSpec{Name: "b"})
	second := storedEvent(t, &first, EventFreezeDeclared, FreezeSpec{Name: "a"})
	audit := NewAudit("")
	require.NoError(t, audit.Event(first))
	require.NoError(t, audit.Event(second))
	require.ErrorContains(t, audit.End(), `freeze "b" (table freezes) is missing: event 1`)
}

func TestAuditFollowsWhenARolloutBegan(t *testing.T) {
	w := shopFixture()
	start := func(before *Event, d Deployment) Event { return storedEvent(t, before, EventDeploymentStarted, d) }
	eu := deployed(w, 1, "1.0", "eu", Deploying)
	us := deployed(w, 2, "1.0", "us", Deploying).with(func(d *Deployment) { d.CreatedAt = *later(1e9) })
	back := deployed(w, 3, "1.1", "us", Deploying).with(func(d *Deployment) { d.Kind = KindRollback })
	alone := deployed(w, 4, "1.1", "stg", Deploying).with(func(d *Deployment) { d.Rollout = "" })
	audit := NewAudit("")
	var before *Event
	for _, d := range []Deployment{eu, us, back, alone} {
		e := start(before, d)
		require.NoError(t, audit.Event(e))
		before = &e
	}
	row := func(stage, rollout string, seq, started int64) Row {
		return Row{"rollouts", map[string]any{"pipeline": "shop", "stage": stage, "seq": seq, "rollout": rollout, "started_at": started}}
	}
	at := fixtureNow.UnixMicro()
	require.ErrorContains(t, audit.Row(row("production", "r1.0", 2, at+1e6)), "is not what event 1 (deployment.started)")
	require.NoError(t, audit.Row(row("production", "r1.0", 1, at)))
	require.NoError(t, audit.Row(row("staging", "d4", 4, at)), "a deployment without a rollout is one")
	require.ErrorContains(t, audit.Row(row("production", "r1.1", 3, at)), "no event records it", "rolling back is no delivery")
}

func TestAnEventThatWasMoved(t *testing.T) {
	first := storedEvent(t, nil, EventFreezeDeclared, FreezeSpec{Name: "a"})
	second := storedEvent(t, &first, EventFreezeDeclared, FreezeSpec{Name: "b"})
	third := storedEvent(t, &second, EventFreezeDeclared, FreezeSpec{Name: "c"})
	moved := third
	moved.Seq = 2
	require.ErrorContains(t, VerifyLink(&first, moved), "was event 3 when it was written: events were reordered, or some before it were inserted or removed")
	changed := second
	changed.Actor = "mallory"
	require.ErrorContains(t, VerifyLink(&first, changed), "was changed after it was written")
	require.ErrorContains(t, VerifyLink(&first, third), "event 2 is missing")
	require.ErrorContains(t, VerifyLink(&second, second), "it is out of order, or duplicated")
	require.ErrorContains(t, VerifyLink(nil, second), "event 1 is missing")
	replaced := storedEvent(t, nil, EventFreezeDeclared, FreezeSpec{Name: "z"})
	require.ErrorContains(t, VerifyLink(&replaced, second), "was not written after event 1 as it is now: the link is broken")
	require.NoError(t, VerifyLink(&first, second))
	long := moved
	long.Data = json.RawMessage(`"` + string(make([]byte, longest)) + `"`)
	require.ErrorContains(t, VerifyLink(&first, long), "was changed after it was written", "it is not looked for")
}
