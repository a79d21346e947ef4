package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// StageState is where a release stands in a stage, and what runs there.
type StageState struct {
	Status    StageStatus `json:"status"`
	Version   string      `json:"version"` // running there now; empty when nothing does, several joined by ", "
	WaitingOn []string    `json:"waiting_on"`
}

// EnvironmentState is what a pipeline runs in one environment.
type EnvironmentState struct {
	Version        string `json:"version"`
	Status         string `json:"status"` // the current deployment's status, "drifted", "deployed", or the newest one's when there is none
	ConfigRevision string `json:"config_revision"`
}

// StageStates tells where a release stands in every stage of its pipeline.
func StageStates(w World, version string) (map[string]StageState, Questions) {
	states, questions := map[string]StageState{}, Questions{}
	decisions := map[string]Decision{}
	for i, stage := range w.Pipeline.Stages {
		states[stage.Name] = w.stageState(i, version, decisions, &questions)
	}
	return states, questions
}

// stageState tells where a release stands in one stage. decisions are those made already, by entry.
func (w World) stageState(i int, version string, decisions map[string]Decision, questions *Questions) StageState {
	stage, entry := w.Pipeline.Stages[i], w.Pipeline.Stages[w.Pipeline.Entry(i)].Name
	state := StageState{Version: w.running(stage), WaitingOn: []string{}}
	if p, ok := w.Promotions[entry]; !ok || p.Spec.Version != version {
		state.Status, state.WaitingOn = w.unwanted(stage, entry, version, questions)
		return state
	}
	d, asked := decisions[entry]
	if !asked {
		d = Decide(w, entry)
		decisions[entry] = d
	}
	if at := slices.IndexFunc(d.Stages, func(s StageDecision) bool { return s.Stage == stage.Name }); at >= 0 {
		state.Status, state.WaitingOn = d.Stages[at].Status, d.Stages[at].WaitingOn()
	}
	questions.add(d.Questions)
	return state
}

// unwanted tells where a release stands in a stage that no promotion wants it in.
func (w World) unwanted(stage Stage, entry, version string, questions *Questions) (StageStatus, []string) {
	verified, drifted, status := 0, false, StageWaiting
	for _, env := range stage.Environments {
		d := w.History.ofVersion(env, version)
		if d == nil {
			continue
		}
		switch current := w.History.Current(env); {
		case current != nil && current.ID == d.ID: // not when it was brought there again since, and broke
			verified++
			_, off := w.drift(env, map[string]string{}, questions)
			drifted = drifted || off
		case d.Authorized():
			status = StageDeployed
		case d.InFlight() || d.broke() || d.Status == Superseded && !d.abandoned():
			status = StageStatus(d.Status)
		}
	}
	switch {
	case drifted:
		return StageDrifted, []string{}
	case verified == len(stage.Environments):
		return StageVerified, []string{}
	case status == StageDeployed:
		return status, []string{waitsForVerification}
	case status != StageWaiting:
		return status, []string{}
	case w.Pipeline.AutoStart() && entry == w.Pipeline.Stages[0].Name:
		return StageWaiting, []string{"release: another version is the one to be delivered"}
	}
	return StageWaiting, []string{fmt.Sprintf("promotion: a person decides; promote %s into %s", version, entry)}
}

// running tells which version runs in a stage, as observed where it was observed.
func (w World) running(stage Stage) string {
	versions := []string{}
	for _, env := range stage.Environments {
		if v := w.RunningVersion(env); v != "" && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return strings.Join(versions, ", ")
}

// RunningVersion tells which version runs in an environment: as observed, else as the ledger says.
func (w World) RunningVersion(env string) string {
	if handed := w.History.Authorized(env); handed != nil && handed.External() {
		return handed.Content.Version
	}
	if seen, ok := w.Observations[env]; ok && seen.Unknown == "" {
		return seen.Version
	}
	if current := w.History.Current(env); current != nil {
		return current.Content.Version
	}
	return ""
}

// EnvironmentStates tells what runs in each environment of a stage.
func EnvironmentStates(w World, stage Stage) (map[string]EnvironmentState, Questions) {
	states, questions := map[string]EnvironmentState{}, Questions{}
	for _, env := range stage.Environments {
		states[env] = w.environmentState(env, &questions)
	}
	return states, questions
}

func (w World) environmentState(env string, questions *Questions) EnvironmentState {
	latest, current := w.History.Latest(env), w.History.Current(env)
	if runs := w.History.Authorized(env); runs != nil && runs.External() {
		return w.History.externalState(*runs)
	}
	switch {
	case latest == nil:
		return EnvironmentState{Status: string(StageWaiting)}
	case current == nil || latest.ID != current.ID:
		state := EnvironmentState{Status: string(latest.Status), Version: w.RunningVersion(env)}
		if current != nil {
			state.ConfigRevision = current.Content.ConfigRevision
		}
		return state
	}
	state := EnvironmentState{Version: w.RunningVersion(env), Status: string(Verified), ConfigRevision: current.Content.ConfigRevision}
	if _, drifted := w.drift(env, map[string]string{}, questions); drifted {
		state.Status, state.Version = string(StageDrifted), w.RunningVersion(env)
	}
	return state
}
