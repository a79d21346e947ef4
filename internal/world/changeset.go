package world

import (
	"fmt"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ChangeSet is what a plan is about to change, by name where it is looked up. A nil change set changes nothing.
type ChangeSet struct {
	Actor        string
	environments map[string]delivery.EnvironmentSpec
	pipelines    map[string]delivery.PipelineSpec
	releases     []delivery.ReleaseRequest
	promotions   []delivery.PromotionSpec
	approvals    []delivery.ApprovalSpec
	reports      []delivery.TestReport
	freezes      []delivery.FreezeSpec
	policies     []delivery.PolicySpec
	overrides    []delivery.OverrideSpec
	verified     []delivery.VerificationSpec
	revoked      []string
	lifted       []string
	dropped      []string

	news []string // versions of releases that the ledger does not know yet; filled as the change set is applied
}

// NewChangeSet makes one of what the provider collected while Terraform plans.
func NewChangeSet(actor string, o delivery.Overlay) *ChangeSet {
	p := &ChangeSet{Actor: actor, environments: map[string]delivery.EnvironmentSpec{}, pipelines: map[string]delivery.PipelineSpec{},
		releases: o.Releases, promotions: o.Promotions, approvals: o.Approvals, reports: o.Reports, freezes: o.Freezes,
		policies: o.Policies, overrides: o.Overrides, verified: o.Verifications, revoked: o.Revoked, lifted: o.Lifted, dropped: o.Dropped}
	for _, spec := range o.Environments {
		p.environments[spec.Name] = spec
	}
	for _, spec := range o.Pipelines {
		p.pipelines[spec.Name] = spec
	}
	return p
}

// EntriesBefore lists the entries ahead of a stage that the same plan brings releases into.
func (p *ChangeSet) EntriesBefore(pipeline delivery.PipelineSpec, stage string) []string {
	entries := []string{}
	for _, s := range pipeline.Stages[:pipeline.StageIndex(stage)] {
		led := len(p.releases) > 0 && pipeline.AutoStart() && s.Name == pipeline.Stages[0].Name
		if led || p.Promotes(s.Name) {
			entries = append(entries, s.Name)
		}
	}
	return entries
}

// Promotes reports whether the same plan promotes something into a stage.
func (p *ChangeSet) Promotes(stage string) bool {
	return slices.ContainsFunc(p.promotions, func(spec delivery.PromotionSpec) bool { return spec.Stage == stage })
}

// DropReleases takes out all releases.
func (p *ChangeSet) DropReleases() { p.releases = nil }

// DropPromotion takes out the promotion into a stage.
func (p *ChangeSet) DropPromotion(stage string) {
	p.promotions = slices.DeleteFunc(p.promotions, func(s delivery.PromotionSpec) bool { return s.Stage == stage })
}

// DropApproval takes out one decision.
func (p *ChangeSet) DropApproval(spec delivery.ApprovalSpec) {
	p.approvals = slices.DeleteFunc(p.approvals, func(planned delivery.ApprovalSpec) bool { return planned == spec })
}

// NewReleases lists the versions that the ledger does not know yet.
func (p *ChangeSet) NewReleases() []string { return p.news }

func (p *ChangeSet) environment(name string) (delivery.EnvironmentSpec, bool) {
	if p == nil {
		return delivery.EnvironmentSpec{}, false
	}
	spec, ok := p.environments[name]
	return spec, ok
}

// versions adds the versions that the change set names.
func (p *ChangeSet) versions(known []string) []string {
	if p == nil {
		return known
	}
	for _, r := range p.releases {
		known = append(known, r.Spec.Version)
	}
	for _, r := range p.promotions {
		known = append(known, r.Version)
	}
	return known
}

// apply puts what the plan is about to change over the world. Environments and the pipeline are in it already. Policies come before
// approvals, because approvals cover them.
func (p *ChangeSet) apply(w *delivery.World) {
	p.applyPolicies(w)
	p.applyReleases(w)
	p.applyApprovals(w)
	p.applyEvidence(w)
	for _, spec := range p.verified {
		if spec.Pipeline == w.Pipeline.Name {
			w.Verifications = append(w.Verifications, spec)
		}
	}
}

func (p *ChangeSet) applyPolicies(w *delivery.World) {
	replaced := func(name string) bool {
		return slices.Contains(p.dropped, name) || slices.ContainsFunc(p.policies, func(s delivery.PolicySpec) bool { return s.Name == name })
	}
	w.Policies = append(slices.DeleteFunc(w.Policies, func(s delivery.PolicySpec) bool { return replaced(s.Name) }), p.policies...)
	frozen := func(name string) bool {
		return slices.Contains(p.lifted, name) || slices.ContainsFunc(p.freezes, func(s delivery.FreezeSpec) bool { return s.Name == name })
	}
	w.Freezes = append(slices.DeleteFunc(w.Freezes, func(s delivery.FreezeSpec) bool { return frozen(s.Name) }), p.freezes...)
}

func (p *ChangeSet) applyReleases(w *delivery.World) {
	for _, r := range p.releases {
		if r.Spec.Pipeline != w.Pipeline.Name {
			continue
		}
		w.Releases[r.Spec.Version] = p.Register(r, w)
		if w.Pipeline.AutoStart() {
			lead := r.LeadingPromotion(w.Pipeline, p.Actor, w.Now)
			w.Promotions[lead.Spec.Stage] = lead
		}
	}
	for _, spec := range p.promotions {
		if spec.Pipeline == w.Pipeline.Name {
			w.Promotions[spec.Stage] = delivery.Promotion{Spec: spec, RequestedBy: p.Actor, RequestedAt: w.Now}
		}
	}
}

// behindAll numbers planned decisions and reports behind every recorded one of the same person or suite.
const behindAll = 1 << 30

// applyApprovals leaves those in that are about to be revoked, as revoked: each begins another round of signatures.
func (p *ChangeSet) applyApprovals(w *delivery.World) {
	w.Approvals = slices.Clone(w.Approvals)
	now := w.Now
	for i := range w.Approvals {
		if slices.Contains(p.revoked, w.Approvals[i].ID) {
			w.Approvals[i].RevokedAt = &now
		}
	}
	for i, spec := range p.approvals {
		release, known := w.Releases[spec.Version]
		stage, ok := w.Pipeline.Stage(spec.Stage)
		if spec.Pipeline != w.Pipeline.Name || !known || !ok {
			continue
		}
		if spec.Approver == "" {
			spec.Approver = p.Actor
		}
		request := w.ApprovalRequest(stage, release, spec.Decision)
		w.Approvals = append(w.Approvals, delivery.Approval{ID: fmt.Sprintf("planned-%d", i), Spec: spec, Number: behindAll + i, DecidedAt: w.Now,
			ContentDigest: request.ContentDigest, Round: request.Round})
	}
	w.Signers = signers(w.Approvals)
}

func (p *ChangeSet) applyEvidence(w *delivery.World) {
	w.Reports = slices.DeleteFunc(w.Reports, func(r delivery.TestReport) bool { return slices.Contains(p.revoked, r.ID) })
	for i, report := range p.reports {
		if release, known := w.Releases[report.Spec.Version]; known && report.Spec.Pipeline == w.Pipeline.Name {
			report.ID, report.Number, report.ReleaseDigest, report.RecordedBy, report.RecordedAt = fmt.Sprintf("planned-%d", i), behindAll+i, release.Digest, p.Actor, w.Now
			w.Reports = append(w.Reports, report)
		}
	}
	w.Overrides = slices.DeleteFunc(w.Overrides, func(o delivery.Override) bool { return slices.Contains(p.revoked, o.ID) })
	for i, spec := range p.overrides {
		if release, known := w.Releases[spec.Version]; known && spec.Pipeline == w.Pipeline.Name {
			w.Overrides = append(w.Overrides, delivery.Override{ID: fmt.Sprintf("planned-%d", i), Spec: spec, ReleaseDigest: release.Digest, Actor: p.Actor, CreatedAt: w.Now})
		}
	}
}

// Register gives the release as the ledger would hold it: who registered it first stays. One that the ledger does not know is noted as new.
func (p *ChangeSet) Register(r delivery.ReleaseRequest, w *delivery.World) delivery.Release {
	release := delivery.Release{Spec: r.Spec, Digest: r.Spec.Digest(), Attempt: r.Attempt, RegisteredBy: p.Actor, RegisteredAt: w.Now}
	if known, ok := w.Releases[r.Spec.Version]; ok {
		release.RegisteredBy, release.RegisteredAt = known.RegisteredBy, known.RegisteredAt
	} else {
		p.news = append(p.news, r.Spec.Version)
	}
	return release
}
