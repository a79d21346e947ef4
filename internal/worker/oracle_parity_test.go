package worker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// environment is as it is in effect: a replica has what its source has, except for its own.
func (s setup) environment(name string) delivery.EnvironmentSpec {
	env := must(s.ledger.Environment(s.ctx, name))
	if env.ReplicaOf == "" {
		return env
	}
	s.oracle.happened("replica looked at")
	source := must(s.ledger.Environment(s.ctx, env.ReplicaOf))
	env.Config, env.Platform = merged(source.Config, env.Config), merged(source.Platform, env.Platform)
	return env
}

// testedUnlike compares what a release ran with, in earlier environments that are to be like one of the stage's or that one of the
// stage's is to be like, with what it would run with now.
func (s setup) testedUnlike(pipeline delivery.PipelineSpec, at int, d delivery.Deployment) (found []string) {
	stage := pipeline.Stages[at]
	for _, entered := range stage.Environments {
		for _, earlier := range pipeline.Stages[:at] {
			for _, tested := range earlier.Environments {
				ran, test := s.ranWith(pipeline.Name, tested, d.Content.Version)
				would := facts(s.environment(entered), stage.Config)
				claims := [2]delivery.EnvironmentSpec{s.environment(tested), s.environment(entered)}
				if p := claims[0].Parity; p != nil && p.With == entered {
					found = append(found, s.apart(ran, would, p.Allow, "tested in "+tested, entered)...)
					found = append(found, s.tampered(test, pipeline.Name, tested)...)
				}
				if p := claims[1].Parity; p != nil && p.With == tested {
					found = append(found, s.apart(would, ran, p.Allow, entered, "tested in "+tested)...)
					found = append(found, s.tampered(test, pipeline.Name, tested)...)
				}
			}
		}
	}
	return found
}

// ranWith gives what a release was last verified with; nothing when it was not.
func (s setup) ranWith(pipeline, env, version string) (map[string]string, delivery.Deployment) {
	d, ok := lastOf(s.history(pipeline, env), version)
	if !ok || !ranWell(d) {
		return nil, delivery.Deployment{}
	}
	ran := s.environment(env)
	ran.Config, ran.Secrets = d.Content.Config, d.Content.Secrets
	return facts(ran, nil), d
}

func (s setup) apart(this, that map[string]string, allow map[string]delivery.Allowance, here, there string) (found []string) {
	for key := range merged(this, that) {
		a, inThis := this[key]
		b, inThat := that[key]
		if (a != b || inThis != inThat) && !s.mayDiffer(allow, key, a, inThis) {
			found = append(found, fmt.Sprintf("%s differs between %s and %s", key, here, there))
		}
	}
	if len(found) == 0 {
		s.oracle.happened("tested with what it runs with")
	}
	return found
}

// tampered tells whether somebody's hand is in what a release was tested with, as long as that is still there.
func (s setup) tampered(test delivery.Deployment, pipeline, env string) []string {
	newest, _ := last(s.history(pipeline, env), func(delivery.Deployment) bool { return true })
	if newest.ID != test.ID || test.Content.Target == nil { // where Terraform deploys, nobody of ours can look
		return nil
	}
	s.oracle.driver.mu.Lock()
	defer s.oracle.driver.mu.Unlock()
	here := s.oracle.driver.at[targetKey(env, pipeline)]
	if here.unknown || here.drift != "" || here.id != test.ID {
		return []string{"what it was tested with in " + env + " is no longer there, or cannot be looked at"}
	}
	return nil
}

// testedNow lets every release have been tested with what is declared now.
func testedNow(w *delivery.World) {
	changed := w.History.Deployments()
	for i, d := range changed {
		if stage, ok := w.Pipeline.Stage(d.Stage); ok {
			env := w.Environments[d.Environment]
			changed[i].Content.Config, changed[i].Content.Secrets = merged(env.Config, stage.Config), env.Secrets
		}
	}
	w.History = delivery.NewHistory(changed)
}

// unlike compares, key by key, the environments that are to be alike before a stage may be entered.
func (s setup) unlike(pipeline delivery.PipelineSpec, at int) []string {
	compared, found := 0, []string{}
	overlays := map[string]map[string]string{}
	for _, stage := range pipeline.Stages {
		for _, env := range stage.Environments {
			overlays[env] = stage.Config
		}
	}
	for i, stage := range pipeline.Stages[:at+1] {
		for _, name := range stage.Environments {
			env := s.environment(name)
			if env.Parity == nil || (i < at && !slices.Contains(pipeline.Stages[at].Environments, env.Parity.With)) {
				continue
			}
			compared++
			this, that := facts(env, overlays[name]), facts(s.environment(env.Parity.With), overlays[env.Parity.With])
			for key := range merged(this, that) {
				a, inThis := this[key]
				b, inThat := that[key]
				if (a != b || inThis != inThat) && !s.mayDiffer(env.Parity.Allow, key, a, inThis) {
					found = append(found, fmt.Sprintf("%s differs between %s and %s", key, name, env.Parity.With))
				}
			}
		}
	}
	if compared == 0 {
		found = append(found, "nothing to compare")
	}
	return found
}

func facts(env delivery.EnvironmentSpec, overlay map[string]string) map[string]string {
	all := merged(env.Config, overlay)
	for key, value := range env.Secrets {
		all["secrets."+key] = value
	}
	for key, value := range env.Platform {
		all["platform."+key] = value
	}
	return all
}

// mayDiffer knows exact keys and a star at the end: all that the histories write.
func (s setup) mayDiffer(allow map[string]delivery.Allowance, key, value string, present bool) bool {
	for glob, a := range allow {
		prefix, star := strings.CutSuffix(glob, "*")
		if glob != key && (!star || !strings.HasPrefix(key, prefix)) {
			continue
		}
		if a.Until != "" && (s.behind() || !s.now.Before(must(time.Parse(time.RFC3339, string(a.Until))))) {
			continue
		}
		if a.Min == nil && a.Max == nil {
			return true
		}
		n, err := strconv.ParseFloat(value, 64)
		if present && err == nil && (a.Min == nil || n >= *a.Min) && (a.Max == nil || n <= *a.Max) {
			return true
		}
	}
	return false
}
