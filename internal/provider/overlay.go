package provider

import (
	"maps"
	"slices"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// overlay collects what this plan is about to change, while Terraform plans resources in dependency order in one process. It
// only ever makes a preview say more: when it is incomplete (another process, an alias, an unknown value), apply still asks
// the ledger.
type overlay struct {
	mu           sync.Mutex
	environments map[string]planned[delivery.EnvironmentSpec]
	related      map[string]bool // environments that name others: few of many, and asked for by each
	pipelines    map[string]planned[delivery.PipelineSpec]
	releases     map[string]planned[delivery.ReleaseRequest] // by pipeline/version
	promotions   map[string]planned[delivery.PromotionSpec]  // by pipeline/stage
	approvals    []delivery.ApprovalSpec
	reports      []delivery.TestReport
	overrides    []delivery.OverrideSpec
	verified     []delivery.VerificationSpec
	revoked      []string
	freezes      map[string]delivery.FreezeSpec
	policies     map[string]delivery.PolicySpec
	lifted       []string  // freezes that go away
	dropped      []string  // policies that go away
	asked        []gateUse // the gates that were asked so far

	// What this plan changes in ways that are not known yet, by name: neither the ledger nor the overlay can say how it will be.
	vagueEnvironments, vaguePipelines map[string]bool
	vagueDeliveries                   map[string]bool // pipelines of which a release, or what gates ask for, is not known yet
	vagueFreezes, vaguePolicies       map[string]bool
}

// planned is one object as it will be, and whether this plan changes it.
type planned[T any] struct {
	spec    T
	changed bool
}

func newOverlay() *overlay {
	return &overlay{
		environments: map[string]planned[delivery.EnvironmentSpec]{},
		related:      map[string]bool{},
		pipelines:    map[string]planned[delivery.PipelineSpec]{},
		releases:     map[string]planned[delivery.ReleaseRequest]{},
		promotions:   map[string]planned[delivery.PromotionSpec]{},
		freezes:      map[string]delivery.FreezeSpec{},
		policies:     map[string]delivery.PolicySpec{},

		vagueEnvironments: map[string]bool{},
		vaguePipelines:    map[string]bool{},
		vagueDeliveries:   map[string]bool{},
		vagueFreezes:      map[string]bool{},
		vaguePolicies:     map[string]bool{},
	}
}

func (o *overlay) environment(spec delivery.EnvironmentSpec, changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.environments[spec.Name] = planned[delivery.EnvironmentSpec]{spec, changed}
	delete(o.vagueEnvironments, spec.Name)
	if delete(o.related, spec.Name); len(spec.RelatedTo()) > 0 {
		o.related[spec.Name] = true
	}
}

// environmentUnknown notes an environment of which parts are not known yet.
func (o *overlay) environmentUnknown(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.vagueEnvironments[name] = true
}

// environmentsKnown reports whether a preview may speak about these environments.
func (o *overlay) environmentsKnown(names ...string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !slices.ContainsFunc(names, func(name string) bool { return o.vagueEnvironments[name] })
}

func (o *overlay) pipeline(spec delivery.PipelineSpec, changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pipelines[spec.Name] = planned[delivery.PipelineSpec]{spec, changed}
	delete(o.vaguePipelines, spec.Name)
}

// pipelineUnknown notes a pipeline of which parts are not known yet.
func (o *overlay) pipelineUnknown(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.vaguePipelines[name] = true
}

// pipelineKnown reports whether a preview may speak about the pipeline: it and its environments will be as the overlay or the
// ledger says. pipeline is as for forPipeline.
func (o *overlay) pipelineKnown(name string, pipeline *delivery.PipelineSpec) bool {
	o.mu.Lock()
	if p, ok := o.pipelines[name]; ok {
		pipeline = &p.spec
	}
	vague := o.vaguePipelines[name]
	o.mu.Unlock()
	if vague || pipeline == nil {
		return !vague
	}
	for _, stage := range pipeline.Stages {
		if !o.environmentsKnown(stage.Environments...) {
			return false
		}
	}
	return true
}

// release notes a release that is to be delivered. It returns the version that another resource of this plan wants the same
// pipeline to carry, and whether this plan changes that one; empty when there is none.
func (o *overlay) release(r delivery.ReleaseRequest, changed bool) (rival string, rivalChanges bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, other := range o.releases {
		if other.spec.Spec.Pipeline == r.Spec.Pipeline && other.spec.Spec.Version != r.Spec.Version {
			rival, rivalChanges = other.spec.Spec.Version, rivalChanges || other.changed
		}
	}
	o.releases[r.Spec.ID()] = planned[delivery.ReleaseRequest]{r, changed}
	return rival, rivalChanges
}

// deliveryUnknown notes that a release of the pipeline, or what its gates ask for, is not known yet.
func (o *overlay) deliveryUnknown(pipeline string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.vagueDeliveries[pipeline] = true
}

// deliveriesKnown reports whether a preview may speak about what is delivered through the pipeline. A freeze or a policy that is
// not known yet may hold for any pipeline.
func (o *overlay) deliveriesKnown(pipeline string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.vagueDeliveries[pipeline] && len(o.vagueFreezes)+len(o.vaguePolicies) == 0
}

func (o *overlay) freeze(spec delivery.FreezeSpec) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.freezes[spec.Name] = spec
	delete(o.vagueFreezes, spec.Name)
}

// freezeUnknown notes a freeze of which parts are not known yet.
func (o *overlay) freezeUnknown(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.vagueFreezes[name] = true
}

// lift notes a freeze that this plan takes away.
func (o *overlay) lift(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lifted = append(o.lifted, name)
}

func (o *overlay) policy(spec delivery.PolicySpec) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.policies[spec.Name] = spec
	delete(o.vaguePolicies, spec.Name)
}

// policyUnknown notes a policy of which parts are not known yet.
func (o *overlay) policyUnknown(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.vaguePolicies[name] = true
}

// drop notes a policy that this plan takes away.
func (o *overlay) drop(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped = append(o.dropped, name)
}

func (o *overlay) promotion(spec delivery.PromotionSpec, changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.promotions[spec.ID()] = planned[delivery.PromotionSpec]{spec, changed}
}

func (o *overlay) approval(spec delivery.ApprovalSpec) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.approvals = append(o.approvals, spec)
}

// report notes a test report that this plan records: its names and counts.
func (o *overlay) report(r delivery.TestReport) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, r)
}

// verification notes a verification, for what comes behind it.
func (o *overlay) verification(spec delivery.VerificationSpec) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.verified = append(o.verified, spec)
}

func (o *overlay) override(spec delivery.OverrideSpec) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.overrides = append(o.overrides, spec)
}

// revoke notes an approval, a report or an override that this plan takes back.
func (o *overlay) revoke(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.revoked = append(o.revoked, id)
}

// declared returns an environment as this plan leaves it, if it was planned already.
func (o *overlay) declared(name string) (delivery.EnvironmentSpec, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, ok := o.environments[name]
	return e.spec, ok
}

// replicas lists the replicas of the named environment that were planned so far, by name.
func (o *overlay) replicas(of string) []delivery.EnvironmentSpec {
	return o.relatives(func(e delivery.EnvironmentSpec) bool { return e.ReplicaOf == of })
}

// claimants lists the environments planned so far that declare parity with the named one, by name.
func (o *overlay) claimants(with string) []delivery.EnvironmentSpec {
	return o.relatives(func(e delivery.EnvironmentSpec) bool { return e.Parity != nil && e.Parity.With == with })
}

// alone reports whether no environment planned so far names this one.
func (o *overlay) alone(name string) bool {
	return len(o.relatives(func(e delivery.EnvironmentSpec) bool { return slices.Contains(e.RelatedTo(), name) })) == 0
}

func (o *overlay) relatives(which func(delivery.EnvironmentSpec) bool) []delivery.EnvironmentSpec {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := []delivery.EnvironmentSpec{}
	for _, name := range slices.Sorted(maps.Keys(o.related)) {
		if e := o.environments[name].spec; which(e) {
			found = append(found, e)
		}
	}
	return found
}

// changes reports whether this plan changes the named environment.
func (o *overlay) changes(environment string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.environments[environment].changed
}

// forEnvironments gives the part of the overlay that a preview of the named environments needs: them and what they name.
func (o *overlay) forEnvironments(names ...string) delivery.Overlay {
	o.mu.Lock()
	defer o.mu.Unlock()
	return delivery.Overlay{Environments: o.withReferences(names)}
}

func (o *overlay) withReferences(names []string) []delivery.EnvironmentSpec {
	found, seen := []delivery.EnvironmentSpec{}, map[string]bool{}
	var add func(name string, relatives int)
	add = func(name string, relatives int) {
		e, ok := o.environments[name]
		if !ok {
			return
		}
		if !seen[name] {
			seen[name] = true
			found = append(found, e.spec)
		}
		if relatives > 0 {
			for _, relative := range e.spec.RelatedTo() {
				add(relative, relatives-1)
			}
		}
	}
	for _, name := range names {
		add(name, 2) // a reference may be a replica of a third one
	}
	return found
}

// forPipeline gives the part of the overlay that a preview of one pipeline's release, promotion or approval needs. pipeline is
// the pipeline as the ledger has it, nil when it does not exist there; the overlay's own version wins.
func (o *overlay) forPipeline(name string, pipeline *delivery.PipelineSpec) delivery.Overlay {
	o.mu.Lock()
	defer o.mu.Unlock()
	part := delivery.Overlay{Revoked: slices.Clone(o.revoked), Lifted: slices.Clone(o.lifted), Dropped: slices.Clone(o.dropped)}
	for _, freeze := range slices.Sorted(maps.Keys(o.freezes)) {
		part.Freezes = append(part.Freezes, o.freezes[freeze])
	}
	for _, policy := range slices.Sorted(maps.Keys(o.policies)) {
		part.Policies = append(part.Policies, o.policies[policy])
	}
	if p, ok := o.pipelines[name]; ok {
		part.Pipelines = append(part.Pipelines, p.spec)
		pipeline = &p.spec
	}
	if pipeline != nil {
		names := []string{}
		for _, stage := range pipeline.Stages {
			names = append(names, stage.Environments...)
		}
		part.Environments = o.withReferences(names)
	}
	for _, r := range o.releases {
		if r.spec.Spec.Pipeline == name {
			part.Releases = append(part.Releases, r.spec)
		}
	}
	for _, p := range o.promotions {
		if p.spec.Pipeline == name {
			part.Promotions = append(part.Promotions, p.spec)
		}
	}
	for _, a := range o.approvals {
		if a.Pipeline == name {
			part.Approvals = append(part.Approvals, a)
		}
	}
	for _, r := range o.reports {
		if r.Spec.Pipeline == name {
			part.Reports = append(part.Reports, r)
		}
	}
	for _, spec := range o.verified {
		if spec.Pipeline == name {
			part.Verifications = append(part.Verifications, spec)
		}
	}
	for _, spec := range o.overrides {
		if spec.Pipeline == name {
			part.Overrides = append(part.Overrides, spec)
		}
	}
	return part
}
