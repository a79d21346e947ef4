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
	require.Equal(t, []PolicySpec{{Name: "other"}, {Name: "moved"}, {Name: "strict"}}, c.Over(list, PolicySpec.ID))
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
			{Name: "production", Promotion: Manual, Environments: []string{"production"}, Gates: Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}}}}},
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
	released := set.Apply(before)
	approval := ApprovalSpec{Pipeline: "shop", Version: "1.1.0", Stage: "production", Decision: Approve,
		Content: ShortContent(released.ApprovalDigest(released.Pipeline.Stages[1], released.Releases["1.1.0"]))}
	set.Approvals.Put(approval.PlanKey(), approval, true)
	carol := ApprovalSpec{Pipeline: "shop", Version: "1.1.0", Stage: "production", Decision: Approve, Comment: "of whatever comes"}
	set.Approvals.Put(carol.PlanKey(), carol, true)
	for _, elsewhere := range []ApprovalSpec{{Pipeline: "pay", Version: "1.1.0", Stage: "production"}, {Pipeline: "shop", Version: "2", Stage: "production"}, {Pipeline: "shop", Version: "1.1.0", Stage: "gone"}} {
		set.Approvals.Put(elsewhere.PlanKey(), elsewhere, true)
	}
	set.Approvals.Remove("a1")
	report := TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.1.0", Suite: "unit"}, Counts: TestCounts{Tests: 3}}
	set.Reports.Put(report.Spec.PlanKey(), report, true)
	unregistered := TestReportSpec{Pipeline: "shop", Version: "2", Suite: "unit"}
	set.Reports.Put(unregistered.PlanKey(), TestReport{Spec: unregistered}, true)
	set.Reports.Remove("t1")
	override := OverrideSpec{Pipeline: "shop", Version: "1.1.0", Stage: "production", Gates: []string{"soak"}, Content: approval.Content}
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
	require.Equal(t, "ann", planned.Spec.Approver, "the actor approves")
	require.Equal(t, approval.Content, planned.Spec.Content, "one that names no content is not given")
	require.Equal(t, w.ApprovalRequest(w.Pipeline.Stages[1], w.Releases["1.1.0"], Approve).ContentDigest, planned.ContentDigest)
	require.Greater(t, planned.Number, 1000, "it comes after those that are recorded")

	require.Len(t, w.Reports, 2)
	require.Equal(t, &w.Now, w.Reports[0].WithdrawnAt, "a withdrawn report stays: what was said before does not count again")
	require.Equal(t, TestCounts{Tests: 3}, w.Reports[1].Counts)
	require.Equal(t, w.Releases["1.1.0"].Digest, w.Reports[1].ReleaseDigest)
	require.Equal(t, "ann", w.Reports[1].RecordedBy)
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

func TestWhatAPreviewOfEnvironmentsNeeds(t *testing.T) {
	set := ChangeSet{Actor: "ann"}
	set.Environments.Put("dev", EnvironmentSpec{Name: "dev", Parity: &Parity{With: "stg"}}, true)
	set.Environments.Put("stg", EnvironmentSpec{Name: "stg", ReplicaOf: "eu"}, true)
	set.Environments.Put("eu", EnvironmentSpec{Name: "eu"}, true)
	set.Environments.Put("us", EnvironmentSpec{Name: "us"}, true)
	part := set.ForEnvironments("dev")
	require.Equal(t, []string{"dev", "eu", "stg"}, sortedKeys(part.Environments), "the reference is a replica of a third")
	require.Equal(t, "ann", part.Actor)
}

// TestWhatAPreviewOfAPipelineNeeds has the pipeline move from the environment old to the environment new.
func TestWhatAPreviewOfAPipelineNeeds(t *testing.T) {
	recorded := &PipelineSpec{Name: "shop", Stages: []Stage{{Name: "staging", Environments: []string{"old"}}}}
	set := ChangeSet{}
	for _, name := range []string{"old", "new", "other"} {
		set.Environments.Put(name, EnvironmentSpec{Name: name}, true)
	}
	set.Releases.Put("shop/1.0", ReleaseRequest{Spec: ReleaseSpec{Pipeline: "shop", Version: "1.0"}}, true)
	set.Releases.Put("pay/1.0", ReleaseRequest{Spec: ReleaseSpec{Pipeline: "pay", Version: "1.0"}}, true)
	set.Overrides.Remove("o1")
	part := set.ForPipeline("shop", recorded)
	require.Equal(t, []string{"old"}, sortedKeys(part.Environments))
	require.Equal(t, []string{"shop/1.0"}, sortedKeys(part.Releases))
	require.True(t, part.Overrides.removes("o1"))
	require.Empty(t, set.ForPipeline("shop", nil).Environments)

	set.Pipelines.Put("shop", PipelineSpec{Name: "shop", Stages: []Stage{{Name: "staging", Environments: []string{"new"}}}}, true)
	require.Equal(t, []string{"new"}, sortedKeys(set.ForPipeline("shop", recorded).Environments), "as the plan leaves the pipeline")

	require.True(t, set.PipelineKnown("shop", recorded))
	set.Environments.PutUnknown("old")
	require.True(t, set.PipelineKnown("shop", recorded), "it is no longer one of the pipeline's")
	set.Environments.PutUnknown("new")
	require.False(t, set.PipelineKnown("shop", recorded))
}

func TestDeliveriesAreKnown(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ChangeSet)
		known  bool
	}{
		"all is known":       {func(*ChangeSet) {}, true},
		"an unknown freeze":  {func(c *ChangeSet) { c.Freezes.PutUnknown("sale") }, false},
		"an unknown policy":  {func(c *ChangeSet) { c.Policies.PutUnknown("calm") }, false},
		"an unknown release": {func(c *ChangeSet) { c.UnknownDeliveries = map[string]bool{"shop": true} }, false},
		"of some pipeline":   {func(c *ChangeSet) { c.UnknownDeliveries = map[string]bool{"": true} }, false},
		"of another one":     {func(c *ChangeSet) { c.UnknownDeliveries = map[string]bool{"pay": true} }, true},
		"a removed freeze":   {func(c *ChangeSet) { c.Freezes.Remove("sale") }, true},
	} {
		set := ChangeSet{}
		c.change(&set)
		require.Equal(t, c.known, set.DeliveriesKnown("shop"), name)
	}
}

func TestEntriesBeforeAStage(t *testing.T) {
	p := PipelineSpec{Name: "shop", Stages: []Stage{{Name: "staging", Promotion: Automatic}, {Name: "canary", Promotion: Manual}, {Name: "production", Promotion: Manual}}}
	set := ChangeSet{}
	for _, stage := range []string{"canary", "production"} {
		set.Promotions.Put("shop/"+stage, PromotionSpec{Pipeline: "shop", Stage: stage}, true)
	}
	require.Equal(t, []string{"canary"}, set.EntriesBefore(p, "production"), "not the stage itself")
	require.Empty(t, set.EntriesBefore(p, "canary"))
	set.Releases.Put("shop/1.0", ReleaseRequest{}, true)
	require.Equal(t, []string{"staging", "canary"}, set.EntriesBefore(p, "production"))
	p.Stages[0].Promotion = Manual
	require.Equal(t, []string{"canary"}, set.EntriesBefore(p, "production"), "releases do not enter by themselves")
}

// TestPlannedEvidenceIsTheNewest plans a revocation, another approval, and another report.
func TestPlannedEvidenceIsTheNewest(t *testing.T) {
	w := approvalFixture()
	w.Approvals = []Approval{says(w, "a1", "bob", 7, Reject)}
	w.Reports = []TestReport{{ID: "t1", Number: 7, Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, ReleaseDigest: w.Releases["1.0"].Digest, Counts: TestCounts{Tests: 1, Failures: 1}}}
	set := ChangeSet{Actor: "bob"}
	set.Approvals.Put("new", ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: Approve,
		Content: ShortContent(w.ApprovalDigest(w.Pipeline.Stages[1], w.Releases["1.0"]))}, true)
	set.Reports.Put("new", TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Counts: TestCounts{Tests: 1}}, true)
	planned := set.Apply(w)
	require.Equal(t, VerdictPassed, production(planned).approvals(*w.Pipeline.Stages[1].Gates.Approvals).Verdict, "bob changed his mind")
	require.Equal(t, VerdictPassed, production(planned).tests("unit", TestsGate{}).Verdict)

	set.Approvals.Remove("a1")
	require.Equal(t, 2, set.Apply(w).ApprovalRequest(w.Pipeline.Stages[1], w.Releases["1.0"], Approve).Round, "a revocation begins another round")
}
