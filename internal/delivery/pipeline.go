package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// PromotionPolicy says who decides that a release enters a stage.
type PromotionPolicy string

// The policies: continuous delivery and continuous deployment.
const (
	Manual    PromotionPolicy = "manual"    // a person decides, by a promotion
	Automatic PromotionPolicy = "automatic" // nobody is asked
)

// OnFailure says what happens when a deployment fails.
type OnFailure string

// What happens when a deployment fails: back to the last verified release, or stop where it is.
const (
	Rollback OnFailure = "rollback"
	Halt     OnFailure = "halt"
)

// PipelineSpec is what a user declares of a pipeline: the ordered path of one deployable thing.
type PipelineSpec struct {
	Name   string  `json:"name"`
	Stages []Stage `json:"stages"`
}

// Stage is one step of the path.
type Stage struct {
	Name         string            `json:"name"`
	Environments []string          `json:"environments"`
	Promotion    PromotionPolicy   `json:"promotion"`
	Config       map[string]string `json:"config,omitempty"` // over the environment's own, for this pipeline
	Gates        Gates             `json:"gates,omitzero"`
	Overridable  []string          `json:"overridable,omitempty"` // gates that an override may skip, sorted
	Verify       map[string]Check  `json:"verify,omitempty"`
	Rollout      *Rollout          `json:"rollout,omitempty"`
	OnFailure    OnFailure         `json:"on_failure,omitempty"` // default Rollback
}

// Gates are the conditions to enter a stage. A gate that is not declared is not asked. The JSON key of a gate is also its name
// in verdicts; gates that come by name are called "checks.NAME".
type Gates struct {
	Approvals   *ApprovalsGate             `json:"approvals,omitempty"`
	Tests       map[string]TestsGate       `json:"tests,omitempty"` // by suite
	Soak        *SoakGate                  `json:"soak,omitempty"`
	Windows     map[string]schedule.Window `json:"windows,omitempty"` // one of them must be open
	Cooldown    *CooldownGate              `json:"cooldown,omitempty"`
	MaxDeploys  *MaxDeploysGate            `json:"max_deploys,omitempty"`
	Parity      *ParityGate                `json:"parity,omitempty"`
	Checks      map[string]Check           `json:"checks,omitempty"`
	Expressions map[string]Expression      `json:"expressions,omitempty"`
	// None is why the stage has no gates. An automatic stage that deploys to production needs a gate, or this.
	None string `json:"none,omitempty"`
}

// Anyone lets everybody decide, in a list of approvers. An empty list lets nobody: what is missing never opens a gate.
const Anyone = "*"

// ApprovalsGate asks for people's decisions on exactly the content that would be deployed.
type ApprovalsGate struct {
	Required     int      `json:"required"`
	Approvers    []string `json:"approvers,omitempty"` // who may decide; Anyone among them means everybody
	AllowAuthor  bool     `json:"allow_author,omitempty"`
	ExpiresAfter Duration `json:"expires_after,omitempty"` // empty means never
	// SignedBy, when not empty, demands a signature by a key of this list: lines of an SSH allowed-signers file.
	SignedBy []string `json:"signed_by,omitempty"`
	// RequireSigned counts signed decisions only. A policy may leave the keys to the stages: those of any approvals gate of the stage count.
	RequireSigned bool `json:"require_signed,omitempty"`
}

// SoakGate asks that the release has run verified in an earlier stage for a while.
type SoakGate struct {
	Stage    string   `json:"stage"`
	Duration Duration `json:"duration"`
}

// ParityGate asks that the environments involved equal each other, except for declared differences. It has no settings.
type ParityGate struct{}

// UnmarshalJSON also reads `true`, as ledgers of earlier builds have it.
func (g *ParityGate) UnmarshalJSON(text []byte) error {
	if string(text) == "true" {
		return nil
	}
	type plain ParityGate
	return json.Unmarshal(text, (*plain)(g))
}

// Pipeline is a pipeline as it is read back.
type Pipeline struct {
	Spec     PipelineSpec `json:"spec"`
	Revision string       `json:"revision"`
}

// PipelineOf computes what follows from a pipeline's declaration.
func PipelineOf(spec PipelineSpec) Pipeline { return Pipeline{Spec: spec, Revision: digestOf(spec)} }

// Failure returns the stage's failure policy, the default filled in.
func (s Stage) Failure() OnFailure {
	if s.OnFailure == "" {
		return Rollback
	}
	return s.OnFailure
}

// StageIndex returns the position of a stage, or -1.
func (p PipelineSpec) StageIndex(name string) int {
	return slices.IndexFunc(p.Stages, func(s Stage) bool { return s.Name == name })
}

// Stage returns a stage by name.
func (p PipelineSpec) Stage(name string) (Stage, bool) {
	i := p.StageIndex(name)
	if i < 0 {
		return Stage{}, false
	}
	return p.Stages[i], true
}

// NoStage words that the pipeline has no stage of that name, and which it has.
func (p PipelineSpec) NoStage(name string) string {
	names := []string{}
	for _, s := range p.Stages {
		names = append(names, s.Name)
	}
	return fmt.Sprintf("%s has no stage %q; it has: %s", p, name, listed(names))
}

// Entry tells by which stage a release enters the given stage: itself when it is manual or the first of the path, else the
// nearest stage before it that is. A promotion into the entry carries the release through the automatic stages after it.
func (p PipelineSpec) Entry(i int) int {
	for i > 0 && p.Stages[i].Promotion == Automatic {
		i--
	}
	return i
}

// Segment lists the positions of the stages that one promotion into the entry stage carries a release through.
func (p PipelineSpec) Segment(entry int) []int {
	segment := []int{entry}
	for i := entry + 1; i < len(p.Stages) && p.Stages[i].Promotion == Automatic; i++ {
		segment = append(segment, i)
	}
	return segment
}

// AutoStart reports whether releases enter the pipeline without a promotion: its first stage is automatic.
func (p PipelineSpec) AutoStart() bool {
	return len(p.Stages) > 0 && p.Stages[0].Promotion == Automatic
}

// UsesEnvironment reports whether a stage deploys to the environment.
func (p PipelineSpec) UsesEnvironment(name string) bool {
	return slices.ContainsFunc(p.Stages, func(s Stage) bool { return slices.Contains(s.Environments, name) })
}

// Validate checks the declaration alone; ValidateEnvironments checks it against the environments it names.
func (p PipelineSpec) Validate() Errors {
	at := newProblems()
	validateName(at.at("name"), p.Name)
	stages := at.at("stages")
	switch {
	case len(p.Stages) == 0:
		stages.add("a pipeline needs at least one stage")
	case len(p.Stages) > MaxStages:
		stages.add("%d stages are too many: at most %d", len(p.Stages), MaxStages)
	}
	seen, home := map[string]int{}, map[string]string{}
	names := make([]string, len(p.Stages)) // where the stages are named
	for i := range p.Stages {
		names[i] = stages.index(i).at("name").prefix
	}
	for i, stage := range p.Stages {
		here := stages.index(i)
		if first, twice := seen[stage.Name]; twice {
			here.at("name").add("stage %q is already at stages[%d]; stage names are unique within a pipeline", stage.Name, first)
		}
		stage.validate(here)
		stage.validateSoak(here, seen, names[:i])
		for j, env := range stage.Environments {
			if other, taken := home[env]; taken {
				here.at("environments").index(j).add("environment %q is already in stage %q; a pipeline deploys to an environment in one stage only", env, other)
			}
			home[env] = stage.Name
		}
		seen[stage.Name] = i
	}
	return at.errors()
}

func (s Stage) validate(p problems) {
	validateName(p.at("name"), s.Name)
	switch {
	case len(s.Environments) == 0:
		p.at("environments").add("a stage needs at least one environment")
	case len(s.Environments) > MaxEnvironments:
		p.at("environments").add("%d environments are too many: at most %d", len(s.Environments), MaxEnvironments)
	}
	if s.Promotion != Manual && s.Promotion != Automatic {
		p.at("promotion").add("%q is not a promotion policy; use \"manual\" (a person decides) or \"automatic\" (nobody is asked)", s.Promotion)
	}
	validateVariables(p.at("config"), s.Config)
	s.Gates.validate(p.at("gates"))
	if a := s.Gates.Approvals; a != nil && a.RequireSigned && len(a.SignedBy) == 0 {
		p.at("gates").at("approvals").at("require_signed").dependsOn(p.at("gates").at("approvals").at("signed_by").prefix).
			add("no key is listed that could sign; give signed_by the lines of an SSH allowed-signers file")
	}
	validateGateNames(p.at("overridable"), s.Overridable)
	validateChecks(p.at("verify"), s.Verify)
	if s.Rollout != nil {
		s.Rollout.validate(p.at("rollout"))
	}
	if f := s.Failure(); f != Rollback && f != Halt {
		p.at("on_failure").add("%q is not known; use \"rollback\" or \"halt\"", s.OnFailure)
	}
}

// validateSoak checks that the release can soak in an earlier stage. names are the fields with the names of those.
func (s Stage) validateSoak(p problems, earlier map[string]int, names []string) {
	soak := s.Gates.Soak
	if soak == nil || soak.Stage == "" {
		return
	}
	if _, ok := earlier[soak.Stage]; !ok {
		p.at("gates").at("soak").at("stage").dependsOn(names...).add("%q is not an earlier stage; a release can only soak in a stage before this one", soak.Stage)
	}
}

func (g Gates) validate(p problems) {
	if a := g.Approvals; a != nil {
		a.validate(p.at("approvals"))
	}
	for _, suite := range sortedKeys(g.Tests) {
		validateName(p.at("tests").key(suite), suite)
		g.Tests[suite].validate(p.at("tests").key(suite))
	}
	if g.Soak != nil {
		if g.Soak.Stage == "" {
			p.at("soak").at("stage").add("name the stage in which a release has to run first")
		}
		g.Soak.Duration.validate(p.at("soak").at("duration"), time.Millisecond)
	}
	for _, name := range sortedKeys(g.Windows) {
		validateName(p.at("windows").key(name), name)
		g.Windows[name].Validate(p.at("windows").key(name).report)
	}
	if g.Cooldown != nil {
		g.Cooldown.validate(p.at("cooldown"))
	}
	if g.MaxDeploys != nil {
		g.MaxDeploys.validate(p.at("max_deploys"))
	}
	validateChecks(p.at("checks"), g.Checks)
	for _, name := range sortedKeys(g.Expressions) {
		validateName(p.at("expressions").key(name), name)
		g.Expressions[name].validate(p.at("expressions").key(name))
	}
	if g.None != "" {
		validateReason(p.at("none"), g.None)
		if !g.empty() {
			p.at("none").add("the stage has gates; remove them, or remove none")
		}
	}
}

// empty reports whether no gate is declared.
func (g Gates) empty() bool {
	return g.Approvals == nil && g.Soak == nil && g.Cooldown == nil && g.MaxDeploys == nil && g.Parity == nil &&
		len(g.Tests)+len(g.Windows)+len(g.Checks)+len(g.Expressions) == 0
}

func (a ApprovalsGate) validate(p problems) {
	if a.Required < 1 || a.Required > 100 {
		p.at("required").add("%d is not a number of approvals; use 1 to 100", a.Required)
	}
	if len(a.Approvers) == 0 {
		p.at("approvers").add("nobody is listed; name the people who may decide, or write [%q] for everyone", Anyone)
	}
	seen := map[string]bool{}
	for i, who := range a.Approvers {
		here := p.at("approvers").index(i)
		if who != Anyone {
			validatePerson(here, who)
		}
		if key := person.Key(who); seen[key] {
			here.add("%q is listed twice; one person counts once, in whatever spelling", who)
		} else {
			seen[key] = true
		}
	}
	if len(a.Approvers) > 0 && !a.anyone() && a.Required > len(a.Approvers) {
		p.at("required").dependsOn(p.at("approvers").prefix).add("%d approvals are required, but only %d people may approve", a.Required, len(a.Approvers))
	}
	if a.ExpiresAfter != "" {
		a.ExpiresAfter.validate(p.at("expires_after"), time.Millisecond)
	}
	validateNotEmpty(p.at("signed_by"), a.SignedBy, "approvals without a signature")
	for i, line := range a.SignedBy {
		if _, err := parseSigner(line); err != nil {
			p.at("signed_by").index(i).add("%v", err)
		}
	}
}

// ValidateEnvironments checks that each environment the pipeline names exists, and that a stage is deployed to by drivers or by
// Terraform, not by both.
func (p PipelineSpec) ValidateEnvironments(known map[string]EnvironmentSpec) Errors {
	at := newProblems()
	for i, stage := range p.Stages {
		for j, name := range stage.Environments {
			here := at.at("stages").index(i).at("environments").index(j)
			env, ok := known[name]
			first, also := known[stage.Environments[0]]
			switch {
			case !ok:
				here.add("environment %q does not exist; declare it as a cd_environment, or correct the name", name)
			case also && (env.Target == nil) != (first.Target == nil):
				here.add("environment %q %s, unlike %q; a stage is deployed to either by targets or by Terraform: give all of its environments a target, or none", name, targeted(env), first.Name)
			case env.Target == nil && stage.Promotion == Automatic && j == 0:
				at.at("stages").index(i).at("promotion").add("%s", isAuthorized(name))
			}
			for _, key := range sortedKeys(stage.Config) {
				if _, secret := env.Secrets[key]; secret {
					at.at("stages").index(i).at("config").key(key).add("%s is a secret of environment %q; a stage's configuration cannot replace it", key, name)
				}
				if _, err := DotenvValue(stage.Config[key]); err != nil && env.writesDotenv() {
					at.at("stages").index(i).at("config").key(key).add("the directory target of environment %q cannot take it: %v", name, err)
				}
			}
		}
	}
	return at.errors()
}

func targeted(env EnvironmentSpec) string {
	if env.Target == nil {
		return "has no target"
	}
	return "has a target"
}

// String names the pipeline in messages.
func (p PipelineSpec) String() string { return fmt.Sprintf("pipeline %q", p.Name) }
