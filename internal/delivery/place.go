package delivery

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// Place is where the software of an environment runs. Two environments with the same place are one place under two names: anyone who can
// deliver to one of them changes what runs in the other. Empty means that nothing is known about it, and then nothing is concluded.
type Place string

// PathResolver returns the one name of a directory: absolute, clean, and without symbolic links. It knows the file system, which this
// package does not. Nil cleans the path only.
type PathResolver func(path string) string

// MaxPlaceBytes is the longest `place` of a target.
const MaxPlaceBytes = 200

// Place tells where a target deploys to: the directory, or what `place` says of a command or a webhook. A command and a webhook with the
// same `place` deploy to the same place.
func (t *Target) Place(resolve PathResolver) Place {
	switch {
	case t == nil:
		return ""
	case t.Directory != nil:
		if resolve == nil {
			resolve = filepath.Clean
		}
		return Place("directory " + resolve(t.Directory.Path))
	}
	if name, _ := t.namedPlace(); name != "" {
		return Place("place " + name)
	}
	return ""
}

// namedPlace returns what `place` says, and the path of the attribute below the target that decides the place.
func (t *Target) namedPlace() (name, field string) {
	switch {
	case t.Command != nil:
		return t.Command.Place, "command.place"
	case t.Webhook != nil:
		return t.Webhook.Place, "webhook.place"
	}
	return "", "directory.path"
}

func validatePlace(p problems, place string) {
	switch {
	case place == "":
	case strings.TrimSpace(place) != place:
		p.add("a place cannot begin or end with a space; remove it")
	case strings.ContainsFunc(place, unicode.IsControl):
		p.add("a place cannot hold control characters; use a short name, such as \"cluster-1/shop\"")
	case len(place) > MaxPlaceBytes:
		p.add("the place has %d bytes; at most %d are allowed", len(place), MaxPlaceBytes)
	}
}

// ValidatePlaces refuses a pipeline that deploys to one place through two environments: each delivery to one of them would replace what
// runs in the other. Errors are at the stages' environments.
func (p PipelineSpec) ValidatePlaces(known map[string]EnvironmentSpec, resolve PathResolver) Errors {
	at, first := newProblems(), map[Place]string{}
	for i, stage := range p.Stages {
		for j, name := range stage.Environments {
			place := known[name].Target.Place(resolve)
			other, taken := first[place]
			switch {
			case place == "":
			case taken:
				at.at("stages").index(i).at("environments").index(j).add(
					"environment %q deploys to the same place as environment %q: %s. A pipeline deploys to a place through one environment only. Give one of them another target, or remove it from the pipeline.",
					name, other, place)
			default:
				first[place] = name
			}
		}
	}
	return at.errors()
}

// ValidatePlace refuses an environment whose target moves to a place to which one of the pipelines deploys through another environment
// already. known holds the environments of those pipelines. Errors are at the attribute of the target.
func (s EnvironmentSpec) ValidatePlace(pipelines []PipelineSpec, known map[string]EnvironmentSpec, resolve PathResolver) Errors {
	at, place := newProblems(), s.Target.Place(resolve)
	if place == "" {
		return nil
	}
	_, field := s.Target.namedPlace()
	for _, pipeline := range pipelines {
		if !pipeline.UsesEnvironment(s.Name) {
			continue
		}
		for _, other := range pipeline.EnvironmentNames() {
			if other != s.Name && known[other].Target.Place(resolve) == place {
				at.at("target").at(field).add("%s deploys to this place through environment %q already: %s. A pipeline deploys to a place through one environment only. Use another place, or first remove one of the environments from the pipeline.",
					pipeline, other, place)
			}
		}
	}
	return at.errors()
}

// EnvironmentNames lists the environments of every stage, in the order of the path.
func (p PipelineSpec) EnvironmentNames() []string {
	names := []string{}
	for _, stage := range p.Stages {
		names = append(names, stage.Environments...)
	}
	return names
}

// String names the place in messages.
func (p Place) String() string {
	kind, name, _ := strings.Cut(string(p), " ")
	return fmt.Sprintf("%s %q", kind, name)
}
