// Package changeset collects what a plan is about to change, while Terraform plans one resource after another in one process. It does
// not decide anything: a preview gets the collected changes as part of its question.
package changeset

import (
	"maps"
	"slices"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Collector holds what this plan is about to change. Terraform plans resources in dependency order, so what a resource refers to is
// here before the resource is planned. A collector may be incomplete (another process, an alias, an unknown value). Then a preview says
// less, and the apply still asks the ledger. It is safe for concurrent use.
type Collector struct {
	mu              sync.Mutex
	environments    map[string]planned[delivery.EnvironmentSpec]
	related         map[string]bool // environments with parity or a source; few of many, and every environment asks for them
	pipelines       map[string]planned[delivery.PipelineSpec]
	releases        map[string]planned[delivery.ReleaseRequest] // by pipeline/version
	promotions      map[string]planned[delivery.PromotionSpec]  // by pipeline/stage
	approvals       []delivery.ApprovalSpec
	testReports     []delivery.TestReport
	overrides       []delivery.OverrideSpec
	verifications   []delivery.VerificationSpec
	revoked         []string
	freezes         map[string]delivery.FreezeSpec
	policies        map[string]delivery.PolicySpec
	removedFreezes  []string
	removedPolicies []string
	gateUses        []GateUse // the gates that this plan evaluated so far

	// What this plan changes in ways that are not known yet, by name: neither the ledger nor the fields above say how it will be.
	unknownEnvironments, unknownPipelines map[string]bool
	unknownDeliveries                     map[string]bool // pipelines with a release, or evidence for a gate, that is not known yet
	unknownFreezes, unknownPolicies       map[string]bool
}

// planned is one object as it will be, and whether this plan changes it.
type planned[T any] struct {
	spec    T
	changed bool
}

// New returns an empty collector, for one walk.
func New() *Collector {
	return &Collector{
		environments: map[string]planned[delivery.EnvironmentSpec]{},
		related:      map[string]bool{},
		pipelines:    map[string]planned[delivery.PipelineSpec]{},
		releases:     map[string]planned[delivery.ReleaseRequest]{},
		promotions:   map[string]planned[delivery.PromotionSpec]{},
		freezes:      map[string]delivery.FreezeSpec{},
		policies:     map[string]delivery.PolicySpec{},

		unknownEnvironments: map[string]bool{},
		unknownPipelines:    map[string]bool{},
		unknownDeliveries:   map[string]bool{},
		unknownFreezes:      map[string]bool{},
		unknownPolicies:     map[string]bool{},
	}
}

// AddEnvironment notes an environment as this plan leaves it.
func (c *Collector) AddEnvironment(spec delivery.EnvironmentSpec, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.environments[spec.Name] = planned[delivery.EnvironmentSpec]{spec, changed}
	delete(c.unknownEnvironments, spec.Name)
	if delete(c.related, spec.Name); len(spec.RelatedTo()) > 0 {
		c.related[spec.Name] = true
	}
}

// AddUnknownEnvironment notes an environment with parts that are not known yet.
func (c *Collector) AddUnknownEnvironment(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unknownEnvironments[name] = true
}

// EnvironmentsKnown reports whether a preview may speak about these environments.
func (c *Collector) EnvironmentsKnown(names ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(names, func(name string) bool { return c.unknownEnvironments[name] })
}

// AddPipeline notes a pipeline as this plan leaves it.
func (c *Collector) AddPipeline(spec delivery.PipelineSpec, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pipelines[spec.Name] = planned[delivery.PipelineSpec]{spec, changed}
	delete(c.unknownPipelines, spec.Name)
}

// AddUnknownPipeline notes a pipeline with parts that are not known yet.
func (c *Collector) AddUnknownPipeline(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unknownPipelines[name] = true
}

// PipelineKnown reports whether a preview may speak about the pipeline: it and its environments will be as the collector or the
// ledger says. pipeline is as for ForPipeline.
func (c *Collector) PipelineKnown(name string, pipeline *delivery.PipelineSpec) bool {
	c.mu.Lock()
	if p, ok := c.pipelines[name]; ok {
		pipeline = &p.spec
	}
	vague := c.unknownPipelines[name]
	c.mu.Unlock()
	if vague || pipeline == nil {
		return !vague
	}
	for _, stage := range pipeline.Stages {
		if !c.EnvironmentsKnown(stage.Environments...) {
			return false
		}
	}
	return true
}

// AddRelease notes a release to deliver. It returns the version that another resource of this plan wants the same
// pipeline to carry, and whether this plan changes that one; empty when there is none.
func (c *Collector) AddRelease(r delivery.ReleaseRequest, changed bool) (rival string, rivalChanges bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.releases {
		if other.spec.Spec.Pipeline == r.Spec.Pipeline && other.spec.Spec.Version != r.Spec.Version {
			rival, rivalChanges = other.spec.Spec.Version, rivalChanges || other.changed
		}
	}
	c.releases[r.Spec.ID()] = planned[delivery.ReleaseRequest]{r, changed}
	return rival, rivalChanges
}

// AddUnknownDelivery notes that a release of the pipeline, or evidence for its gates, is not known yet.
func (c *Collector) AddUnknownDelivery(pipeline string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unknownDeliveries[pipeline] = true
}

// DeliveriesKnown reports whether a preview may speak about what is delivered through the pipeline. A freeze or a policy that is
// not known yet may apply to any pipeline.
func (c *Collector) DeliveriesKnown(pipeline string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.unknownDeliveries[pipeline] && len(c.unknownFreezes)+len(c.unknownPolicies) == 0
}

// AddFreeze notes a freeze as this plan leaves it.
func (c *Collector) AddFreeze(spec delivery.FreezeSpec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.freezes[spec.Name] = spec
	delete(c.unknownFreezes, spec.Name)
}

// AddUnknownFreeze notes a freeze with parts that are not known yet.
func (c *Collector) AddUnknownFreeze(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unknownFreezes[name] = true
}

// RemoveFreeze notes a freeze that this plan removes.
func (c *Collector) RemoveFreeze(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removedFreezes = append(c.removedFreezes, name)
}

// AddPolicy notes a policy as this plan leaves it.
func (c *Collector) AddPolicy(spec delivery.PolicySpec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policies[spec.Name] = spec
	delete(c.unknownPolicies, spec.Name)
}

// AddUnknownPolicy notes a policy with parts that are not known yet.
func (c *Collector) AddUnknownPolicy(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unknownPolicies[name] = true
}

// RemovePolicy notes a policy that this plan removes.
func (c *Collector) RemovePolicy(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removedPolicies = append(c.removedPolicies, name)
}

// AddPromotion notes a promotion to carry out.
func (c *Collector) AddPromotion(spec delivery.PromotionSpec, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promotions[spec.ID()] = planned[delivery.PromotionSpec]{spec, changed}
}

// AddApproval notes a decision that this plan records.
func (c *Collector) AddApproval(spec delivery.ApprovalSpec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.approvals = append(c.approvals, spec)
}

// AddTestReport notes a test report that this plan records: its names and counts.
func (c *Collector) AddTestReport(r delivery.TestReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.testReports = append(c.testReports, r)
}

// AddVerification notes a verification, for the stages after it.
func (c *Collector) AddVerification(spec delivery.VerificationSpec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verifications = append(c.verifications, spec)
}

// AddOverride notes an override that this plan makes.
func (c *Collector) AddOverride(spec delivery.OverrideSpec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overrides = append(c.overrides, spec)
}

// Revoke notes an approval, a report or an override that this plan revokes or withdraws.
func (c *Collector) Revoke(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked = append(c.revoked, id)
}

// Environment returns an environment as this plan leaves it, if it was planned already.
func (c *Collector) Environment(name string) (delivery.EnvironmentSpec, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.environments[name]
	return e.spec, ok
}

// Replicas lists the replicas of the named environment that were planned so far, by name.
func (c *Collector) Replicas(of string) []delivery.EnvironmentSpec {
	return c.relatives(func(e delivery.EnvironmentSpec) bool { return e.ReplicaOf == of })
}

// ParityClaimants lists the environments planned so far that declare parity with the named one, by name.
func (c *Collector) ParityClaimants(with string) []delivery.EnvironmentSpec {
	return c.relatives(func(e delivery.EnvironmentSpec) bool { return e.Parity != nil && e.Parity.With == with })
}

// IsUnrelated reports whether no environment planned so far names this one.
func (c *Collector) IsUnrelated(name string) bool {
	return len(c.relatives(func(e delivery.EnvironmentSpec) bool { return slices.Contains(e.RelatedTo(), name) })) == 0
}

func (c *Collector) relatives(which func(delivery.EnvironmentSpec) bool) []delivery.EnvironmentSpec {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []delivery.EnvironmentSpec{}
	for _, name := range slices.Sorted(maps.Keys(c.related)) {
		if e := c.environments[name].spec; which(e) {
			found = append(found, e)
		}
	}
	return found
}

// ChangesEnvironment reports whether this plan changes the named environment.
func (c *Collector) ChangesEnvironment(environment string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.environments[environment].changed
}

// ForEnvironments returns what a preview of the named environments needs: them and the environments that they name.
func (c *Collector) ForEnvironments(names ...string) delivery.Overlay {
	c.mu.Lock()
	defer c.mu.Unlock()
	return delivery.Overlay{Environments: c.withReferences(names)}
}

func (c *Collector) withReferences(names []string) []delivery.EnvironmentSpec {
	found, seen := []delivery.EnvironmentSpec{}, map[string]bool{}
	var add func(name string, relatives int)
	add = func(name string, relatives int) {
		e, ok := c.environments[name]
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

// ForPipeline returns what a preview of one pipeline's release, promotion or approval needs. pipeline is the pipeline as the ledger
// has it, nil when it does not exist there; a version that this plan changes wins.
func (c *Collector) ForPipeline(name string, pipeline *delivery.PipelineSpec) delivery.Overlay {
	c.mu.Lock()
	defer c.mu.Unlock()
	part := delivery.Overlay{Revoked: slices.Clone(c.revoked), Lifted: slices.Clone(c.removedFreezes), Dropped: slices.Clone(c.removedPolicies)}
	for _, freeze := range slices.Sorted(maps.Keys(c.freezes)) {
		part.Freezes = append(part.Freezes, c.freezes[freeze])
	}
	for _, policy := range slices.Sorted(maps.Keys(c.policies)) {
		part.Policies = append(part.Policies, c.policies[policy])
	}
	if p, ok := c.pipelines[name]; ok {
		part.Pipelines = append(part.Pipelines, p.spec)
		pipeline = &p.spec
	}
	if pipeline != nil {
		names := []string{}
		for _, stage := range pipeline.Stages {
			names = append(names, stage.Environments...)
		}
		part.Environments = c.withReferences(names)
	}
	for _, r := range c.releases {
		if r.spec.Spec.Pipeline == name {
			part.Releases = append(part.Releases, r.spec)
		}
	}
	for _, p := range c.promotions {
		if p.spec.Pipeline == name {
			part.Promotions = append(part.Promotions, p.spec)
		}
	}
	for _, a := range c.approvals {
		if a.Pipeline == name {
			part.Approvals = append(part.Approvals, a)
		}
	}
	for _, r := range c.testReports {
		if r.Spec.Pipeline == name {
			part.Reports = append(part.Reports, r)
		}
	}
	for _, spec := range c.verifications {
		if spec.Pipeline == name {
			part.Verifications = append(part.Verifications, spec)
		}
	}
	for _, spec := range c.overrides {
		if spec.Pipeline == name {
			part.Overrides = append(part.Overrides, spec)
		}
	}
	return part
}
