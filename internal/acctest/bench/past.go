package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// past is the history of a pipeline before the measured workspace starts: releases, one after the other, to every environment of the
// shop. All of it is of the measured pipeline and environments, which is the worst case.
type past struct {
	deployments int       // their number
	began       time.Time // time of the first release
}

const (
	// pace is the time between releases. A million deployments take a little more than three years.
	pace = 10 * time.Minute
	// fails says how often a release fails in staging: one in this number.
	fails = 20
	// firstRelease makes all versions equally long, so that they sort like their numbers.
	firstRelease = 1_000_000
	pastActor    = "ci@example.com"
)

// endingBefore returns a past that ended two days before now.
func endingBefore(now time.Time, deployments int) past {
	releases := deployments/5 + 2 // on average, a release has more than five deployments
	return past{deployments: deployments, began: now.Add(-48*time.Hour - time.Duration(releases)*pace).UTC().Truncate(time.Second)}
}

// pastEvent is an event before it is sealed, with its object as it is afterwards.
type pastEvent struct {
	at      time.Time
	kind    delivery.EventKind
	subject string
	object  any
}

// replay emits the events in order: what they say can have happened, so that the ledger is one that its verification accepts.
func (p past) replay(emit func(pastEvent) error) error {
	r := replay{past: p, emit: emit, at: p.began, running: map[string]delivery.Deployment{}}
	r.declarations(delivery.EventEnvironmentDeclared, delivery.EventPipelineDeclared)
	for i := 0; r.done < p.deployments && r.err == nil; i++ {
		r.at = p.began.Add(time.Duration(i) * pace)
		r.deliver(i)
	}
	r.declarations(delivery.EventEnvironmentDeleted, delivery.EventPipelineDeleted)
	return r.err
}

// replay is the state of a replay.
type replay struct {
	past
	emit    func(pastEvent) error
	at      time.Time
	done    int
	running map[string]delivery.Deployment // by environment
	err     error
}

func (r *replay) record(kind delivery.EventKind, subject string, object any) {
	if r.err == nil {
		r.at = r.at.Add(time.Second)
		r.err = r.emit(pastEvent{r.at, kind, subject, object})
	}
}

// declarations records the environments and the pipeline. They are declared before the past, and deleted after it, before the workspace
// declares its own.
func (r *replay) declarations(environments, pipeline delivery.EventKind) {
	for _, s := range shopStages {
		for _, env := range s.Environments {
			r.record(environments, env, pastEnvironment(s, env))
		}
	}
	r.record(pipeline, shopName, delivery.PipelineSpec{Name: shopName, Stages: shopStages})
}

func pastEnvironment(s delivery.Stage, name string) delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: name, Tier: delivery.Tier(s.Name), Config: map[string]string{"LOG_LEVEL": "info", "REGION": name},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}}
}

// deliver records the delivery of one release through all stages.
func (r *replay) deliver(i int) {
	version := fmt.Sprintf("1.%d.0", firstRelease+i)
	spec := delivery.ReleaseSpec{Pipeline: shopName, Version: version,
		Artifacts: map[string]delivery.Artifact{"page": {URI: "dist/page-" + version + ".html", Digest: fmt.Sprintf("sha256:%064x", i)}},
		Source:    &delivery.Source{Revision: "v" + version, Author: "dave@example.com"}}
	release := delivery.Release{Spec: spec, Digest: spec.Digest(), Attempt: 1, RegisteredBy: pastActor, RegisteredAt: r.at}
	r.record(delivery.EventReleaseRegistered, spec.ID(), release)
	for n, s := range shopStages {
		switch {
		case n == 0:
			r.promote(s, version)
		case s.Promotion == delivery.Manual:
			id := fmt.Sprintf("approval-%07d", i)
			r.record(delivery.EventApprovalApproved, id, delivery.Approval{ID: id, Number: 1, ContentDigest: release.Digest, DecidedAt: r.at,
				Spec: delivery.ApprovalSpec{Pipeline: shopName, Version: version, Stage: s.Name, Decision: delivery.Approve, Approver: "alice@example.com"}})
			r.promote(s, version)
		}
		if !r.rollOut(s, release, i) {
			return
		}
	}
}

func (r *replay) promote(s delivery.Stage, version string) {
	spec := delivery.PromotionSpec{Pipeline: shopName, Stage: s.Name, Version: version, WhenBlocked: delivery.WhenBlockedPend, Attempt: 1}
	r.record(delivery.EventPromotionRequested, spec.ID(), delivery.Promotion{Spec: spec, RequestedBy: pastActor, RequestedAt: r.at})
}

// rollOut records the deployments of one stage, and reports whether all of them were verified.
func (r *replay) rollOut(s delivery.Stage, release delivery.Release, i int) bool {
	for _, env := range s.Environments {
		if r.done == r.deployments {
			return false
		}
		r.done++
		broken := s.Name == "staging" && i%fails == fails-1
		if r.deploy(s, env, release, broken); broken {
			return false
		}
	}
	return true
}

// deploy records one deployment, and the end of the one that it supersedes. Its id has a number, unlike real ids, so that indexes are filled
// in order. That does not make searches faster.
func (r *replay) deploy(s delivery.Stage, env string, release delivery.Release, broken bool) {
	d := delivery.Deployment{ID: fmt.Sprintf("deployment-%07d", r.done), Seq: int64(r.done), Pipeline: shopName, Stage: s.Name, Environment: env,
		Content: pastContent(env, release), Kind: delivery.KindDeliver, Attempt: 1, Rollout: release.Spec.Version + "-" + s.Name,
		Status: delivery.Deploying, Reason: release.Spec.Version + " is not running here", Actor: pastActor, CreatedAt: r.at,
		Gates: pastGates(s)}
	r.record(delivery.EventDeploymentStarted, d.ID, d)
	settled := r.at
	if broken {
		d.Status, d.Failure, d.SettledAt = delivery.Failed, "the environment refuses it", &settled
		r.record(delivery.EventDeploymentFailed, d.ID, d)
		return
	}
	d.Status = delivery.Verifying
	r.record(delivery.EventDeploymentDeployed, d.ID, d)
	if before, ok := r.running[env]; ok {
		before.Status, before.SettledAt = delivery.Superseded, &settled
		r.record(delivery.EventDeploymentSuperseded, before.ID, before)
	}
	d.Status, d.VerifiedAt, d.SettledAt = delivery.Verified, &settled, &settled
	r.record(delivery.EventDeploymentVerified, d.ID, d)
	r.running[env] = d
}

// pastGates are the verdicts of a stage's gates, all passed.
func pastGates(s delivery.Stage) []delivery.GateResult {
	names := []string{}
	if s.Name != shopStages[0].Name {
		names = append(names, "previous_stage")
	}
	for name, asked := range map[string]bool{"approvals": s.Gates.Approvals != nil, "soak": s.Gates.Soak != nil, "max_deploys": s.Gates.MaxDeploys != nil} {
		if asked {
			names = append(names, name)
		}
	}
	for suite := range s.Gates.Tests {
		names = append(names, "tests."+suite)
	}
	for name := range s.Gates.Expressions {
		names = append(names, "expressions."+name)
	}
	slices.Sort(names)
	gates := make([]delivery.GateResult, len(names))
	for i, name := range names {
		gates[i] = delivery.GateResult{Name: name, Verdict: delivery.VerdictPassed, Reason: "it passes in the past"}
	}
	return gates
}

// pastContents has the content in each environment, without the release. Computing its digest takes longer than everything else.
var pastContents = func() map[string]delivery.Content {
	contents := map[string]delivery.Content{}
	for _, s := range shopStages {
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
