package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A declaration has to be as the plan leaves it.
func TestPlannedDeclarationsInTheLedger(t *testing.T) {
	set := ChangeSet{}
	freeze := FreezeSpec{Name: "december", Reason: "shop", Pipelines: []string{"shop"}}
	set.Freezes.Put("december", freeze, true)
	set.Policies.Put("strict", PolicySpec{Name: "strict", Tiers: []Tier{TierProduction}}, true)
	set.Pipelines.Put("shop", PipelineSpec{Name: "shop"}, true)
	set.Environments.Put("eu", EnvironmentSpec{Name: "eu", Tier: TierProduction}, true)
	recorded := map[string]any{"freeze": freeze, "policy": PolicySpec{Name: "strict", Tiers: []Tier{TierProduction}},
		"pipeline": PipelineSpec{Name: "shop"}, "environment": EnvironmentSpec{Name: "eu", Tier: TierProduction}}
	others := map[string]any{"freeze": FreezeSpec{Name: "december", Reason: "shop"}, "policy": PolicySpec{Name: "strict"},
		"pipeline": PipelineSpec{Name: "blog"}, "environment": EnvironmentSpec{Name: "eu", Tier: TierStaging}}
	closings := set.Closings(recordedAll)
	require.Len(t, closings, 4)
	for _, c := range closings {
		planned := set.PlannedChange(c, "alice@example.com")
		require.True(t, planned.IsIn(Recorded{Declaration: recorded[c.Noun]}), c.Noun)
		require.False(t, planned.IsIn(Recorded{}), c.Noun)
		require.False(t, planned.IsIn(Recorded{Declaration: others[c.Noun]}), c.Noun)
		planned.Digest = ""
		require.False(t, planned.IsIn(Recorded{Declaration: recorded[c.Noun]}), "what is not known is not there")
	}
}

// Of decisions and reports the last one counts.
func TestPlannedRecordsInTheLedger(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	set := ChangeSet{}
	rejection := ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "live", Decision: Reject, Comment: "no"}
	set.Approvals.Put("r", rejection, true)
	planned := set.PlannedChange(set.Closings(recordedAll)[0], "Alice@example.com")
	pipeline, version := planned.Release()
	require.Equal(t, []string{"shop", "1.0"}, []string{pipeline, version})
	decision := func(number int, edit func(*Approval)) Approval {
		a := Approval{ID: "a", Spec: rejection, Number: number}
		a.Spec.Approver = "alice@example.com"
		if edit != nil {
			edit(&a)
		}
		return a
	}
	approve := func(a *Approval) { a.Spec.Decision = Approve }
	for name, c := range map[string]struct {
		recorded []Approval
		want     bool
	}{
		"nothing":              {nil, false},
		"the rejection":        {[]Approval{decision(1, nil)}, true},
		"of another stage":     {[]Approval{decision(1, func(a *Approval) { a.Spec.Stage = "demo" })}, false},
		"of another person":    {[]Approval{decision(1, func(a *Approval) { a.Spec.Approver = "bob@example.com" })}, false},
		"with another comment": {[]Approval{decision(1, func(a *Approval) { a.Spec.Comment = "" })}, false},
		"an approval":          {[]Approval{decision(1, approve)}, false},
		"approved since":       {[]Approval{decision(2, approve), decision(1, nil)}, false},
		"rejected since":       {[]Approval{decision(1, approve), decision(2, nil)}, true},
		"revoked":              {[]Approval{decision(1, func(a *Approval) { a.RevokedAt = &now })}, false},
	} {
		require.Equal(t, c.want, planned.IsIn(Recorded{Approvals: c.recorded}), name)
	}

	set = ChangeSet{}
	report := TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Counts: TestCounts{Tests: 3, Failures: 1}}
	set.Reports.Put("r", report, true)
	planned = set.PlannedChange(set.Closings(recordedAll)[0], "alice@example.com")
	pipeline, version = planned.Release()
	require.Equal(t, []string{"shop", "1.0"}, []string{pipeline, version})
	ran := func(number, failures int, suite string, withdrawn *time.Time) TestReport {
		r := report
		r.Number, r.Counts.Failures, r.Spec.Suite, r.WithdrawnAt = number, failures, suite, withdrawn
		return r
	}
	for name, c := range map[string]struct {
		recorded []TestReport
		want     bool
	}{
		"nothing":           {nil, false},
		"the report":        {[]TestReport{ran(1, 1, "unit", nil)}, true},
		"of another suite":  {[]TestReport{ran(1, 1, "e2e", nil)}, false},
		"with other counts": {[]TestReport{ran(1, 0, "unit", nil)}, false},
		"passed since":      {[]TestReport{ran(2, 0, "unit", nil), ran(1, 1, "unit", nil)}, false},
		"withdrawn":         {[]TestReport{ran(1, 1, "unit", &now)}, false},
	} {
		require.Equal(t, c.want, planned.IsIn(Recorded{Reports: c.recorded}), name)
	}
}

// What is removed is there until it is deleted, revoked or withdrawn.
func TestPlannedRemovalsInTheLedger(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	set := ChangeSet{}
	set.Approvals.Remove("shop/1.0/live/1")
	set.Overrides.Remove("shop/1.0/live/1")
	set.Reports.Remove("shop/1.0/live/1")
	set.Policies.Remove("shop")
	set.Environments.Remove("shop")
	there := map[string]Recorded{
		"approval": {Approvals: []Approval{{ID: "shop/1.0/live/1"}}}, "override": {Overrides: []Override{{ID: "shop/1.0/live/1"}}},
		"test report": {Reports: []TestReport{{ID: "shop/1.0/live/1"}}}, "policy": {Declaration: PolicySpec{}}, "environment": {Declaration: EnvironmentSpec{}},
	}
	gone := map[string]Recorded{
		"approval":    {Approvals: []Approval{{ID: "shop/1.0/live/1", RevokedAt: &now}, {ID: "shop/1.0/live/2"}}},
		"override":    {Overrides: []Override{{ID: "shop/1.0/live/1", RevokedAt: &now}, {ID: "shop/1.0/live/2"}}},
		"test report": {Reports: []TestReport{{ID: "shop/1.0/live/1", WithdrawnAt: &now}, {ID: "shop/1.0/live/2"}}},
	}
	closings := set.Closings(recordedAll)
	require.Len(t, closings, 5)
	for _, c := range closings {
		planned := set.PlannedChange(c, "alice@example.com")
		require.False(t, planned.IsIn(there[c.Noun]), c.Noun)
		require.True(t, planned.IsIn(gone[c.Noun]), c.Noun)
		if c.Name == "shop/1.0" {
			pipeline, version := planned.Release()
			require.Equal(t, []string{"shop", "1.0"}, []string{pipeline, version})
		}
	}
}
