package delivery

import "slices"

// History is what a pipeline has deployed and what became of it: its deployments in the order in which the ledger recorded them. It
// is made by NewHistory and answers questions about the past. Nil is a history without deployments. Only a simulation changes one,
// and only its own copy.
type History struct {
	deployments []Deployment // ascending by Seq
	// Positions in deployments, ascending: a stage may have a thousand environments, and each is asked about often.
	byEnvironment, byStage, byRollout map[string][]int
	byID                              map[string]int
}

// NewHistory makes a history of deployments that are ascending by Seq.
func NewHistory(deployments []Deployment) *History {
	h := &History{deployments: make([]Deployment, 0, len(deployments)), byEnvironment: map[string][]int{}, byStage: map[string][]int{},
		byRollout: map[string][]int{}, byID: make(map[string]int, len(deployments))}
	for _, d := range deployments {
		h.record(d)
	}
	return h
}

// record adds a deployment, or replaces the one with its ID.
func (h *History) record(d Deployment) {
	if i, known := h.byID[d.ID]; known {
		h.deployments[i] = d
		return
	}
	i := len(h.deployments)
	h.deployments = append(h.deployments, d)
	h.byEnvironment[d.Environment] = append(h.byEnvironment[d.Environment], i)
	h.byStage[d.Stage] = append(h.byStage[d.Stage], i)
	h.byRollout[d.Rollout] = append(h.byRollout[d.Rollout], i)
	h.byID[d.ID] = i
}

// Deployments returns a copy of all deployments, ascending by Seq.
func (h *History) Deployments() []Deployment {
	if h == nil {
		return nil
	}
	return slices.Clone(h.deployments)
}

// clone returns a history that can be changed without this one.
func (h *History) clone() *History { return NewHistory(h.Deployments()) }

// nextSeq is the number of the deployment that is recorded next.
func (h *History) nextSeq() int64 {
	if h == nil || len(h.deployments) == 0 {
		return 1
	}
	return h.deployments[len(h.deployments)-1].Seq + 1
}

// withID returns the deployment of an ID, or nil.
func (h *History) withID(id string) *Deployment {
	if h == nil {
		return nil
	}
	if i, known := h.byID[id]; known {
		return &h.deployments[i]
	}
	return nil
}

// in lists the deployments to an environment, oldest first.
func (h *History) in(environment string) []*Deployment {
	if h == nil {
		return nil
	}
	return h.at(h.byEnvironment[environment])
}

// ofStage lists the deployments of a stage, oldest first.
func (h *History) ofStage(stage string) []*Deployment {
	if h == nil {
		return nil
	}
	return h.at(h.byStage[stage])
}

// ofRollout lists the deliveries of a rollout, without its rollbacks, oldest first.
func (h *History) ofRollout(rollout string) []*Deployment {
	if h == nil {
		return nil
	}
	return slices.DeleteFunc(h.at(h.byRollout[rollout]), func(d *Deployment) bool { return d.Kind == KindRollback })
}

func (h *History) at(positions []int) []*Deployment {
	found := make([]*Deployment, len(positions))
	for i, position := range positions {
		found[i] = &h.deployments[position]
	}
	return found
}

// newest returns the environment's newest deployment that matches, or nil.
func (h *History) newest(environment string, matches func(*Deployment) bool) *Deployment {
	if h == nil {
		return nil
	}
	for _, i := range slices.Backward(h.byEnvironment[environment]) {
		if d := &h.deployments[i]; matches(d) {
			return d
		}
	}
	return nil
}

// Latest returns the environment's newest deployment, whatever its status, or nil.
func (h *History) Latest(environment string) *Deployment {
	return h.newest(environment, func(*Deployment) bool { return true })
}

// Current returns the deployment that runs in the environment according to the ledger: the one verified last and not replaced
// since. Nil when nothing was ever verified there.
func (h *History) Current(environment string) *Deployment {
	return h.newest(environment, func(d *Deployment) bool { return d.Status == Verified })
}

// ofVersion returns the environment's newest deployment of a version, or nil. A rollback that failed says nothing about the version that
// it was to bring back.
func (h *History) ofVersion(environment, version string) *Deployment {
	return h.newest(environment, func(d *Deployment) bool { return d.Content.Version == version && !d.failedRollback() })
}

// Authorized returns the deployment whose artifacts are the ones to run in an environment: the newest that is verified or that
// Terraform is to deploy. One that Terraform deployed and that failed after it was verified, because its stage was verified again, stays:
// only another authorization takes what runs away from what deploys it. Nil when there is none.
func (h *History) Authorized(environment string) *Deployment {
	return h.newest(environment, func(d *Deployment) bool {
		return d.Status == Verified || d.Authorized() || d.External() && d.broke() && d.VerifiedAt != nil
	})
}

// rollbackTarget returns the deployment to go back to after d failed: the newest one before it in its environment that was
// verified, brought something else, and has not broken since. Nil when there is none.
func (h *History) rollbackTarget(d *Deployment) *Deployment {
	ranBefore := func(o *Deployment) bool { return o.Seq < d.Seq && o.ranVerified() }
	last := h.newest(d.Environment, ranBefore)
	if last != nil && (last.Content.sameAs(d.Content) || last.External()) {
		return nil // d was healing, so the ledger names nothing older that should run; or only Terraform can bring it back
	}
	return h.newest(d.Environment, func(o *Deployment) bool {
		return ranBefore(o) && !o.Content.sameAs(d.Content) && !o.External() && !h.brokenSince(o)
	})
}

// brokenSince reports whether the release of a deployment broke in the same stage, at the same attempt or a later one: in the same
// environment, or in others so that its rollout was stopped, and it has not been brought there again since with success.
func (h *History) brokenSince(o *Deployment) bool {
	return slices.ContainsFunc(h.failedDeployments(o.Stage, o.Content.Version, o.Attempt), func(d *Deployment) bool {
		repaired := h.newest(d.Environment, func(later *Deployment) bool {
			return later.Seq > d.Seq && later.Content.Version == d.Content.Version && later.ranVerified()
		})
		return repaired == nil && (d.Environment == o.Environment || h.stopped(d.Rollout))
	})
}

// failedDeployments lists the deployments that keep a release out of a stage, oldest first: it failed or was rolled back there, and
// its attempt has not been raised since. A rollback that failed does not count against the release that it was to bring back.
func (h *History) failedDeployments(stage, version string, attempt int) []*Deployment {
	return slices.DeleteFunc(h.ofStage(stage), func(d *Deployment) bool {
		return d.Content.Version != version || !d.broke() || d.Kind == KindRollback || d.Attempt < attempt
	})
}

// failedRollouts lists the rollouts of a stage in which a deployment failed that nothing has replaced since, or was rolled back.
func (h *History) failedRollouts(stage Stage) []string {
	failed := []string{}
	add := func(d *Deployment) {
		if d.Kind != KindRollback && !slices.Contains(failed, d.Rollout) {
			failed = append(failed, d.Rollout)
		}
	}
	for _, env := range stage.Environments {
		if d, _ := h.rolledBackBy(h.Latest(env)); d != nil && d.Status == Failed {
			add(d)
		}
	}
	// A rollout may already be rolled back in one environment and not yet in another.
	for _, d := range h.ofStage(stage.Name) {
		if d.Status == RolledBack {
			add(d)
		}
	}
	return failed
}

// stopped reports whether a rollout has failed in more environments than it may. How many it may is recorded with its deployments:
// an edit of the stage neither revokes what was tolerated, nor continues what was stopped.
func (h *History) stopped(rollout string) bool {
	failures, most := 0, 0
	for _, d := range h.ofRollout(rollout) {
		most = d.MaxFailures
		if d.failedItself() {
			failures++
		}
	}
	return failures > most
}

// openRollout is a rollout that may go on to more environments, and those that it has visited.
type openRollout struct {
	id      string // empty: none
	visited map[string]bool
}

// openRollout returns the stage's newest rollout, if it brings the release at the attempt and has not stopped.
func (h *History) openRollout(stage Stage, release Release, attempt int) openRollout {
	var last *Deployment
	for _, d := range slices.Backward(h.ofStage(stage.Name)) {
		if d.Kind != KindRollback {
			last = d
			break
		}
	}
	if last == nil || last.Content.ReleaseDigest != release.Digest || last.Attempt != attempt || h.stopped(last.Rollout) {
		return openRollout{}
	}
	open := openRollout{last.Rollout, map[string]bool{}}
	for _, d := range h.ofRollout(last.Rollout) {
		open.visited[d.Environment] = true
	}
	return open
}

// joinedBy returns the rollout that a new deployment to the environment joins. Empty starts a new one.
func (o openRollout) joinedBy(env string) string {
	if o.visited[env] {
		return ""
	}
	return o.id
}

// untried keeps of what is needed the environments that a rollout which has failed in others, but not in too many, still goes to.
func (o openRollout) untried(needs map[string]string, failed []*Deployment) map[string]string {
	todo := map[string]string{}
	if o.id == "" || slices.ContainsFunc(failed, func(d *Deployment) bool { return d.Rollout != o.id }) {
		return todo
	}
	for env, why := range needs {
		if !o.visited[env] {
			todo[env] = why
		}
	}
	return todo
}
