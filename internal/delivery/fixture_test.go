package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fixtureNow is a Monday.
var fixtureNow = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

// directoryTarget is a target that a driver deploys to.
func directoryTarget(name string) *Target {
	return &Target{Directory: &DirectoryTarget{Path: "/srv/" + name}}
}

// shopFixture is a world in which nothing was deployed yet: releases 1.0 and 1.1 by ann, and the stages staging (stg, automatic) and
// production (eu and us, manual).
func shopFixture() World {
	w := World{Now: fixtureNow, Environments: map[string]EnvironmentSpec{}, Releases: map[string]Release{}, Promotions: map[string]Promotion{},
		Observations: map[string]Observation{}, Checks: map[CheckKey]CheckResult{}, Signers: map[string]string{},
		Pipeline: PipelineSpec{Name: "shop", Stages: []Stage{
			{Name: "staging", Environments: []string{"stg"}, Promotion: Automatic},
			{Name: "production", Environments: []string{"eu", "us"}, Promotion: Manual, Config: map[string]string{"LOG": "info"}},
		}}}
	for name, tier := range map[string]Tier{"stg": TierStaging, "eu": TierProduction, "us": TierProduction} {
		w.Environments[name] = EnvironmentSpec{Name: name, Tier: tier, Config: map[string]string{"REGION": name}, Target: directoryTarget(name)}
	}
	for _, version := range []string{"1.0", "1.1"} {
		spec := ReleaseSpec{Pipeline: "shop", Version: version, Source: &Source{Revision: "r" + version, Author: "ann"},
			Artifacts: map[string]Artifact{"app": {URI: "dist/" + version, Digest: "sha256:" + strings.Repeat("0", 64)}}}
		w.Releases[version] = Release{Spec: spec, Digest: spec.Digest(), Attempt: 1, RegisteredBy: "ci", RegisteredAt: fixtureNow}
	}
	return w
}

// production returns the fixture's release 1.0 as a candidate for production.
func production(w World) candidate {
	return candidate{World: w, stage: w.Pipeline.Stages[1], release: w.Releases["1.0"], environments: []string{"eu", "us"}, questions: &Questions{}}
}

// deployed makes a deployment of a release to an environment of the fixture, at its first attempt, settled at the fixture's moment.
func deployed(w World, seq int64, version, env string, status DeploymentStatus) Deployment {
	stage, _ := w.stageOf(env)
	at := w.Now
	d := Deployment{ID: "d" + string(rune('0'+seq)), Seq: seq, Pipeline: "shop", Stage: stage.Name, Environment: env, Kind: KindDeliver, Attempt: 1,
		Rollout: "r" + version, Content: ContentFor(stage, w.Environments[env], w.Releases[version]), Status: status, CreatedAt: at}
	if d.ranVerifiedOnce() {
		d.VerifiedAt = &at
	}
	if status == Failed {
		d.Failure = "it does not answer"
	}
	if !d.InFlight() {
		d.SettledAt = &at
	}
	return d
}

func (d Deployment) ranVerifiedOnce() bool {
	return d.Status == Verified || d.Status == Superseded || d.Status == RolledBack
}

// with returns a deployment after a change.
func (d Deployment) with(change func(*Deployment)) Deployment {
	change(&d)
	return d
}

func later(d time.Duration) *time.Time {
	at := fixtureNow.Add(d)
	return &at
}

// requireErrors checks the fields of errors, and what their messages say.
func requireErrors(t *testing.T, found Errors, want map[string]string) {
	t.Helper()
	fields := map[string]string{}
	for _, e := range found {
		require.NotContains(t, fields, e.Field, "two errors at one field: %v", found)
		fields[e.Field] = e.Message
	}
	for field, words := range want {
		require.Contains(t, fields, field, "%v", found)
		require.Contains(t, fields[field], words, field)
		delete(fields, field)
	}
	require.Empty(t, fields)
}
