package delivery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ChangeSet is what a plan is about to change. The provider collects it while Terraform plans one resource after another; a preview
// lays it over the ledger. It may be incomplete, and it says what it does not know.
//
// A new noun takes a field here, a line in ForPipeline and ChangesAnything, and its part of Apply.
type ChangeSet struct {
	Environments Changes[EnvironmentSpec] `json:"environments,omitempty"` // by name
	Pipelines    Changes[PipelineSpec]    `json:"pipelines,omitempty"`    // by name
	Releases     Changes[ReleaseRequest]  `json:"releases,omitempty"`     // by pipeline/version
	Promotions   Changes[PromotionSpec]   `json:"promotions,omitempty"`   // by pipeline/stage
	Freezes      Changes[FreezeSpec]      `json:"freezes,omitempty"`      // by name
	Policies     Changes[PolicySpec]      `json:"policies,omitempty"`     // by name

	// Records have an id only once they are recorded: a removal is under that id, a new record under its PlanKey.
	Approvals Changes[ApprovalSpec] `json:"approvals,omitempty"`
	Reports   Changes[TestReport]   `json:"reports,omitempty"` // spec and counts only
	Overrides Changes[OverrideSpec] `json:"overrides,omitempty"`
	// Verifications are those that the plan makes before its subject.
	Verifications Changes[VerificationSpec] `json:"verifications,omitempty"`

	// UnknownDeliveries names the pipelines of which a release, or evidence for a gate, is not known yet. Empty stands for every pipeline: it is
	// not known of which one.
	UnknownDeliveries map[string]bool `json:"unknown_deliveries,omitempty"`
	// UnknownRecords are decisions and reports with parts that are not known yet. A preview counts none of them; see Closings.
	UnknownRecords []UnknownRecord `json:"-"`
	// UnknownElsewhere are changes that another provider configuration of the same plan may make.
	UnknownElsewhere []Closing `json:"-"`

	// Actor is who applies the plan. It is the actor of the request, and no part of it.
	Actor string `json:"-"`
}

// Change is what a plan does to one object.
type Change[T any] struct {
	// After is the object as the plan leaves it; nil when the plan removes it, or does not know yet how it will be.
	After *T `json:"after,omitempty"`
	// Changed is false when the object stays as it is.
	Changed bool `json:"changed,omitempty"`
	// Unknown is true while neither the ledger nor the plan says how the object will be.
	Unknown bool `json:"unknown,omitempty"`
}

// Changes are what a plan does to the objects of one noun, by the name or id of each.
type Changes[T any] map[string]Change[T]

// Put notes an object as the plan leaves it.
func (c *Changes[T]) Put(id string, after T, changed bool) {
	c.set(id, Change[T]{After: &after, Changed: changed})
}

// Remove notes an object that the plan removes. One that the plan also puts stays: another resource declares it again.
func (c *Changes[T]) Remove(id string) {
	if (*c)[id].After == nil {
		c.set(id, Change[T]{Changed: true})
	}
}

// PutUnknown notes an object with parts that are not known yet.
func (c *Changes[T]) PutUnknown(id string) { c.set(id, Change[T]{Changed: true, Unknown: true}) }

func (c *Changes[T]) set(id string, change Change[T]) {
	if *c == nil {
		*c = Changes[T]{}
	}
	(*c)[id] = change
}

// After returns an object as the plan leaves it, if the plan speaks of it.
func (c Changes[T]) After(id string) (after T, ok bool) {
	if change := c[id]; change.After != nil {
		return *change.After, true
	}
	return after, false
}

// Known reports whether none of the objects is unknown.
func (c Changes[T]) Known(ids ...string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return c[id].Unknown })
}

// All lists the objects that the plan leaves, in the order of their ids.
func (c Changes[T]) All() []T {
	all := []T{}
	for _, id := range slices.Sorted(maps.Keys(c)) {
		if after, ok := c.After(id); ok {
			all = append(all, after)
		}
	}
	return all
}

// HasUnknown reports whether an object is unknown.
func (c Changes[T]) HasUnknown() bool {
	for _, change := range c {
		if change.Unknown {
			return true
		}
	}
	return false
}

// Where returns the changes to the objects that keep accepts, every removal, and what is unknown.
func (c Changes[T]) Where(keep func(T) bool) Changes[T] {
	part := Changes[T]{}
	for id, change := range c {
		if change.After == nil || keep(*change.After) {
			part[id] = change
		}
	}
	return part
}

// of returns the changes to the named objects.
func (c Changes[T]) of(names []string) Changes[T] {
	part := Changes[T]{}
	for _, name := range names {
		if change, ok := c[name]; ok {
			part[name] = change
		}
	}
	return part
}

// Over returns a list as the plan leaves it: without what it removes or does not know yet, and with what it puts at the end.
func (c Changes[T]) Over(list []T, name func(T) string) []T {
	rest := slices.DeleteFunc(slices.Clone(list), func(one T) bool { _, ok := c[name(one)]; return ok })
	return append(rest, c.All()...)
}

// removes reports whether the plan removes an object.
func (c Changes[T]) removes(id string) bool {
	change, ok := c[id]
	return ok && change.After == nil && !change.Unknown
}

// ID names the declaration among those of its noun.
func (s EnvironmentSpec) ID() string { return s.Name }

// ID names the declaration among those of its noun.
func (p PipelineSpec) ID() string { return p.Name }

// ID names the declaration among those of its noun.
func (s PolicySpec) ID() string { return s.Name }

// ID names the declaration among those of its noun.
func (f FreezeSpec) ID() string { return f.Name }

// PlanKey names a decision that is not recorded yet.
func (s ApprovalSpec) PlanKey() string {
	return strings.Join([]string{s.Pipeline, s.Version, s.Stage, s.Approver, string(s.Decision), s.Comment, s.Content, s.Signature}, "\n")
}

// PlanKey names a test report that is not recorded yet.
func (s TestReportSpec) PlanKey() string {
	return strings.Join([]string{s.Pipeline, s.Version, s.Stage, s.Environment, s.Suite}, "\n")
}

// PlanKey names an override that is not recorded yet.
func (s OverrideSpec) PlanKey() string {
	return strings.Join([]string{s.Pipeline, s.Version, s.Stage, strings.Join(s.Gates, ","), s.Reason, s.Ticket, s.Content, string(s.ExpiresAt), string(s.Duration)}, "\n")
}

// PlanKey names a verification that is not made yet.
func (s VerificationSpec) PlanKey() string {
	return strings.Join([]string{s.Pipeline, s.Stage, s.Version}, "\n")
}

// ForEnvironments returns what a preview of the named environments needs: them and the environments that they name.
func (c ChangeSet) ForEnvironments(names ...string) ChangeSet {
	return ChangeSet{Actor: c.Actor, Environments: c.Environments.of(c.related(names))}
}

// related lists environments with those they name. A reference may be a replica of a third environment, so it takes two steps.
func (c ChangeSet) related(names []string) []string {
	all, next := slices.Clone(names), names
	for range 2 {
		relatives := []string{}
		for _, name := range next {
			if env, ok := c.Environments.After(name); ok {
				relatives = append(relatives, env.RelatedTo()...)
			}
		}
		all, next = append(all, relatives...), relatives
	}
	return all
}

// ForPipeline returns what a preview of one pipeline's release, promotion or evidence needs. recorded is the pipeline as the ledger
// has it, nil when it does not exist there; the pipeline as the plan leaves it wins.
func (c ChangeSet) ForPipeline(name string, recorded *PipelineSpec) ChangeSet {
	part := ChangeSet{
		Actor:         c.Actor,
		Environments:  c.Environments.of(append(c.related(c.environmentsOf(name, recorded)), "")), // one without a known name may be any
		Pipelines:     c.Pipelines.of([]string{name, ""}),
		Releases:      c.Releases.Where(func(r ReleaseRequest) bool { return r.Spec.Pipeline == name }),
		Promotions:    c.Promotions.Where(func(s PromotionSpec) bool { return s.Pipeline == name }),
		Freezes:       maps.Clone(c.Freezes), // a freeze or a policy may apply to any pipeline
		Policies:      maps.Clone(c.Policies),
		Approvals:     c.Approvals.Where(func(s ApprovalSpec) bool { return s.Pipeline == name }),
		Reports:       c.Reports.Where(func(r TestReport) bool { return r.Spec.Pipeline == name }),
		Overrides:     c.Overrides.Where(func(s OverrideSpec) bool { return s.Pipeline == name }),
		Verifications: c.Verifications.Where(func(s VerificationSpec) bool { return s.Pipeline == name }),
	}
	part.UnknownRecords = slices.DeleteFunc(slices.Clone(c.UnknownRecords), func(r UnknownRecord) bool { return r.Pipeline != "" && r.Pipeline != name })
	if c.deliveriesUnknown(name) {
		part.UnknownDeliveries = map[string]bool{name: true}
	}
	return part
}

// environmentsOf lists the environments of a pipeline's stages.
func (c ChangeSet) environmentsOf(pipeline string, recorded *PipelineSpec) []string {
	if planned, ok := c.Pipelines.After(pipeline); ok {
		recorded = &planned
	}
	names := []string{}
	if recorded != nil {
		for _, stage := range recorded.Stages {
			names = append(names, stage.Environments...)
		}
	}
	return names
}

// ChangesAnything reports whether the plan changes an object, or does not know yet whether it does.
func (c ChangeSet) ChangesAnything() bool {
	return len(c.Environments.changed())+len(c.Pipelines.changed())+len(c.Releases.changed())+len(c.Promotions.changed())+len(c.Freezes.changed())+
		len(c.Policies.changed())+len(c.Approvals.changed())+len(c.Reports.changed())+len(c.Overrides.changed())+len(c.Verifications.changed()) > 0
}

// ChangesEnvironments reports whether the plan changes an environment.
func (c ChangeSet) ChangesEnvironments() bool { return len(c.Environments.changed()) > 0 }

// PipelineKnown reports whether a preview may speak about the pipeline: it and its environments will be as the change set or the
// ledger says. recorded is as for ForPipeline.
func (c ChangeSet) PipelineKnown(name string, recorded *PipelineSpec) bool {
	return c.Pipelines.Known(name) && c.Environments.Known(c.environmentsOf(name, recorded)...)
}

// DeliveriesKnown reports whether a preview may speak about what is delivered through the pipeline.
func (c ChangeSet) DeliveriesKnown(pipeline string) bool {
	return !c.deliveriesUnknown(pipeline) && !c.Freezes.HasUnknown() && !c.Policies.HasUnknown()
}

func (c ChangeSet) deliveriesUnknown(pipeline string) bool {
	return c.UnknownDeliveries[pipeline] || c.UnknownDeliveries[""]
}

// EntriesBefore lists the entries ahead of a stage that the same plan brings releases into.
func (c ChangeSet) EntriesBefore(pipeline PipelineSpec, stage string) []string {
	entries := []string{}
	for _, s := range pipeline.Stages[:pipeline.StageIndex(stage)] {
		starts := len(c.Releases.All()) > 0 && pipeline.AutoStart() && s.Name == pipeline.Stages[0].Name
		if starts || c.Promotes(s.Name) {
			entries = append(entries, s.Name)
		}
	}
	return entries
}

// Promotes reports whether the same plan promotes something into a stage.
func (c ChangeSet) Promotes(stage string) bool {
	return slices.ContainsFunc(c.Promotions.All(), func(s PromotionSpec) bool { return s.Stage == stage })
}

// Versions lists the versions that the change set names.
func (c ChangeSet) Versions() []string {
	versions := []string{}
	for _, r := range c.Releases.All() {
		versions = append(versions, r.Spec.Version)
	}
	for _, s := range c.Promotions.All() {
		versions = append(versions, s.Version)
	}
	return versions
}

// Apply returns the world as the plan leaves it. The pipeline and its environments are in it already. Policies come before approvals,
// because approvals cover them. Whose signature an approval has is for the caller to verify.
func (c ChangeSet) Apply(w World) World {
	w.Policies = c.Policies.Over(w.Policies, PolicySpec.ID)
	w.Freezes = c.Freezes.Over(w.Freezes, FreezeSpec.ID)
	w.Releases, w.Promotions = maps.Clone(w.Releases), maps.Clone(w.Promotions)
	for _, r := range c.Releases.All() {
		if r.Spec.Pipeline != w.Pipeline.Name {
			continue
		}
		w = c.Register(w, r)
		if w.Pipeline.AutoStart() {
			lead := r.LeadingPromotion(w.Pipeline, c.Actor, w.Now)
			w.Promotions[lead.Spec.Stage] = lead
		}
	}
	for _, spec := range c.Promotions.All() {
		if spec.Pipeline == w.Pipeline.Name {
			w.Promotions[spec.Stage] = Promotion{Spec: spec, RequestedBy: c.Actor, RequestedAt: w.Now}
		}
	}
	w.Approvals = c.approvals(w)
	w.Reports = c.reports(w)
	w.Overrides = c.overrides(w)
	w.Verifications = append(slices.Clone(w.Verifications), c.Verifications.Where(func(s VerificationSpec) bool { return s.Pipeline == w.Pipeline.Name }).All()...)
	return w
}

// Register returns the world with a release as the ledger will hold it: who registered it first stays.
func (c ChangeSet) Register(w World, r ReleaseRequest) World {
	release := Release{Spec: r.Spec, Digest: r.Spec.Digest(), Attempt: r.Attempt, RegisteredBy: c.Actor, RegisteredAt: w.Now}
	if known, ok := w.Releases[r.Spec.Version]; ok {
		release.RegisteredBy, release.RegisteredAt = known.RegisteredBy, known.RegisteredAt
	} else {
		w.Unregistered = append(slices.Clone(w.Unregistered), r.Spec.Version)
	}
	w.Releases = maps.Clone(w.Releases)
	w.Releases[r.Spec.Version] = release
	return w
}

// afterAll numbers planned decisions and reports after every recorded one of the same person or suite.
const afterAll = 1 << 30

// approvals keeps those that the plan revokes, as revoked: each begins another round of signatures.
func (c ChangeSet) approvals(w World) []Approval {
	w.Approvals = slices.Clone(w.Approvals)
	now := w.Now
	for i := range w.Approvals {
		a := w.Approvals[i]
		if c.Approvals.removes(a.ID) && a.RevocableBy(c.Actor) && w.ApprovalStatus(a) != ApprovalUsed { // that one is history
			w.Approvals[i].RevokedAt = &now
		}
	}
	for i, spec := range c.Approvals.All() {
		release, known := w.Releases[spec.Version]
		stage, ok := w.Pipeline.Stage(spec.Stage)
		if spec.Pipeline != w.Pipeline.Name || !known || !ok {
			continue
		}
		if spec.Approver == "" {
			spec.Approver = c.Actor
		}
		if spec.Undecided(c.Actor) || spec.Signature == "" && w.validateContent(stage.Name, release, spec.Content) != nil {
			continue // it will not be recorded so
		}
		w.Approvals = append(w.Approvals, w.Decision(spec, c.Actor, fmt.Sprintf("planned-%d", i), afterAll+i))
	}
	return w.Approvals
}

func (c ChangeSet) reports(w World) []TestReport {
	reports := slices.Clone(w.Reports)
	for i, r := range reports {
		if c.Reports.removes(r.ID) {
			reports[i].WithdrawnAt = &w.Now
		}
	}
	for i, report := range c.Reports.All() {
		if release, known := w.Releases[report.Spec.Version]; known && report.Spec.Pipeline == w.Pipeline.Name {
			report.ID, report.Number, report.ReleaseDigest, report.RecordedBy, report.RecordedAt = fmt.Sprintf("planned-%d", i), afterAll+i, release.Digest, c.Actor, w.Now
			reports = append(reports, report)
		}
	}
	return reports
}

func (c ChangeSet) overrides(w World) []Override {
	overrides := slices.DeleteFunc(slices.Clone(w.Overrides), func(o Override) bool { return c.Overrides.removes(o.ID) })
	for i, spec := range c.Overrides.All() {
		release, known := w.Releases[spec.Version]
		_, ok := w.Pipeline.Stage(spec.Stage)
		if !known || !ok || spec.Pipeline != w.Pipeline.Name || spec.ValidateContent(w, release) != nil {
			continue
		}
		overrides = append(overrides, w.NewOverride(spec, c.Actor, fmt.Sprintf("planned-%d", i)))
	}
	return overrides
}
