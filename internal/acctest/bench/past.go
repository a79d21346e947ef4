package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// past is what a pipeline went through before the workspace that is measured begins: releases, one after the other, to every
// environment of the line. All of it is the measured pipeline's own, in the environments that are measured: nothing could be more
// in the way.
type past struct {
	deployments int       // how many
	began       time.Time // it takes pace for each release
}

const (
	// pace is how far apart releases begin. A million deployments take a little more than three years.
	pace = 10 * time.Minute
	// fails is the rhythm in which releases break in staging, and go no further.
	fails = 20
	// firstRelease makes all versions equally long, so that their order as texts is that of their numbers.
	firstRelease = 1_000_000
	pastActor    = "ci@example.com"
)

// endingBefore is a past that was over two days before a moment.
func endingBefore(now time.Time, deployments int) past {
	releases := deployments/5 + 2 // the fewest that a release brings about in the long run is more than five
	return past{deployments: deployments, began: now.Add(-48*time.Hour - time.Duration(releases)*pace).UTC().Truncate(time.Second)}
}

// occurrence is an event before it is sealed, and the object that it is about, as it is afterwards.
type occurrence struct {
	at      time.Time
	kind    delivery.EventKind
	subject string
	object  any
}

// walk tells what happened, in order. Of a deployment it tells that it was started and how it ended; left out is, for the sake of the
// time that it takes to fill a ledger, what came between: that it was deployed and verified, before another one superseded it.
func (p past) walk(tell func(occurrence) error) error {
	w := walk{past: p, tell: tell, at: p.began, running: map[string]delivery.Deployment{}}
	w.declarations(delivery.EventEnvironmentDeclared, delivery.EventPipelineDeclared)
	for i := 0; w.done < p.deployments && w.err == nil; i++ {
		w.at = p.began.Add(time.Duration(i) * pace)
		w.deliver(i)
	}
	for _, env := range slices.Sorted(maps.Keys(w.running)) {
		w.happens(delivery.EventDeploymentVerified, w.running[env].ID, w.running[env])
	}
	w.declarations(delivery.EventEnvironmentDeleted, delivery.EventPipelineDeleted)
	return w.err
}

// walk is how far the telling has come.
type walk struct {
	past
	tell    func(occurrence) error
	at      time.Time
	done    int
	running map[string]delivery.Deployment // by environment
	err     error
}

func (w *walk) happens(kind delivery.EventKind, subject string, object any) {
	if w.err == nil {
		w.at = w.at.Add(time.Second)
		w.err = w.tell(occurrence{w.at, kind, subject, object})
	}
}

// declarations tells of the environments and the pipeline: they were there while all this happened, and were taken back before the
// workspace declares its own.
func (w *walk) declarations(environments, pipeline delivery.EventKind) {
	for _, s := range lineStages {
		for _, env := range s.Environments {
			w.happens(environments, env, pastEnvironment(s, env))
		}
	}
	w.happens(pipeline, lineName, delivery.PipelineSpec{Name: lineName, Stages: lineStages})
}

func pastEnvironment(s delivery.Stage, name string) delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: name, Tier: delivery.Tier(s.Name), Config: map[string]string{"LOG_LEVEL": "info", "REGION": name},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}}
}

// deliver tells of one release on its way through the line.
func (w *walk) deliver(i int) {
	version := fmt.Sprintf("1.%d.0", firstRelease+i)
	spec := delivery.ReleaseSpec{Pipeline: lineName, Version: version,
		Artifacts: map[string]delivery.Artifact{"page": {URI: "dist/page-" + version + ".html", Digest: fmt.Sprintf("sha256:%064x", i)}},
		Source:    &delivery.Source{Revision: "v" + version, Author: "dave@example.com"}}
	release := delivery.Release{Spec: spec, Digest: fmt.Sprintf("sha256:%064x", i), Attempt: 1, RegisteredBy: pastActor, RegisteredAt: w.at}
	w.happens(delivery.EventReleaseRegistered, spec.ID(), release)
	for n, s := range lineStages {
		switch {
		case n == 0:
			w.promote(s, version)
		case s.Promotion == delivery.Manual:
			id := fmt.Sprintf("approval-%07d", i)
			w.happens(delivery.EventApprovalApproved, id, delivery.Approval{ID: id, Number: 1, ContentDigest: release.Digest, DecidedAt: w.at,
				Spec: delivery.ApprovalSpec{Pipeline: lineName, Version: version, Stage: s.Name, Decision: delivery.Approve, Approver: "alice@example.com"}})
			w.promote(s, version)
		}
		if !w.rollOut(s, release, i) {
			return
		}
	}
}

func (w *walk) promote(s delivery.Stage, version string) {
	spec := delivery.PromotionSpec{Pipeline: lineName, Stage: s.Name, Version: version, WhenBlocked: delivery.WhenBlockedPend, Attempt: 1}
	w.happens(delivery.EventPromotionRequested, spec.ID(), delivery.Promotion{Spec: spec, RequestedBy: pastActor, RequestedAt: w.at})
}

// rollOut tells of one stage's deployments, and whether all of them were verified.
func (w *walk) rollOut(s delivery.Stage, release delivery.Release, i int) bool {
	for _, env := range s.Environments {
		if w.done == w.deployments {
			return false
		}
		w.done++
		broken := s.Name == "staging" && i%fails == fails-1
		if w.deploy(s, env, release, broken); broken {
			return false
		}
	}
	return true
}

// deploy tells of one deployment, and of the one that it takes the place of. Its id is a number, unlike those in earnest, so that
// filling a ledger writes indexes from one end to the other: a filled one is searched no faster for it.
func (w *walk) deploy(s delivery.Stage, env string, release delivery.Release, broken bool) {
	d := delivery.Deployment{ID: fmt.Sprintf("deployment-%07d", w.done), Seq: int64(w.done), Pipeline: lineName, Stage: s.Name, Environment: env,
		Content: pastContent(env, release), Kind: delivery.KindDeliver, Attempt: 1, Rollout: release.Spec.Version + "-" + s.Name,
		Status: delivery.Deploying, Reason: release.Spec.Version + " is not running here", Actor: pastActor, CreatedAt: w.at,
		Gates: []delivery.GateResult{{Name: "max_deploys", Verdict: delivery.VerdictPassed, Reason: "1 of 100 in 24h"}}}
	w.happens(delivery.EventDeploymentStarted, d.ID, d)
	settled := w.at
	d.SettledAt = &settled
	if broken {
		d.Status, d.Failure = delivery.Failed, "the place refuses it"
		w.happens(delivery.EventDeploymentFailed, d.ID, d)
		return
	}
	d.Status, d.VerifiedAt = delivery.Verified, &settled
	if before, ok := w.running[env]; ok {
		before.Status, before.SettledAt = delivery.Superseded, &settled
		w.happens(delivery.EventDeploymentSuperseded, before.ID, before)
	}
	w.running[env] = d
}

// pastContents is the content in each environment, but for the release: its digest takes longer than all else.
var pastContents = func() map[string]delivery.Content {
	contents := map[string]delivery.Content{}
	for _, s := range lineStages {
		for _, env := range s.Environments {
			contents[env] = delivery.ContentFor(s, pastEnvironment(s, env), delivery.Release{})
		}
	}
	return contents
}()

func pastContent(env string, release delivery.Release) delivery.Content {
	c := pastContents[env]
	c.Version, c.ReleaseDigest, c.Artifacts = release.Spec.Version, release.Digest, release.Spec.Artifacts
	return c
}
