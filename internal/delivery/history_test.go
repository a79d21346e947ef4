package delivery

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// past draws a history in which anything may have happened.
func past(t *rapid.T) []Deployment {
	pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
	all := []Deployment{}
	for i := range rapid.IntRange(0, 12).Draw(t, "deployments") {
		status := rapid.SampledFrom(statuses[1:]).Draw(t, "status")
		version := pick("version", "1.0", "1.1")
		d := Deployment{ID: fmt.Sprintf("d%d", i), Seq: int64(i*2 + 1), Environment: pick("environment", "eu", "us"), Stage: pick("stage", "production", "canary"),
			Status: status, Kind: rapid.SampledFrom([]DeploymentKind{KindDeliver, KindHeal, KindRollback}).Draw(t, "kind"),
			Rollout: pick("rollout", "r1", "r2"), Attempt: rapid.IntRange(1, 2).Draw(t, "attempt"), MaxFailures: rapid.IntRange(0, 1).Draw(t, "max failures"),
			Content: Content{Version: version, ReleaseDigest: "digest of " + version, ConfigRevision: pick("revision", "a", "b"), Target: &Target{}}}
		if status == Verified || status == Superseded || rapid.Bool().Draw(t, "verified once") && d.broke() {
			d.VerifiedAt = later(0)
		}
		if d.broke() && rapid.Bool().Draw(t, "by itself") {
			d.Failure = "why"
		}
		if rapid.IntRange(0, 4).Draw(t, "by Terraform") == 0 {
			d.Content.Target = nil
		}
		all = append(all, d)
	}
	return all
}

// lastOf looks for the newest deployment that matches, without an index.
func lastOf(all []Deployment, matches func(Deployment) bool) *Deployment {
	for i := len(all) - 1; i >= 0; i-- {
		if matches(all[i]) {
			return &all[i]
		}
	}
	return nil
}

// TestHistoryAnswersLikeASearch compares each answer with a search through all deployments.
func TestHistoryAnswersLikeASearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := past(t)
		h := NewHistory(all)
		require.Len(t, h.Deployments(), len(all))
		for _, env := range []string{"eu", "us", "asia"} {
			here := func(matches func(Deployment) bool) *Deployment {
				return lastOf(all, func(d Deployment) bool { return d.Environment == env && matches(d) })
			}
			require.Equal(t, here(func(Deployment) bool { return true }), h.Latest(env))
			require.Equal(t, here(func(d Deployment) bool { return d.Status == Verified }), h.Current(env))
			require.Equal(t, here(func(d Deployment) bool {
				return d.Content.Version == "1.1" && (d.Kind != KindRollback || d.Status != Failed)
			}), h.ofVersion(env, "1.1"))
			expectAuthorized(t, all, env, h)
		}
		for _, d := range all {
			expectRollbackTarget(t, all, d, h)
			require.Equal(t, broken(all, d), h.brokenSince(&d))
			require.Equal(t, exceeded(all, d.Rollout), h.stopped(d.Rollout))
		}
		for _, attempt := range []int{1, 2} {
			found := []string{}
			for _, d := range all {
				if d.Stage == "production" && d.Content.Version == "1.0" && d.Kind != KindRollback && (d.Status == Failed || d.Status == RolledBack) && d.Attempt >= attempt {
					found = append(found, d.ID)
				}
			}
			require.Equal(t, found, idsOf(h.failedDeployments("production", "1.0", attempt)))
		}
	})
}

func idsOf(all []*Deployment) []string {
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = d.ID
	}
	return ids
}

func expectAuthorized(t *rapid.T, all []Deployment, env string, h *History) {
	want := lastOf(all, func(d Deployment) bool {
		byTerraform := d.Content.Target == nil
		return d.Environment == env && (d.Status == Verified || byTerraform && (d.Status == Verifying || d.VerifiedAt != nil && (d.Status == Failed || d.Status == RolledBack)))
	})
	require.Equal(t, want, h.Authorized(env))
}

// exceeded counts the failures of a rollout against how many its newest delivery tolerates.
func exceeded(all []Deployment, rollout string) bool {
	failures, most := 0, 0
	for _, d := range all {
		if d.Rollout == rollout && d.Kind != KindRollback {
			most = d.MaxFailures
			if (d.Status == Failed || d.Status == RolledBack) && d.Failure != "" {
				failures++
			}
		}
	}
	return failures > most
}

// broken tells whether the release of a deployment broke in its stage, and was not brought there again with success.
func broken(all []Deployment, o Deployment) bool {
	return slices.ContainsFunc(all, func(d Deployment) bool {
		if d.Stage != o.Stage || d.Kind == KindRollback || d.Content.Version != o.Content.Version || d.Attempt < o.Attempt || d.Status != Failed && d.Status != RolledBack {
			return false
		}
		repaired := lastOf(all, func(l Deployment) bool {
			return l.Seq > d.Seq && l.Environment == d.Environment && l.Content.Version == d.Content.Version && l.ranVerified()
		})
		return repaired == nil && (d.Environment == o.Environment || exceeded(all, d.Rollout))
	})
}

func expectRollbackTarget(t *rapid.T, all []Deployment, d Deployment, h *History) {
	same := func(a, b Content) bool {
		return a.ReleaseDigest == b.ReleaseDigest && a.ConfigRevision == b.ConfigRevision
	}
	before := func(o Deployment) bool { return o.Environment == d.Environment && o.Seq < d.Seq && o.ranVerified() }
	want := lastOf(all, func(o Deployment) bool {
		return before(o) && !same(o.Content, d.Content) && o.Content.Target != nil && !broken(all, o)
	})
	if last := lastOf(all, before); last != nil && (same(last.Content, d.Content) || last.Content.Target == nil) {
		want = nil
	}
	require.Equal(t, want, h.rollbackTarget(&d))
}

func TestAHistoryIsChangedOnlyInItsCopy(t *testing.T) {
	w := shopFixture()
	h := NewHistory([]Deployment{deployed(w, 1, "1.0", "eu", Verifying)})
	changed := h.clone()
	changed.record(deployed(w, 1, "1.0", "eu", Verified))
	changed.record(deployed(w, 2, "1.0", "us", Verified))
	require.Equal(t, Verifying, h.Latest("eu").Status)
	require.Nil(t, h.Latest("us"))
	require.Equal(t, Verified, changed.Current("eu").Status)
	require.Equal(t, "d2", changed.Current("us").ID)
	require.Len(t, changed.Deployments(), 2, "the one that is known is replaced")
	require.Equal(t, int64(3), changed.nextSeq())
	require.Equal(t, "d2", changed.withID("d2").ID)
	require.Nil(t, changed.withID("d3"))
	list := h.Deployments()
	list[0].Status = Failed
	require.Equal(t, Verifying, h.Latest("eu").Status, "what it returns is a copy")
}

func TestNoHistory(t *testing.T) {
	for _, h := range []*History{nil, NewHistory(nil)} {
		require.Nil(t, h.Latest("eu"))
		require.Nil(t, h.Current("eu"))
		require.Nil(t, h.Authorized("eu"))
		require.Nil(t, h.withID("d1"))
		require.Empty(t, h.Deployments())
		require.Empty(t, h.in("eu"))
		require.Empty(t, h.failedDeployments("production", "1.0", 1))
		require.False(t, h.stopped("r1"))
		require.Equal(t, int64(1), h.nextSeq())
		require.Equal(t, openRollout{}, h.openRollout(Stage{Name: "production"}, Release{}, 1))
		require.Equal(t, int64(1), h.clone().nextSeq())
	}
}

func TestOpenRollout(t *testing.T) {
	w := shopFixture()
	stage, release := w.Pipeline.Stages[1], w.Releases["1.0"]
	eu := deployed(w, 1, "1.0", "eu", Verified)
	open := openRollout{"r1.0", map[string]bool{"eu": true}}
	cases := map[string]struct {
		past    []Deployment
		attempt int
		want    openRollout
	}{
		"it goes on":          {[]Deployment{eu}, 1, open},
		"another attempt":     {[]Deployment{eu}, 2, openRollout{}},
		"another release":     {[]Deployment{eu, deployed(w, 2, "1.1", "us", Verified)}, 1, openRollout{}},
		"another stage":       {[]Deployment{eu, deployed(w, 2, "1.1", "stg", Verified)}, 1, open},
		"a rollback since":    {[]Deployment{eu, deployed(w, 2, "1.1", "us", Verified).with(func(d *Deployment) { d.Kind = KindRollback })}, 1, open},
		"it stopped":          {[]Deployment{deployed(w, 1, "1.0", "eu", Failed)}, 1, openRollout{}},
		"it tolerates that":   {[]Deployment{deployed(w, 1, "1.0", "eu", Failed).with(func(d *Deployment) { d.MaxFailures = 1 })}, 1, open},
		"another content":     {[]Deployment{eu.with(func(d *Deployment) { d.Content.ReleaseDigest = "x" })}, 1, openRollout{}},
		"both were visited":   {[]Deployment{eu, deployed(w, 2, "1.0", "us", Verified)}, 1, openRollout{"r1.0", map[string]bool{"eu": true, "us": true}}},
		"another rollout too": {[]Deployment{deployed(w, 1, "1.0", "us", Verified).with(func(d *Deployment) { d.Rollout = "r0" }), deployed(w, 2, "1.0", "eu", Verified)}, 1, open},
	}
	for name, c := range cases {
		require.Equal(t, c.want, NewHistory(c.past).openRollout(stage, release, c.attempt), name)
	}
	require.Equal(t, []string{"", "r1.0"}, []string{open.joinedBy("eu"), open.joinedBy("us")})
	needs := map[string]string{"eu": "why", "us": "why"}
	failed := []*Deployment{{Rollout: "r1.0"}}
	require.Equal(t, map[string]string{"us": "why"}, open.untried(needs, failed))
	require.Empty(t, open.untried(needs, append(failed, &Deployment{Rollout: "r0"})), "it failed in another rollout")
	require.Empty(t, openRollout{}.untried(needs, nil))
}

func TestFailedRollouts(t *testing.T) {
	w := shopFixture()
	stage := w.Pipeline.Stages[1]
	rollout := func(d Deployment, name string) Deployment { d.Rollout = name; return d }
	back := deployed(w, 3, "1.0", "eu", Failed).with(func(d *Deployment) { d.Kind = KindRollback })
	cases := map[string]struct {
		past []Deployment
		want []string
	}{
		"none":                         {[]Deployment{deployed(w, 1, "1.0", "eu", Verified)}, []string{}},
		"one":                          {[]Deployment{rollout(deployed(w, 1, "1.0", "eu", Failed), "a")}, []string{"a"}},
		"replaced since":               {[]Deployment{rollout(deployed(w, 1, "1.0", "eu", Failed), "a"), deployed(w, 2, "1.0", "eu", Verified)}, []string{}},
		"in both environments":         {[]Deployment{rollout(deployed(w, 1, "1.0", "eu", Failed), "a"), rollout(deployed(w, 2, "1.0", "us", Failed), "a")}, []string{"a"}},
		"rolled back in one":           {[]Deployment{rollout(deployed(w, 1, "1.0", "eu", RolledBack), "a"), deployed(w, 2, "1.0", "eu", Verified)}, []string{"a"}},
		"rolled back in another stage": {[]Deployment{rollout(deployed(w, 1, "1.0", "stg", RolledBack), "a")}, []string{}},
		"a failed rollback":            {[]Deployment{back}, []string{}},
	}
	for name, c := range cases {
		require.Equal(t, c.want, NewHistory(c.past).failedRollouts(stage), name)
	}
}
