package acctest_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// other is the version's release with another content.
func (l *line) other(edit func(*delivery.ReleaseSpec)) delivery.ReleaseSpec {
	spec := l.spec(l.version)
	spec.Artifacts, spec.Labels = maps.Clone(spec.Artifacts), maps.Clone(spec.Labels)
	edit(&spec)
	return spec
}

// otherArtifact is a page that nobody has tested.
func (l *line) otherArtifact() map[string]delivery.Artifact {
	l.Helper()
	at, text := filepath.Join(l.h.Dir, "other.html"), []byte("gotcha")
	require.NoError(l, os.WriteFile(at, text, 0o600))
	return map[string]delivery.Artifact{"app": {URI: at, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(text))}}
}

func promoteIt(l *line) error { return l.promote() }

func nothing(*line) {}

// failIn makes every deployment to a stage fail.
func (l *line) failIn(stage string) {
	l.h.Drivers["directory"].Fail(func(r driver.Request) error {
		if r.Stage == stage {
			return errors.New("the disk is full")
		}
		return nil
	})
}

func (l *line) succeed() { l.h.Drivers["directory"].Fail(nil) }

// releaseOnly registers the release once more, and tells what production waits for.
func releaseOnly(l *line) error {
	state, err := l.by(rita).PutRelease(l.Context(), delivery.ReleaseRequest{Spec: l.spec(l.version), Attempt: 2})
	l.must(err)
	require.Nil(l, state.Work.Failure)
	require.Equal(l, delivery.StageWaiting, state.Stages["production"].Status)
	l.pending = true
	return errors.New(strings.Join(state.Stages["production"].WaitingOn, "\n"))
}

// attemptsOnReleases try to bring in what nobody has let in, under a name that somebody has.
func attemptsOnReleases() []attempt {
	return []attempt{
		{
			name: "other bytes under the same version",
			promote: func(l *line) error {
				return l.register(l.other(func(s *delivery.ReleaseSpec) { s.Artifacts = l.otherArtifact() }), 1)
			},
			says: []string{"artifacts: release shop/1.0.0 is registered already", "releases are immutable"},
			mend: nothing, enter: promoteIt,
		},
		{
			name: "the version again after the release was retired",
			do:   func(l *line) { l.must(l.by(rita).DeleteRelease(l.Context(), "shop", l.version)) },
			promote: func(l *line) error {
				return l.register(l.other(func(s *delivery.ReleaseSpec) { s.Artifacts = l.otherArtifact() }), 1)
			},
			says: []string{"releases are immutable", "Give the new content a new version"},
			mend: func(l *line) { l.must(l.deliver(l.version, 1)) }, enter: promoteIt,
		},
		{
			name:    "the version again by another author, so that the author may approve",
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.refused(l.register(l.other(func(s *delivery.ReleaseSpec) { s.Source = &delivery.Source{Revision: "3f2c", Author: mallory} }), 1))
				l.tryToDecide(dave, l.approval())
			},
			blocked: []string{"approvals"}, says: []string{"with other source: releases are immutable", "dave@example.com is the author", "1 of 2 approvals, by alice@example.com"},
			mend: func(l *line) { l.approve(bob) },
		},
		{
			name:  "the version again with the label that an expression asks for",
			rules: func(r *rules) { r.release.Labels = map[string]string{"ticket": "none"} },
			do: func(l *line) {
				l.refused(l.register(l.other(func(s *delivery.ReleaseSpec) { s.Labels["ticket"] = "SHOP-42" }), 1))
			},
			blocked: []string{"expressions.ticket"}, says: []string{"with other labels: releases are immutable", "a release names its ticket"},
			mend: func(l *line) { // a new version
				l.version, l.rules.release.Labels = "1.0.1", map[string]string{"ticket": "SHOP-42"}
				l.lawful()
			},
		},
		{
			name:    "by releasing only, into a stage where a person decides",
			promote: releaseOnly,
			blocked: []string{"promotion"}, says: []string{"a person decides", "promote 1.0.0 into production"},
			mend: nothing, enter: promoteIt,
		},
		{
			name:    "never verified in staging",
			without: []step{delivered, tested, approved, soaked},
			do: func(l *line) {
				_, err := l.by(rita).PutFreeze(l.Context(), freeze("staging", func(f *delivery.FreezeSpec) { f.Environments = []string{"staging"} }))
				l.must(err)
				l.lawful()
			},
			blocked: []string{"previous_stage", "soak", "parity", "policy.guard.soak"}, says: []string{"1.0.0 is not verified in staging (staging) yet"},
			mend: func(l *line) {
				l.must(l.by(rita).DeleteFreeze(l.Context(), "staging"))
				l.must(l.deliver(l.version, 1))
				l.h.Clock.Advance(soaking)
			},
		},
		{
			name:    "failed in staging",
			without: []step{delivered, tested, approved, soaked},
			do: func(l *line) {
				l.failIn("staging")
				l.refused(l.deliver(l.version, 1))
				l.succeed()
				l.lawful(delivered)
			},
			blocked: []string{"previous_stage", "soak", "parity", "policy.guard.soak"}, says: []string{"1.0.0 failed in staging (staging)", "the disk is full"},
			mend: func(l *line) {
				l.must(l.deliver(l.version, 2))
				l.h.Clock.Advance(soaking)
			},
		},
	}
}

// TestOtherBytesAtTheAddressOfAnArtifact is the one attempt that a driver has to stop: the release is let in as it was registered,
// and somebody has changed the file since.
func TestOtherBytesAtTheAddressOfAnArtifact(t *testing.T) {
	t.Parallel()
	l := open(t, acctest.New(t), nil)
	l.lawful()
	l.mark()
	at := l.rules.release.Artifacts["app"].URI
	require.NoError(t, os.WriteFile(at, []byte("gotcha"), 0o600))
	err := l.promote()
	l.refused(err)
	require.ErrorContains(t, err, "digest")
	l.logged(l.said)
	require.NoDirExists(t, filepath.Join(l.h.Dir, "srv", "production", "shop", "current"))
	require.Empty(t, l.runs())

	page(t, l.h, "hello")
	l.h.Clock.Advance(soaking * 2) // the cooldown
	require.NoError(t, l.promote(attemptNumber(2)))
}

// TestAGateThatAnotherWorkspaceTookAwayShowsInThePlan: nothing moves by itself, and whoever plans next sees both that the gate is
// gone and what the release would do.
func TestAGateThatAnotherWorkspaceTookAwayShowsInThePlan(t *testing.T) {
	t.Parallel()
	l := open(t, acctest.New(t), func(r *rules) { r.gates().Approvals = nil }) // they would not count any more
	l.lawful(tested, approved)
	l.test(l.version, "security")
	pend := whenBlocked(delivery.WhenBlockedPend)
	require.ErrorContains(t, l.promote(pend), "no report of suite unit")
	before, err := l.by(rita).Pipeline(t.Context(), "shop")
	require.NoError(t, err)

	l.mark()
	elsewhere := l.h.Client(mallory)
	edited := l.rules
	edited.gates().Tests = nil
	_, err = elsewhere.PutPipeline(t.Context(), edited.pipeline)
	require.NoError(t, err)
	require.Empty(t, l.production(), "nothing moves by itself")
	events := l.log()
	require.Equal(t, []any{"pipeline.declared", mallory}, []any{events[len(events)-1].Kind, events[len(events)-1].Actor})

	after, err := l.by(rita).Pipeline(t.Context(), "shop")
	require.NoError(t, err)
	require.NotEqual(t, before.Revision, after.Revision, "the pipeline is not as declared")
	spec := l.promotion()
	pend(&spec)
	preview, err := l.by(rita).Preview(t.Context(), delivery.PreviewRequest{Promotion: &spec})
	require.NoError(t, err)
	require.True(t, preview.Changes, "the plan says that the release would get in")

	_, err = l.by(rita).PutPipeline(t.Context(), before.Spec) // what applying the plan does first
	require.NoError(t, err)
	preview, err = l.by(rita).Preview(t.Context(), delivery.PreviewRequest{Promotion: &spec})
	require.NoError(t, err)
	require.False(t, preview.Changes)
	require.ErrorContains(t, l.promote(pend), "no report of suite unit")
	require.Empty(t, l.production())
}
