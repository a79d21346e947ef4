package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNamingAContent(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	require.Equal(t, "0123456789ab", ShortContent(digest))
	require.Empty(t, ShortContent(""))
	require.Equal(t, `content = "0123456789ab"`, ContentLine(digest))
	for content, wrong := range map[string]string{
		"0123456789ab": "", "0123456789abcdef": "", digest: "", strings.TrimPrefix(digest, "sha256:"): "", "sha256:0123456789ab": "",
		"":                  "content is missing: a decision names what somebody reviewed",
		"0123456789a":       `"0123456789a" has 11 digits; at least 12 are needed`,
		"sha256:0123":       "has 4 digits",
		"0123456789AB":      "is not the beginning of a digest",
		"1.4.2":             "is not the beginning of a digest",
		"0123456789ac":      `"0123456789ac" is not the content of shop/1.0 for production, or what would be delivered has changed since`,
		"123456789abc":      "is not the content of",
		digest + "0":        "is not the content of",
		"sha256:sha256:012": "is not the beginning",
	} {
		refused := judgeContent(content, digest, "shop/1.0 for production")
		require.Equal(t, wrong == "", refused == nil, content)
		require.Equal(t, wrong == "", NamesContent(content, digest), content)
		if refused != nil {
			require.Equal(t, "content", refused.Field)
			require.Contains(t, refused.Message, wrong)
			require.True(t, strings.HasSuffix(refused.Message, "\n\n  content = \"0123456789ab\""), refused.Message)
		}
	}
	spaced := " " + ShortContent(digest)
	require.ErrorContains(t, judgeContent(spaced, digest, "shop/1.0 for production"), "is not the beginning of a digest")
	require.False(t, NamesContent(spaced, digest))
}

// TestTheSameDecisionNamesTheSameContent finds a decision again by more digits of its content, and not by those of another one.
func TestTheSameDecisionNamesTheSameContent(t *testing.T) {
	w := approvalFixture()
	stage, release := w.Pipeline.Stages[1], w.Releases["1.0"]
	digest := w.ApprovalDigest(stage, release)
	spec := ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: Approve, Approver: "bob", Content: ShortContent(digest)}
	w.Approvals = []Approval{w.Decision(spec, "bob", "a1", 1)}
	require.Equal(t, digest, w.Approvals[0].ContentDigest)
	require.NotNil(t, w.Given(spec))
	spec.Content = digest
	require.NotNil(t, w.Given(spec))
	require.NotNil(t, w.Recorded(spec))
	spec.Content = "000000000000"
	require.Nil(t, w.Given(spec))
	spec.Content = ""
	require.Nil(t, w.Given(spec))

	spec.Signature = "bob's"
	w.Approvals = []Approval{w.Decision(spec, "ci", "a1", 1)}
	for _, content := range []string{"", ShortContent(digest), digest} {
		spec.Content = content
		require.NotNil(t, w.Given(spec), "its signature names the content")
	}
	spec.Content, spec.Comment = "", "once more"
	require.Nil(t, w.Given(spec))
}

// TestAnOverrideIsBound makes an override of the approvals gate, and then changes who made it, what it covers, and who rejected the release.
func TestAnOverrideIsBound(t *testing.T) {
	scene := func() (World, OverrideSpec) {
		w := approvalFixture()
		w.Pipeline.Stages[1].Overridable = []string{"approvals"}
		return w, OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Gates: []string{"approvals"}, Reason: "outage", Ticket: "OPS-1", Duration: "2h"}
	}
	gate := func(w World) GateResult {
		for _, g := range production(w).evaluate() {
			if g.Name == "approvals" {
				return g
			}
		}
		return GateResult{}
	}
	w, spec := scene()
	require.Empty(t, spec.ValidateStage(w, "eve"))
	w.Overrides = []Override{w.NewOverride(spec, "eve", "o1")}
	require.Equal(t, fixtureNow.Add(2*time.Hour), w.Overrides[0].ExpiresAt)
	require.Equal(t, "o1", gate(w).Override)
	require.Contains(t, gate(w).Reason, "until 2027-03-01T11:00:00Z")
	require.NotNil(t, w.Overriding(spec, "eve"), "made once")
	require.Nil(t, w.Overriding(spec, "bob"))
	w.Now = fixtureNow.Add(2 * time.Hour)
	require.Empty(t, gate(w).Override, "it ended")
	require.Nil(t, w.Overriding(spec, "eve"))

	w, _ = scene()
	w.Overrides = []Override{w.NewOverride(spec, "eve", "o1")}
	eu := w.Environments["eu"]
	eu.Config = map[string]string{"NEW": "1"}
	w.Environments["eu"] = eu
	require.Empty(t, gate(w).Override, "another configuration")
	require.Equal(t, "o1", inEnvironments(w, "us").overridden([]GateResult{{Name: "approvals", Verdict: VerdictPending}})[0].Override, "us has the same")

	w, _ = scene()
	w.Overrides = []Override{w.NewOverride(spec, "eve", "o1")}
	w.Approvals = []Approval{says(w, "a1", "bob", 1, Reject)}
	require.Equal(t, VerdictFailed, gate(w).Verdict, "a rejection is not skipped")
	requireErrors(t, spec.ValidateStage(w, "eve"), map[string]string{"version": `bob rejected release shop/1.0 in stage "production", and an override never skips a rejection`})

	w, _ = scene()
	requireErrors(t, spec.ValidateStage(w, "ANN"), map[string]string{"gates": "ANN is an author of release shop/1.0"})
	w.Overrides = []Override{w.NewOverride(spec, "ann", "o1")}
	require.Equal(t, VerdictPending, gate(w).Verdict, "the author's own")
	w.Pipeline.Stages[1].Gates.Approvals.AllowAuthor = true
	require.Empty(t, spec.ValidateStage(w, "ann"))

	for duration, wrong := range map[Duration]string{"168h": "", "7d": "", "6d24h": "", "169h": "is too long", "8d": "is too long", "0s": "is too short", "-1h": "is too short", "soon": "is not a duration", "7d-1h": "is not a duration", "d": "is not a duration"} {
		spec.Duration = duration
		require.Equal(t, wrong == "", len(spec.Validate()) == 0, duration)
		require.Contains(t, spec.Validate().Error(), wrong, duration)
	}
	spec.Duration, spec.ExpiresAt = "1h", "2027-03-01T10:00:00Z"
	requireErrors(t, spec.Validate(), map[string]string{"duration": "set either expires_at or duration, not both"})
}
