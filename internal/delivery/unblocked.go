package delivery

import "fmt"

// Delivery is a release that is brought to an environment, and by which stage.
type Delivery struct{ Stage, Environment, Version string }

// Deliveries lists what would be delivered now if each promotion that is managed were carried out: on a copy, one after the other in the
// order of the path, so that a release counts too that first has to pass an earlier stage.
func (w World) Deliveries() ([]Delivery, Questions) {
	s := simulator{world: w.copied()}
	for _, stage := range w.Pipeline.Stages {
		if p, wanted := w.Promotions[stage.Name]; wanted && !p.Unmanaged {
			s.play(stage.Name, Decide)
		}
	}
	all := []Delivery{}
	for _, step := range s.result.Steps {
		if step.Kind == StepDeploy || step.Kind == StepAuthorize {
			all = append(all, Delivery{step.Stage, step.Environment, step.Version})
		}
	}
	return all, s.result.Questions
}

// Unblocked names the releases of a pipeline that get into an environment now and were kept out of it, each as pipeline/version into stage.
// History is what was deployed: a release that runs in the environment already was not kept out of it.
func Unblocked(pipeline string, history *History, was, now []Delivery) []string {
	entered := map[Delivery]bool{}
	for _, one := range was {
		entered[Delivery{Environment: one.Environment, Version: one.Version}] = true
	}
	through := []string{}
	for _, one := range now {
		current := history.Current(one.Environment)
		runs := current != nil && current.Content.Version == one.Version
		if !runs && !entered[Delivery{Environment: one.Environment, Version: one.Version}] {
			through = append(through, fmt.Sprintf("%s/%s into %s", pipeline, one.Version, one.Stage))
		}
	}
	return unique(through)
}
