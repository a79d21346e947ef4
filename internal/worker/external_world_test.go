package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// This file is what the histories do, and the oracle demands, where Terraform deploys.

// byTerraform lists what was authorized and what was verified between two looks at the ledger.
func byTerraform(before, after []delivery.Deployment) []string {
	was := map[string]delivery.DeploymentStatus{}
	for _, d := range before {
		was[d.ID] = d.Status
	}
	lines := []string{}
	for _, d := range after {
		if d.Content.Target != nil {
			continue
		}
		status, known := was[d.ID]
		if !known {
			lines = append(lines, fmt.Sprintf("%s to %s", d.Content.Version, d.Environment))
		}
		if d.VerifiedAt != nil && (!known || status == delivery.Verifying) {
			lines = append(lines, fmt.Sprintf("%s verified in %s", d.Content.Version, d.Environment))
		}
	}
	return lines
}

// drawExternal decides whether Terraform deploys to staging in this history.
func (u *simulation) drawExternal() bool {
	if len(u.mutation.only) > 0 {
		return slices.Contains(u.mutation.only, "terraform")
	}
	return u.chance(35)
}

func (u *simulation) onlyExternal(lots int) int {
	if u.external {
		return lots
	}
	return 0
}

// authorized returns what was authorized last at staging and is not settled, and what else stands there.
func (u *simulation) authorized() (out, stands string) {
	for _, d := range u.all() {
		switch {
		case d.Pipeline != "shop" || d.Environment != "stg":
		case d.Status == delivery.Verifying:
			out = d.Content.Version
		case d.Status == delivery.Verified:
			stands = d.Content.Version
		}
	}
	return out, stands
}

// handOut goes the whole way of one release, and sometimes only a part of it: into staging, by Terraform, verified there, and on.
func (u *simulation) handOut() {
	version := u.anyVersion()
	u.apply(u.deliveryOf("shop", version), false)
	u.apply(u.promotionOf("shop", version, "staging"), u.chance(10))
	if u.chance(70) {
		u.apply(u.verification(), u.chance(20))
	}
	if u.chance(30) {
		u.apply(u.promotionOf("shop", version, "production"), false)
	}
}

// verification asks, most of the time, for what is authorized.
func (u *simulation) verification() operation {
	version, stands := u.authorized()
	if version == "" || u.chance(15) {
		version = pickOf(u, stands, u.anyVersion(), u.anyVersion())
	}
	return u.verificationOf(delivery.VerificationRequest{Spec: delivery.VerificationSpec{Pipeline: "shop", Stage: "staging", Version: version}})
}

func (u *simulation) verificationOf(r delivery.VerificationRequest) operation {
	actor, ctx, idle := u.anyone(), context.Background(), delivery.Work{}
	return operation{words: fmt.Sprintf("%s verifies %s %s again=%v", actor, r.Spec.ID(), r.Spec.Version, r.Again), actor: actor, pipeline: r.Spec.Pipeline,
		entry: r.Spec.Stage, subject: subject{verification: &r},
		put: func(p *process) error {
			state, err := p.PutVerification(ctx, actor, r)
			idle = state.Work
			if err == nil && state.Status == delivery.StageVerified && !r.Again {
				u.counters.add("nothing left to verify")
			}
			return err
		},
		wait: func(p *process) (delivery.Work, error) {
			if idle.Finished { // there was nothing to do, whatever a process that is gone was about to do
				return idle, nil
			}
			before := len(u.all())
			state, err := p.WaitVerification(ctx, r.Spec, manyMoments)
			if err == nil && state.Status == delivery.StageVerified && len(u.all()) > before {
				u.counters.add("went on after a verification")
			}
			return state.Work, err
		}}
}

// verifyAgain is what changed triggers ask for: what stands there is looked at once more.
func (u *simulation) verifyAgain() {
	out, stands := u.authorized()
	if out != "" || stands == "" {
		return
	}
	bad := u.chance(65)
	u.checker.write(func(b *fakeChecker) { b.bad["stg/"+stands] = bad })
	u.pauses.Store(0)
	w := u.verificationOf(delivery.VerificationRequest{Again: true, Spec: delivery.VerificationSpec{Pipeline: "shop", Stage: "staging", Version: stands}})
	result := u.run(u.self, w)
	u.note("%s: refused=%v stopped=%v", w.words, result.refused, result.stopped)
	if _, now := u.authorized(); result.rested() && now == stands {
		u.counters.add("verified again")
	} else if now == "" {
		u.counters.add("found broken when verified again")
		u.goBack(stands)
	}
	u.checker.write(func(b *fakeChecker) { delete(b.bad, "stg/"+stands) })
}

// goBack is what a user does about a release that broke: another one that ran there is promoted.
func (u *simulation) goBack(broken string) {
	for _, d := range slices.Backward(u.all()) {
		if d.Pipeline == "shop" && d.Environment == "stg" && d.VerifiedAt != nil && d.Content.Version != broken {
			u.apply(u.promotionOf("shop", d.Content.Version, "staging"), false)
			u.apply(u.verification(), false)
			return
		}
	}
}

// judgeAuthorized says what is wrong with authorizing a release: that is Terraform's to carry out, and nobody else may supersede it.
func (s setup) judgeAuthorized(d delivery.Deployment, before []delivery.Deployment) []string {
	if d.Content.Target != nil {
		return nil
	}
	if d.Kind == delivery.KindRollback {
		return []string{"[1] nobody here can roll back what Terraform deploys"}
	}
	if d.Status != delivery.Verifying || d.VerifiedAt != nil {
		return []string{"[1] it was authorized as " + string(d.Status)}
	}
	newest, ok := last(before, func(delivery.Deployment) bool { return true })
	if ok && newest.Content.Target == nil && newest.Status == delivery.Verified && text(newest.Content) == text(d.Content) {
		return []string{"[7] it runs there already: " + newest.ID}
	}
	if !broke(newest) || !ok {
		return nil
	}
	if _, ran := last(before, func(o delivery.Deployment) bool { return ranWell(o) && text(o.Content) == text(d.Content) }); ran {
		s.oracle.happened("back to what ran before")
	}
	return nil
}

// judgeVerification says what is wrong with calling verified what Terraform deployed: each of the stage's checks must have said yes.
func (s setup) judgeVerification(d delivery.Deployment) []string {
	if d.Content.Target != nil || d.Status != delivery.Verified {
		return nil
	}
	for _, stage := range s.pipeline(d.Pipeline).Stages {
		if stage.Name != d.Stage {
			continue
		}
		for name := range stage.Verify {
			if s.oracle.checker.refuses(d.Pipeline, d.Environment, d.Content.Version) {
				return []string{fmt.Sprintf("[1] %s is verified, and %s says no", d.ID, name)}
			}
		}
		return nil
	}
	return []string{"[1] " + d.ID + " is verified in a stage that does not exist"}
}

// refuses tells whether a verification says no there.
func (b *fakeChecker) refuses(pipeline, environment, version string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range []string{pipeline + "/" + version, environment, environment + "/" + version} {
		if b.bad[key] {
			return true
		}
	}
	return false
}

// agreedOnVerification notes that a preview told of a verification what came of it.
func (u *simulation) agreedOnVerification(lines []string) {
	if strings.Contains(strings.Join(lines, "\n"), " verified in ") {
		u.counters.add("preview agreed on a verification")
	}
}
