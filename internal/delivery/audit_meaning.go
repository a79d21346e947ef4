package delivery

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// meaning judges whether what the events say could have happened: a chain that is whole only says that nobody changed the log since it was
// last sealed. It knows of each object what the events so far said, and nothing of the world: what a driver saw, or what time it really was.
// An event of an older release may lack what this release records, so what is absent is no problem by itself.
type meaning struct {
	first string // the first problem
	count int

	pipelines    map[string]PipelineSpec
	environments map[string]EnvironmentSpec
	policies     map[string]PolicySpec
	freezes      map[string]FreezeSpec
	releases     map[string]releaseSaid // by pipeline/version
	approvals    map[string]approvalSaid
	overrides    map[string]overrideSaid
	deployments  map[string]*deploymentSaid
	places       map[[2]string]*placeSaid // by environment and pipeline
}

func newMeaning() *meaning {
	return &meaning{pipelines: map[string]PipelineSpec{}, environments: map[string]EnvironmentSpec{}, policies: map[string]PolicySpec{},
		freezes: map[string]FreezeSpec{}, releases: map[string]releaseSaid{}, approvals: map[string]approvalSaid{}, overrides: map[string]overrideSaid{},
		deployments: map[string]*deploymentSaid{}, places: map[[2]string]*placeSaid{}}
}

// short is the beginning of a hash of some JSON.
type short [16]byte

func shortOf(v any) (s short) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("delivery: what was read from JSON always marshals: " + err.Error())
	}
	sum := sha256.Sum256(text)
	copy(s[:], sum[:])
	return s
}

// problem notes what is wrong with what an event says.
func (m *meaning) problem(e Event, format string, args ...any) {
	if m.count++; m.count == 1 {
		m.first = fmt.Sprintf("%s: ", e) + fmt.Sprintf(format, args...)
	}
}

// err names the first problem.
func (m *meaning) err() error {
	if m.count == 0 {
		return nil
	}
	all := "It is the only such event"
	if m.count > 1 {
		all = fmt.Sprintf("It is the first of %d such problems", m.count)
	}
	return Errorf(CodeConflict, "%s. This cannot have happened, although the chain of the log is whole: the log was written or rewritten outside the provider. "+
		"%s. Find out who did it, then restore the ledger from a backup", m.first, all)
}

// take judges the next event.
func (m *meaning) take(e Event) {
	switch e.Kind {
	case EventEnvironmentDeclared, EventEnvironmentDeleted:
		declare(m, e, EventEnvironmentDeclared, m.environments, func(s EnvironmentSpec) string { return s.Name })
	case EventPipelineDeclared, EventPipelineDeleted:
		declare(m, e, EventPipelineDeclared, m.pipelines, func(s PipelineSpec) string { return s.Name })
	case EventPolicyDeclared, EventPolicyDeleted:
		declare(m, e, EventPolicyDeclared, m.policies, func(s PolicySpec) string { return s.Name })
	case EventFreezeDeclared, EventFreezeDeleted:
		declare(m, e, EventFreezeDeclared, m.freezes, func(s FreezeSpec) string { return s.Name })
	case EventReleaseRegistered, EventReleaseDeclared, EventReleaseRetired:
		judge(m, e, m.release)
	case EventApprovalApproved, EventApprovalRejected:
		judge(m, e, m.decided)
	case EventApprovalRevoked:
		judge(m, e, m.decisionRevoked)
	case EventOverrideMade:
		judge(m, e, m.overridden)
	case EventOverrideRevoked:
		judge(m, e, m.overrideRevoked)
	default:
		if e.Kind.noun() == "deployment" {
			judge(m, e, m.deployment)
		}
	}
}

// judge reads what an event is about.
func judge[T any](m *meaning, e Event, by func(Event, T)) {
	var object T
	if err := json.Unmarshal(e.Data, &object); err != nil {
		m.problem(e, "it cannot be read: %v", err)
		return
	}
	by(e, object)
}

// declare follows what is declared now.
func declare[T any](m *meaning, e Event, declares EventKind, declared map[string]T, name func(T) string) {
	judge(m, e, func(e Event, spec T) {
		if e.Kind == declares {
			declared[name(spec)] = spec
		} else {
			delete(declared, name(spec))
		}
	})
}

// releaseSaid is what a release was registered as.
type releaseSaid struct {
	digest             string
	content, artifacts short
	authors            []string
}

func (m *meaning) release(e Event, r Release) {
	said := releaseSaid{r.Digest, shortOf(r.Spec), shortOf(r.Spec.Artifacts), r.authors()}
	known, before := m.releases[r.Spec.ID()]
	switch {
	case before && (known.content != said.content || known.digest != said.digest):
		m.problem(e, "release %q has another content than the one it was registered with", r.Spec.ID())
	case !before && r.Digest != "" && r.Digest != r.Spec.Digest():
		m.problem(e, "release %q has the digest of another content", r.Spec.ID())
	}
	if !before {
		m.releases[r.Spec.ID()] = said
	}
}

// world is what was declared that the gates of a pipeline's stage depend on, as of the event that is judged.
func (m *meaning) world(pipeline string) World {
	w := World{Pipeline: m.pipelines[pipeline], Environments: m.environments}
	for _, name := range sortedKeys(m.policies) {
		w.Policies = append(w.Policies, m.policies[name])
	}
	return w
}

// moment is when something was recorded; an object of an older release may not say it.
func (e Event) moment(recorded time.Time) time.Time {
	if recorded.IsZero() {
		return e.At
	}
	return recorded
}
