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
	turn     sync.Mutex // held while one declaration is noted and everything is copied
	mu       sync.Mutex
	set      delivery.ChangeSet
	related  map[string]bool // environments with parity or a source; few of many, and every environment asks for them
	unnamed  map[string]bool // nouns of which this plan declares an object without a known name
	gateUses []GateUse       // the gates that this plan evaluated so far
}

// New returns an empty collector, for one walk.
func New() *Collector { return &Collector{related: map[string]bool{}, unnamed: map[string]bool{}} }

// note changes the set.
func (c *Collector) note(change func(set *delivery.ChangeSet)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.set)
}

// ask asks the set.
func ask[T any](c *Collector, question func(set delivery.ChangeSet) T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return question(c.set)
}

// Noting notes a declaration and returns all that this plan changes so far. It is one step: what two declarations make easier together
// is reported with the second of them, and with one of them in any case.
func (c *Collector) Noting(note func()) delivery.ChangeSet {
	c.turn.Lock()
	defer c.turn.Unlock()
	note()
	return ask(c, delivery.ChangeSet.Changed)
}

// AddEnvironment notes an environment as this plan leaves it.
func (c *Collector) AddEnvironment(spec delivery.EnvironmentSpec, changed bool) {
	c.note(func(set *delivery.ChangeSet) {
		set.Environments.Put(spec.Name, spec, changed)
		if delete(c.related, spec.Name); len(spec.RelatedTo()) > 0 {
			c.related[spec.Name] = true
		}
	})
}

// AddUnknownEnvironment notes an environment with parts that are not known yet.
func (c *Collector) AddUnknownEnvironment(name string) {
	c.note(func(set *delivery.ChangeSet) {
		set.Environments.PutUnknown(name)
		delete(c.related, name)
	})
}

// RemoveEnvironment notes an environment that this plan removes.
func (c *Collector) RemoveEnvironment(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Environments.Remove(name) })
}

// RemovePipeline notes a pipeline that this plan removes.
func (c *Collector) RemovePipeline(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Pipelines.Remove(name) })
}

// EnvironmentsKnown reports whether a preview may speak about these environments.
func (c *Collector) EnvironmentsKnown(names ...string) bool {
	return ask(c, func(set delivery.ChangeSet) bool { return set.Environments.Known(names...) })
}

// AddPipeline notes a pipeline as this plan leaves it.
func (c *Collector) AddPipeline(spec delivery.PipelineSpec, changed bool) {
	c.note(func(set *delivery.ChangeSet) { set.Pipelines.Put(spec.Name, spec, changed) })
}

// AddUnknownPipeline notes a pipeline with parts that are not known yet.
func (c *Collector) AddUnknownPipeline(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Pipelines.PutUnknown(name) })
}

// PipelineKnown reports whether a preview may speak about the pipeline: it and its environments will be as the collector or the
// ledger says. pipeline is as for ForPipeline.
func (c *Collector) PipelineKnown(name string, pipeline *delivery.PipelineSpec) bool {
	return ask(c, func(set delivery.ChangeSet) bool { return set.PipelineKnown(name, pipeline) })
}

// AddRelease notes a release to deliver. It returns the version that another resource of this plan wants the same
// pipeline to carry, and whether this plan changes that one; empty when there is none.
func (c *Collector) AddRelease(r delivery.ReleaseRequest, changed bool) (rival string, rivalChanges bool) {
	c.note(func(set *delivery.ChangeSet) {
		for _, other := range set.Releases {
			if other.After != nil && other.After.Spec.Pipeline == r.Spec.Pipeline && other.After.Spec.Version != r.Spec.Version {
				rival, rivalChanges = other.After.Spec.Version, rivalChanges || other.Changed
			}
		}
		set.Releases.Put(r.Spec.ID(), r, changed)
	})
	return rival, rivalChanges
}

// AddUnknownDelivery notes that a release of the pipeline, or evidence for its gates, is not known yet. Empty: nor is the pipeline.
func (c *Collector) AddUnknownDelivery(pipeline string) {
	c.note(func(set *delivery.ChangeSet) {
		if set.UnknownDeliveries == nil {
			set.UnknownDeliveries = map[string]bool{}
		}
		set.UnknownDeliveries[pipeline] = true
	})
}

// AddUnknownRecord notes a decision or a report with parts that are not known yet.
func (c *Collector) AddUnknownRecord(r delivery.UnknownRecord) {
	c.note(func(set *delivery.ChangeSet) {
		set.UnknownRecords = append(slices.Clip(set.UnknownRecords), r)
	})
	c.AddUnknownDelivery(r.Pipeline)
}

// DeliveriesKnown reports whether a preview may speak about what is delivered through the pipeline. A freeze or a policy that is
// not known yet may apply to any pipeline.
func (c *Collector) DeliveriesKnown(pipeline string) bool {
	return ask(c, func(set delivery.ChangeSet) bool { return set.DeliveriesKnown(pipeline) })
}

// AddFreeze notes a freeze as this plan leaves it.
func (c *Collector) AddFreeze(spec delivery.FreezeSpec, changed bool) {
	c.note(func(set *delivery.ChangeSet) { set.Freezes.Put(spec.Name, spec, changed) })
}

// AddUnknownFreeze notes a freeze with parts that are not known yet.
func (c *Collector) AddUnknownFreeze(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Freezes.PutUnknown(name) })
}

// RemoveFreeze notes a freeze that this plan removes.
func (c *Collector) RemoveFreeze(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Freezes.Remove(name) })
}

// AddPolicy notes a policy as this plan leaves it.
func (c *Collector) AddPolicy(spec delivery.PolicySpec, changed bool) {
	c.note(func(set *delivery.ChangeSet) { set.Policies.Put(spec.Name, spec, changed) })
}

// AddUnknownPolicy notes a policy with parts that are not known yet.
func (c *Collector) AddUnknownPolicy(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Policies.PutUnknown(name) })
}

// PoliciesKnown reports whether none of the policies planned so far is unknown.
func (c *Collector) PoliciesKnown() bool {
	return ask(c, func(set delivery.ChangeSet) bool { return !set.Policies.HasUnknown() })
}

// PlansPolicy reports whether a policy was planned already.
func (c *Collector) PlansPolicy(name string) bool {
	return ask(c, func(set delivery.ChangeSet) bool { _, planned := set.Policies[name]; return planned })
}

// RemovePolicy notes a policy that this plan removes.
func (c *Collector) RemovePolicy(name string) {
	c.note(func(set *delivery.ChangeSet) { set.Policies.Remove(name) })
}

// AddPromotion notes a promotion to carry out.
func (c *Collector) AddPromotion(spec delivery.PromotionSpec, changed bool) {
	c.note(func(set *delivery.ChangeSet) { set.Promotions.Put(spec.ID(), spec, changed) })
}

// AddApproval notes a decision that this plan records.
func (c *Collector) AddApproval(spec delivery.ApprovalSpec) {
	c.note(func(set *delivery.ChangeSet) { set.Approvals.Put(spec.PlanKey(), spec, true) })
}

// AddTestReport notes a test report that this plan records: its names and counts.
func (c *Collector) AddTestReport(r delivery.TestReport) {
	c.note(func(set *delivery.ChangeSet) { set.Reports.Put(r.Spec.PlanKey(), r, true) })
}

// AddVerification notes a verification, for the stages after it.
func (c *Collector) AddVerification(spec delivery.VerificationSpec, changed bool) {
	c.note(func(set *delivery.ChangeSet) { set.Verifications.Put(spec.PlanKey(), spec, changed) })
}

// AddOverride notes an override that this plan makes.
func (c *Collector) AddOverride(spec delivery.OverrideSpec) {
	c.note(func(set *delivery.ChangeSet) { set.Overrides.Put(spec.PlanKey(), spec, true) })
}

// RevokeApproval notes an approval that this plan revokes.
func (c *Collector) RevokeApproval(id string) {
	c.note(func(set *delivery.ChangeSet) { set.Approvals.Remove(id) })
}

// WithdrawTestReport notes a test report that this plan withdraws.
func (c *Collector) WithdrawTestReport(id string) {
	c.note(func(set *delivery.ChangeSet) { set.Reports.Remove(id) })
}

// RevokeOverride notes an override that this plan revokes.
func (c *Collector) RevokeOverride(id string) {
	c.note(func(set *delivery.ChangeSet) { set.Overrides.Remove(id) })
}

// Environment returns an environment as this plan leaves it, if it was planned already.
func (c *Collector) Environment(name string) (delivery.EnvironmentSpec, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set.Environments.After(name)
}

// Pipeline returns a pipeline as this plan leaves it, if it was planned already.
func (c *Collector) Pipeline(name string) (delivery.PipelineSpec, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set.Pipelines.After(name)
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
		if e, ok := c.set.Environments.After(name); ok && which(e) {
			found = append(found, e)
		}
	}
	return found
}

// AddUnnamed notes that this plan declares an environment or a pipeline whose name is not known yet.
func (c *Collector) AddUnnamed(noun string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unnamed[noun] = true
}

// Scope returns what the filters of freezes and policies can name, with what was planned so far. The lists are what the ledger has.
func (c *Collector) Scope(environments []delivery.EnvironmentSpec, pipelines []delivery.PipelineSpec) delivery.Scope {
	c.mu.Lock()
	defer c.mu.Unlock()
	scope := delivery.NewScope(environments, pipelines, c.set)
	scope.MoreEnvironments, scope.MorePipelines = c.unnamed["environment"], c.unnamed["pipeline"]
	return scope
}

// ChangesEnvironment reports whether this plan changes the named environment.
func (c *Collector) ChangesEnvironment(environment string) bool {
	return ask(c, func(set delivery.ChangeSet) bool { return set.Environments[environment].Changed })
}

// ForEnvironments returns what a preview of the named environments needs: them and the environments that they name.
func (c *Collector) ForEnvironments(names ...string) delivery.ChangeSet {
	return ask(c, func(set delivery.ChangeSet) delivery.ChangeSet { return set.ForEnvironments(names...) })
}

// All returns everything that this plan changes so far.
func (c *Collector) All() delivery.ChangeSet {
	return ask(c, delivery.ChangeSet.Changed)
}

// ForPipeline returns what a preview of one pipeline's release, promotion or approval needs. pipeline is the pipeline as the ledger
// has it, nil when it does not exist there; a version that this plan changes wins.
func (c *Collector) ForPipeline(name string, pipeline *delivery.PipelineSpec) delivery.ChangeSet {
	return ask(c, func(set delivery.ChangeSet) delivery.ChangeSet { return set.ForPipeline(name, pipeline) })
}
