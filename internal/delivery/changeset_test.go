package delivery

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func changesOf(specs ...PolicySpec) Changes[PolicySpec] {
	var changes Changes[PolicySpec]
	for _, spec := range specs {
		changes.Put(spec.Name, spec, true)
	}
	return changes
}

func TestChangesOfANoun(t *testing.T) {
	var c Changes[PolicySpec]
	require.True(t, c.Known("strict"), "what the plan does not speak of is as the ledger has it")
	_, ok := c.After("strict")
	require.False(t, ok)

	c.PutUnknown("strict")
	require.True(t, c.HasUnknown())
	require.False(t, c.Known("lax", "strict"))
	require.False(t, c.removes("strict"))
	_, ok = c.After("strict")
	require.False(t, ok)

	c.Put("strict", PolicySpec{Name: "strict"}, false)
	require.False(t, c.HasUnknown(), "apply plans again, with everything known")
	require.Equal(t, []PolicySpec{{Name: "strict"}}, c.All())

	c.Remove("lax")
	require.True(t, c.removes("lax"))
	require.False(t, c.removes("absent"))
	c.Put("moved", PolicySpec{Name: "moved"}, true)
	c.Remove("moved")
	require.False(t, c.removes("moved"), "another resource of the plan declares it again")

	list := []PolicySpec{{Name: "lax"}, {Name: "other"}, {Name: "strict", Tiers: []Tier{TierProduction}}}
	require.Equal(t, []PolicySpec{{Name: "other"}, {Name: "moved"}, {Name: "strict"}}, c.applied(list, func(s PolicySpec) string { return s.Name }))
	require.Len(t, list, 3, "the list itself stays")

	require.Equal(t, []PolicySpec{{Name: "moved"}}, c.Where(func(s PolicySpec) bool { return s.Name == "moved" }).All())
	require.True(t, c.Where(func(PolicySpec) bool { return false }).removes("lax"), "removals concern everyone")
}

func TestAChangeSetTravelsAsJSON(t *testing.T) {
	set := ChangeSet{Policies: changesOf(PolicySpec{Name: "strict"}), UnknownDeliveries: map[string]bool{"shop": true}, Actor: "ann"}
	set.Freezes.PutUnknown("holidays")
	set.Overrides.Remove("o1")
	text, err := json.Marshal(set)
	require.NoError(t, err)
	var read ChangeSet
	require.NoError(t, json.Unmarshal(text, &read))
	set.Actor = "" // a request names its actor elsewhere
	require.Equal(t, set, read)
	text, err = json.Marshal(ChangeSet{})
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(text))
}

// appliedWorld is a world in which every noun has something to change.
func appliedWorld() World {
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	return World{
		Now: now,
		Pipeline: PipelineSpec{Name: "shop", Stages: []Stage{{Name: "staging", Promotion: Automatic, Environments: []string{"staging"}},
			{Name: "production", Promotion: Manual, Environments: []string{"production"}, Gates: Gates{Approvals: &ApprovalsGate{Required: 1}}}}},
		Releases:   map[string]Release{"1.0.0": {Spec: ReleaseSpec{Pipeline: "shop", Version: "1.0.0"}, Digest: "d", RegisteredBy: "rita", RegisteredAt: now.Add(-time.Hour)}},
		Promotions: map[string]Promotion{},
		Approvals:  []Approval{{ID: "a1", Spec: ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: Approve, Approver: "bob"}}},
		Reports:    []TestReport{{ID: "t1", Spec: TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit"}}},
		Overrides:  []Override{{ID: "o1", Spec: OverrideSpec{Pipeline: "shop", Version: "1.0.0"}}},
		Freezes:    []FreezeSpec{{Name: "holidays"}},
		Policies:   []PolicySpec{{Name: "strict"}},
	}
}

func TestApplyingAChangeSet(t *testing.T) {
	before := appliedWorld()
	set := ChangeSet{Actor: "ann"}
	require.Equal(t, before.Releases, set.Apply(before).Releases, "an empty change set changes nothing")

	set.Releases.Put("shop/1.0.0", ReleaseRequest{Attempt: 2, Spec: ReleaseSpec{Pipeline: "shop", Version: "1.0.0"}}, true)
	set.Releases.Put("shop/1.1.0", ReleaseRequest{Attempt: 1, Spec: ReleaseSpec{Pipeline: "shop", Version: "1.1.0"}}, true)
	set.Releases.Put("pay/9", ReleaseRequest{Attempt: 1, Spec: ReleaseSpec{Pipeline: "pay", Version: "9"}}, true)
	set.Promotions.Put("shop/production", PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.1.0"}, true)
	set.Promotions.Put("pay/production", PromotionSpec{Pipeline: "pay", Stage: "canary", Version: "9"}, true)
	approval := ApprovalSpec{Pipeline: "shop", Version: "1.1.0", Stage: "production", Decision: Approve}
	set.Approvals.Put(approval.PlanKey(), approval, true)
	for _, elsewhere := range []ApprovalSpec{{Pipeline: "pay", Version: "1.1.0", Stage: "production"}, {Pipeline: "shop", Version: "2", Stage: "production"}, {Pipeline: "shop", Version: "1.1.0", Stage: "gone"}} {
		set.Approvals.Put(elsewhere.PlanKey(), elsewhere, true)
	}
	set.Approvals.Remove("a1")
	report := TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.1.0", Suite: "unit"}, Counts: TestCounts{Tests: 3}}
	set.Reports.Put(report.Spec.PlanKey(), report, true)
	unregistered := TestReportSpec{Pipeline: "shop", Version: "2", Suite: "unit"}
	set.Reports.Put(unregistered.PlanKey(), TestReport{Spec: unregistered}, true)
	set.Reports.Remove("t1")
	override := OverrideSpec{Pipeline: "shop", Version: "1.1.0", Stage: "production", Gates: []string{"soak"}}
	set.Overrides.Put(override.PlanKey(), override, true)
	elsewhere := OverrideSpec{Pipeline: "pay", Version: "1.1.0"}
	set.Overrides.Put(elsewhere.PlanKey(), elsewhere, true)
	set.Overrides.Remove("o1")
	set.Verifications.Put("v", VerificationSpec{Pipeline: "shop", Stage: "staging", Version: "1.1.0"}, true)
	set.Verifications.Put("w", VerificationSpec{Pipeline: "pay", Stage: "staging", Version: "9"}, true)
	set.Freezes.Remove("holidays")
	set.Policies.Put("calm", PolicySpec{Name: "calm"}, true)

	w := set.Apply(before)
	require.Equal(t, appliedWorld(), before, "the world that it is applied to stays")

	require.Len(t, w.Releases, 2)
	require.Equal(t, "rita", w.Releases["1.0.0"].RegisteredBy, "who registered it first stays")
	require.Equal(t, before.Releases["1.0.0"].RegisteredAt, w.Releases["1.0.0"].RegisteredAt)
	require.Equal(t, 2, w.Releases["1.0.0"].Attempt)
	require.Equal(t, "ann", w.Releases["1.1.0"].RegisteredBy)
	require.Equal(t, []string{"1.1.0"}, w.Unregistered)
	require.Len(t, w.Promotions, 2)
	require.Equal(t, "1.1.0", w.Promotions["staging"].Spec.Version, "the last version leads")
	require.Equal(t, Promotion{Spec: PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.1.0"}, RequestedBy: "ann", RequestedAt: w.Now}, w.Promotions["production"])

	require.Len(t, w.Approvals, 2)
	require.Equal(t, &w.Now, w.Approvals[0].RevokedAt, "a revoked approval stays: it begins another round")
	planned := w.Approvals[1]
	require.Equal(t, "ann", planned.Spec.Approver, "whoever acts approves")
	require.Equal(t, w.ApprovalRequest(w.Pipeline.Stages[1], w.Releases["1.1.0"], Approve).ContentDigest, planned.ContentDigest)
	require.Greater(t, planned.Number, 1000, "it comes after those that are recorded")

	require.Len(t, w.Reports, 1)
	require.Equal(t, TestCounts{Tests: 3}, w.Reports[0].Counts)
	require.Equal(t, w.Releases["1.1.0"].Digest, w.Reports[0].ReleaseDigest)
	require.Equal(t, "ann", w.Reports[0].RecordedBy)
	require.Len(t, w.Overrides, 1)
	require.Equal(t, override, w.Overrides[0].Spec)
	require.Equal(t, w.Releases["1.1.0"].Digest, w.Overrides[0].ReleaseDigest)
	require.Equal(t, []VerificationSpec{{Pipeline: "shop", Stage: "staging", Version: "1.1.0"}}, w.Verifications)
	require.Empty(t, w.Freezes)
	require.Equal(t, []PolicySpec{{Name: "strict"}, {Name: "calm"}}, w.Policies)

	require.ElementsMatch(t, []string{"1.0.0", "1.1.0", "9", "1.1.0", "9"}, set.Versions())
	require.Equal(t, []string{"staging"}, ChangeSet{Releases: set.Releases}.EntriesBefore(w.Pipeline, "production"))
	require.Empty(t, ChangeSet{}.EntriesBefore(w.Pipeline, "production"))
}
