package delivery

import (
	"slices"
	"time"
)

// deploymentSaid is what the events so far say of a deployment.
type deploymentSaid struct {
	status                       DeploymentStatus
	pipeline, stage, environment string
	release                      string // the digest of its content's release
	content, decided             short
	ran                          bool // it was verified at some time
}

// placeSaid is what the events so far say of the deployments of one pipeline to one environment.
type placeSaid struct {
	inFlight string         // which has not ended
	verified string         // which runs there
	ran      map[short]bool // every content that was verified there
}

func (m *meaning) deployment(e Event, d Deployment) {
	said, known := m.deployments[d.ID]
	if !known {
		said = &deploymentSaid{unrecorded, d.Pipeline, d.Stage, d.Environment, d.Content.ReleaseDigest, shortOf(d.Content), d.decision(), false}
	}
	switch {
	case !possible(said.status, e.Kind, d.Status):
		m.problem(e, "deployment %q is said to be %q now, and it was %q before", d.ID, d.Status, said.status.orNot())
	case said.pipeline != d.Pipeline || said.stage != d.Stage || said.environment != d.Environment:
		m.problem(e, "deployment %q is of %s to %s in stage %q, and was begun as one of %s to %s in stage %q", d.ID, d.Pipeline, d.Environment, d.Stage, said.pipeline, said.environment, said.stage)
	case said.content != shortOf(d.Content):
		m.problem(e, "deployment %q has another content than when it was begun", d.ID)
	case said.decided != d.decision():
		m.problem(e, "deployment %q has another kind or other gates than when it was begun", d.ID)
	}
	at := [2]string{said.environment, said.pipeline}
	if m.places[at] == nil {
		m.places[at] = &placeSaid{ran: map[short]bool{}}
	}
	place := m.places[at]
	if e.Kind == EventDeploymentStarted && !known {
		m.started(e, d, place)
	}
	m.deployments[d.ID] = said
	said.status, said.ran = d.Status, said.ran || d.Status == Verified
	place.follow(d, said.content)
}

// decision tells deployments apart by what was decided when they were begun.
func (d Deployment) decision() short {
	return shortOf(Deployment{Kind: d.Kind, Gates: d.Gates, Replaces: d.Replaces})
}

// possible reports whether an event leads from one status to another.
func possible(from DeploymentStatus, kind EventKind, to DeploymentStatus) bool {
	return slices.ContainsFunc(transitions, func(t transition) bool { return t.from == from && t.kind == kind && t.to == to })
}

func (s DeploymentStatus) orNot() DeploymentStatus {
	if s == unrecorded {
		return "not recorded"
	}
	return s
}

// follow notes what a deployment became.
func (p *placeSaid) follow(d Deployment, content short) {
	switch {
	case d.InFlight():
		p.inFlight = d.ID
	case p.inFlight == d.ID:
		p.inFlight = ""
	}
	switch {
	case d.Status == Verified:
		p.verified, p.ran[content] = d.ID, true
	case p.verified == d.ID:
		p.verified = ""
	}
}

// started judges whether a deployment might begin.
func (m *meaning) started(e Event, d Deployment, place *placeSaid) {
	release, known := m.releases[d.Pipeline+"/"+d.Content.Version]
	switch {
	case place.inFlight != "":
		m.problem(e, "deployment %q was begun in %s while deployment %q of %s was still in flight there", d.ID, d.Environment, place.inFlight, d.Pipeline)
	case d.Status == Verifying && !d.External():
		m.problem(e, "deployment %q is to be verified, and no driver deployed it", d.ID)
	case known && (release.digest != d.Content.ReleaseDigest || release.artifacts != shortOf(d.Content.Artifacts)):
		m.problem(e, "deployment %q brings another content than release %s/%s has", d.ID, d.Pipeline, d.Content.Version)
	}
	for _, g := range d.Gates {
		if g.Verdict != VerdictPassed {
			m.problem(e, "deployment %q was begun although gate %q had not passed (%s)", d.ID, g.Name, g.Verdict)
		}
	}
	switch d.Kind {
	case KindRollback:
		m.rollback(e, d, place)
	case KindHeal:
		if runs := m.deployments[place.verified]; runs == nil || runs.release != d.Content.ReleaseDigest {
			m.problem(e, "deployment %q says that it heals %s, and release %s did not run verified there", d.ID, d.Environment, d.Content.Version)
		}
	default:
		m.gated(e, d)
	}
}

// rollback judges whether a deployment takes another one back to what ran before. No gate is asked about that.
func (m *meaning) rollback(e Event, d Deployment, place *placeSaid) {
	taken, known := m.deployments[d.Replaces]
	switch {
	case !known || taken.environment != d.Environment || taken.pipeline != d.Pipeline:
		m.problem(e, "deployment %q says that it rolls back deployment %q, which was not made in %s", d.ID, d.Replaces, d.Environment)
	case taken.status != Failed && taken.status != Verified && (taken.status != Superseded || taken.ran): // what was interrupted is superseded first
		m.problem(e, "deployment %q says that it rolls back deployment %q, which is %q", d.ID, d.Replaces, taken.status)
	case !place.ran[shortOf(d.Content)]:
		m.problem(e, "deployment %q rolls %s back to a content that was never verified there", d.ID, d.Environment)
	}
}

// gated judges what gates let a delivery begin.
func (m *meaning) gated(e Event, d Deployment) {
	at, recorded := e.moment(d.CreatedAt), map[string]bool{}
	for _, g := range d.Gates {
		recorded[g.Name] = true
		if g.Override != "" {
			o, known := m.overrides[g.Override]
			if why := m.skips(o, known, g.Name, d, at); why != "" {
				m.problem(e, "deployment %q skipped gate %q by override %q, which does not count: %s", d.ID, g.Name, g.Override, why)
			}
		}
		m.approvedBy(e, d, g)
	}
	for _, name := range m.asked(d, at) {
		if !recorded[name] {
			m.problem(e, "deployment %q does not record gate %q, which was asked of stage %q then", d.ID, name, d.Stage)
		}
	}
}

// approvedBy judges the decisions that a gate says it passed by.
func (m *meaning) approvedBy(e Event, d Deployment, g GateResult) {
	for _, id := range g.Approvals {
		a, known := m.approvals[id]
		switch {
		case !known:
			m.problem(e, "deployment %q passed gate %q by decision %q, and no event records that it was made", d.ID, g.Name, id)
		case a.revoked || a.decision != Approve:
			m.problem(e, "deployment %q passed gate %q by decision %q, which is a rejection or was revoked before", d.ID, g.Name, id)
		case a.pipeline != d.Pipeline || a.version != d.Content.Version || a.stage != d.Stage:
			m.problem(e, "deployment %q passed gate %q by decision %q, which is about another release or stage", d.ID, g.Name, id)
		}
	}
}

// asked lists the gates that a delivery was asked, by the names of their verdicts: the stage before, the stage's own, those of the policies
// that hold there, and the freezes. Of a stage that no event declares, nothing is known.
func (m *meaning) asked(d Deployment, at time.Time) []string {
	w := m.world(d.Pipeline)
	i := w.Pipeline.StageIndex(d.Stage)
	if i < 0 {
		return nil
	}
	names, stage := []string{}, w.Pipeline.Stages[i]
	if i > 0 {
		names = append(names, "previous_stage")
	}
	names = append(names, stage.Gates.names()...)
	for _, policy := range w.policies(stage) {
		for _, name := range policy.Gates.names() {
			names = append(names, "policy."+policy.Name+"."+name)
		}
	}
	// A freeze that begins just now may have begun after the decision.
	frozen := func(f FreezeSpec) bool {
		return f.applies(d.Pipeline, m.environments[d.Environment]) && f.active(at) && f.active(at.Add(-MaxClockSkew))
	}
	for _, name := range sortedKeys(m.freezes) {
		if frozen(m.freezes[name]) {
			return append(names, "freeze")
		}
	}
	return names
}
