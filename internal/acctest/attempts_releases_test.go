package acctest_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// other returns the version's release with other content.
func (sc *scenario) other(edit func(*delivery.ReleaseSpec)) delivery.ReleaseSpec {
	spec := sc.spec(sc.version)
	spec.Artifacts, spec.Labels = maps.Clone(spec.Artifacts), maps.Clone(spec.Labels)
	edit(&spec)
	return spec
}

// otherArtifact returns a page that was not tested.
func (sc *scenario) otherArtifact() map[string]delivery.Artifact {
	sc.Helper()
	at, text := filepath.Join(sc.h.Dir, "other.html"), []byte("gotcha")
	require.NoError(sc, os.WriteFile(at, text, 0o600))
	return map[string]delivery.Artifact{"app": {URI: at, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(text))}}
}

func promoteIt(sc *scenario) error { return sc.promote() }

func nothing(*scenario) {}

// failIn makes every deployment to a stage fail.
func (sc *scenario) failIn(stage string) {
	sc.failWhere(func(r driver.Request) bool { return r.Stage == stage })
}

// failWhere makes each deployment fail for which f is true.
func (sc *scenario) failWhere(f func(driver.Request) bool) {
	sc.h.Drivers["directory"].Fail(func(r driver.Request) error {
		if f(r) {
			return errors.New("the disk is full")
		}
		return nil
	})
}

func (sc *scenario) succeed() { sc.h.Drivers["directory"].Fail(nil) }

// releaseOnly registers the release again. The error says what production waits for.
func releaseOnly(sc *scenario) error {
	state, err := sc.by(rita).PutRelease(sc.Context(), delivery.ReleaseRequest{Spec: sc.spec(sc.version), Attempt: 2})
	sc.must(err)
	require.Nil(sc, state.Work.Failure)
	require.Equal(sc, delivery.StageWaiting, state.Stages["production"].Status)
	return sc.waits(state.Stages["production"].WaitingOn)
}

// attemptsOnReleases try to bring in content that was not approved, under a version that was.
func attemptsOnReleases() []attempt {
	return []attempt{
		{
			name: "other bytes under the same version",
			promote: func(sc *scenario) error {
				return sc.register(sc.other(func(s *delivery.ReleaseSpec) { s.Artifacts = sc.otherArtifact() }), 1)
			},
			reasons: []string{"artifacts: release shop/1.0.0 is registered already", "releases are immutable"},
			fix:     nothing, enter: promoteIt,
		},
		{
			name: "the version again after the release was retired",
			do:   func(sc *scenario) { sc.must(sc.by(rita).DeleteRelease(sc.Context(), "shop", sc.version)) },
			promote: func(sc *scenario) error {
				return sc.register(sc.other(func(s *delivery.ReleaseSpec) { s.Artifacts = sc.otherArtifact() }), 1)
			},
			reasons: []string{"releases are immutable", "Give the new content a new version"},
			fix:     func(sc *scenario) { sc.must(sc.deliver(sc.version, 1)) }, enter: promoteIt,
		},
		{
			name:    "the version again by another author, so that the author may approve",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.refused(sc.register(sc.other(func(s *delivery.ReleaseSpec) { s.Source = &delivery.Source{Revision: "3f2c", Author: mallory} }), 1))
				sc.tryToDecide(dave, sc.approval())
			},
			blocked: []string{"approvals"}, reasons: []string{"with other source: releases are immutable", "dave@example.com is the author", "1 of 2 approvals, by alice@example.com"},
			fix: func(sc *scenario) { sc.approve(bob) },
		},
		{
			name:  "the version again with the label that an expression asks for",
			rules: func(r *rules) { r.release.Labels = map[string]string{"ticket": "none"} },
			do: func(sc *scenario) {
				sc.refused(sc.register(sc.other(func(s *delivery.ReleaseSpec) { s.Labels["ticket"] = "SHOP-42" }), 1))
			},
			blocked: []string{"expressions.ticket"}, reasons: []string{"with other labels: releases are immutable", "a release names its ticket"},
			fix: func(sc *scenario) { // a new version
				sc.version, sc.rules.release.Labels = "1.0.1", map[string]string{"ticket": "SHOP-42"}
				sc.validPath()
			},
		},
		{
			name:    "with a release and no promotion, into a manual stage",
			promote: releaseOnly,
			reasons: []string{"a person decides", "promote 1.0.0 into production"},
			fix:     nothing, enter: promoteIt,
		},
		{
			name:    "never verified in staging",
			without: []step{delivered, tested, approved, soaked},
			do: func(sc *scenario) {
				_, err := sc.by(rita).PutFreeze(sc.Context(), freeze("staging", func(f *delivery.FreezeSpec) { f.Environments = []string{"staging"} }))
				sc.must(err)
				sc.validPath()
			},
			blocked: []string{"previous_stage", "soak", "parity", "policy.guard.soak"}, reasons: []string{"1.0.0 is not verified in staging (staging) yet"},
			fix: func(sc *scenario) {
				sc.must(sc.by(rita).DeleteFreeze(sc.Context(), "staging"))
				sc.must(sc.deliver(sc.version, 1))
				sc.h.Clock.Advance(soaking)
			},
		},
		{
			name:    "failed in staging",
			without: []step{delivered, tested, approved, soaked},
			do: func(sc *scenario) {
				sc.failIn("staging")
				sc.refused(sc.deliver(sc.version, 1))
				sc.succeed()
				sc.validPath(delivered)
			},
			blocked: []string{"previous_stage", "soak", "parity", "policy.guard.soak"}, reasons: []string{"1.0.0 failed in staging (staging)", "the disk is full"},
			fix: func(sc *scenario) {
				sc.must(sc.deliver(sc.version, 2))
				sc.h.Clock.Advance(soaking)
			},
		},
	}
}

// TestOtherBytesAtTheAddressOfAnArtifact is the one attempt that a driver must stop: the gates let the release in as it was registered,
// but somebody has changed the file since.
func TestOtherBytesAtTheAddressOfAnArtifact(t *testing.T) {
	t.Parallel()
	sc := open(t, acctest.New(t), nil)
	sc.validPath()
	sc.mark()
	at := sc.rules.release.Artifacts["app"].URI
	require.NoError(t, os.WriteFile(at, []byte("gotcha"), 0o600))
	err := sc.promote()
	sc.refused(err)
	require.ErrorContains(t, err, "digest")
	sc.requireLogged(sc.refusals)
	require.NoDirExists(t, filepath.Join(sc.h.Dir, "srv", "production", "shop", "current"))
	require.Empty(t, sc.runs())

	page(t, sc.h, "hello")
	sc.h.Clock.Advance(soaking * 2) // the cooldown
	require.NoError(t, sc.promote(attemptNumber(2)))
}

// TestAGateThatAnotherWorkspaceRemovedShowsInThePlan: nothing is deployed without a plan, and the next plan shows both that the gate is
// gone and what the release would do.
func TestAGateThatAnotherWorkspaceRemovedShowsInThePlan(t *testing.T) {
	t.Parallel()
	sc := open(t, acctest.New(t), func(r *rules) { r.gates().Approvals = nil }) // they would become void
	sc.validPath(tested, approved)
	sc.test(sc.version, "security")
	pend := whenBlocked(delivery.WhenBlockedPend)
	require.ErrorContains(t, sc.promote(pend), "no report of suite unit")
	before, err := sc.by(rita).Pipeline(t.Context(), "shop")
	require.NoError(t, err)

	sc.mark()
	elsewhere := sc.h.Client(mallory)
	edited := sc.rules
	edited.gates().Tests = nil
	_, err = elsewhere.PutPipeline(t.Context(), edited.pipeline)
	require.NoError(t, err)
	require.Empty(t, sc.production(), "nothing is deployed without an apply")
	events := sc.log()
	require.Equal(t, []string{"pipeline.declared", mallory}, []string{string(events[len(events)-1].Kind), events[len(events)-1].Actor})

	after, err := sc.by(rita).Pipeline(t.Context(), "shop")
	require.NoError(t, err)
	require.NotEqual(t, before.Revision, after.Revision, "the pipeline is not as declared")
	spec := sc.promotion()
	pend(&spec)
	preview, err := sc.by(rita).PreviewPromotion(t.Context(), delivery.PreviewRequest[delivery.PromotionSpec]{Subject: spec})
	require.NoError(t, err)
	require.True(t, preview.Changes, "the plan says that the release would get in")

	_, err = sc.by(rita).PutPipeline(t.Context(), before.Spec) // the first thing that applying the plan does
	require.NoError(t, err)
	preview, err = sc.by(rita).PreviewPromotion(t.Context(), delivery.PreviewRequest[delivery.PromotionSpec]{Subject: spec})
	require.NoError(t, err)
	require.False(t, preview.Changes)
	require.ErrorContains(t, sc.promote(pend), "no report of suite unit")
	require.Empty(t, sc.production())
}
