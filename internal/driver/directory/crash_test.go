package directory

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestDeathAtAnyStepLosesAndRepeatsNothing(t *testing.T) {
	for _, c := range []struct {
		at      step
		current string // right after the death
		hooks   int    // of the deployment, once it was repeated
	}{
		{stepStaged, "1-d1", 1}, {stepUnpacked, "1-d1", 1}, {stepBuilt, "1-d1", 1}, {stepInstalled, "1-d1", 1}, {stepRecorded, "1-d1", 1},
		{stepSwitched, "2-d2", 1},
		{stepHooked, "2-d2", 2}, // nobody knows that it had ended
		{stepFinished, "2-d2", 1},
	} {
		t.Run(string(c.at), func(t *testing.T) {
			target, noted := t.TempDir(), filepath.Join(t.TempDir(), "noted")
			d := New(Options{})
			deployed(t, d, requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
			r := requestTo(target, "d2", "2", artifactFile(t, "a.tgz", tarGz(t, packed{name: "x", text: "2"})))
			r.Target.Directory.AfterDeploy = hookAs(t, "note="+noted)

			out, err := deployInChild(t, c.at, savedRequest{Request: r})
			require.ErrorContains(t, err, "killed", out)
			link, err := os.Readlink(filepath.Join(target, "shop", "current"))
			require.NoError(t, err)
			require.Equal(t, "releases/"+c.current, link)

			after := deployed(t, d, r)
			require.Len(t, notes(t, noted), c.hooks)
			require.Equal(t, "2", read(t, target, "shop", "current", "x"))
			require.Empty(t, names(t, target, "shop", "staging"))
			previous, err := os.Readlink(filepath.Join(target, "shop", "previous"))
			require.NoError(t, err)
			require.Equal(t, "releases/1-d1", previous)
			seen, err := d.Observe(t.Context(), after)
			require.NoError(t, err)
			require.Equal(t, delivery.Observation{Running: true, Version: "2"}, seen)

			deployed(t, d, r)
			require.Len(t, notes(t, noted), c.hooks)
		})
	}
}

func TestAResumedDeploymentWhoseHookFailsGoesBackToWhatRanBefore(t *testing.T) {
	target := t.TempDir()
	d := New(Options{})
	before := deployed(t, d, requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
	r := requestTo(target, "d2", "2", artifactDirectory(t, map[string]string{"x": "2"}))
	r.Target.Directory.AfterDeploy = hookAs(t, "fail")
	_, err := deployInChild(t, stepSwitched, savedRequest{Request: r})
	require.Error(t, err)
	require.Equal(t, "2", read(t, target, "shop", "current", "x"))

	_, err = d.Deploy(t.Context(), r)
	require.ErrorContains(t, err, "current was switched back to releases/1-d1")
	seen, err := d.Observe(t.Context(), before)
	require.NoError(t, err)
	require.False(t, seen.Drifted())
}

func TestAResumedDeploymentUsesTheSecretsOfNow(t *testing.T) {
	target := t.TempDir()
	r := requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"}))
	_, err := deployInChild(t, stepInstalled, savedRequest{Request: r})
	require.Error(t, err)
	r.Secrets = map[string]string{"PASSWORD": "newer"}
	deployed(t, New(Options{}), r)
	require.Equal(t, "PASSWORD=\"newer\"\n", read(t, target, "shop", "current", ".secrets.env"))
}

func TestLeftoversOfADeadDeploymentAreCleanedByTheNext(t *testing.T) {
	target := t.TempDir()
	artifacts := artifactFile(t, "a.tgz", tarGz(t, packed{name: "x", text: "2"}))
	for _, at := range []step{stepStaged, stepUnpacked} {
		_, err := deployInChild(t, at, savedRequest{Request: requestTo(target, "dead-"+string(at), "1", artifacts)})
		require.Error(t, err)
		require.NotEmpty(t, names(t, target, "shop", "staging"))
	}
	deployed(t, New(Options{}), requestTo(target, "d1", "1", artifacts))
	require.Empty(t, names(t, target, "shop", "staging"))
	require.Equal(t, []string{"1-d1"}, names(t, target, "shop", "releases"))
}
