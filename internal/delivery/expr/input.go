package expr

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Input is what the answer for one environment depends on.
type Input struct {
	Now         time.Time
	Pipeline    string
	Stage       Stage
	Environment Environment
	Config      map[string]string // effective, without secrets
	Release     Release
	Previous    *Release // nil: nothing runs there
}

// Stage is the stage that the release would enter.
type Stage struct{ Name, Promotion string }

// Environment is where the release would be deployed.
type Environment struct {
	Name, Tier string
	Platform   map[string]string
}

// Release is a release as conditions see it.
type Release struct {
	Version, Digest, Author, RegisteredBy string
	RegisteredAt                          time.Time
	Labels                                map[string]string
	Artifacts                             map[string]Artifact
	Source                                *Source
}

// Artifact is one artifact of a release.
type Artifact struct{ URI, Digest string }

// Source is where a release was built from.
type Source struct {
	Repository, Revision, Author string
	CommittedAt                  time.Time // zero: unknown
}

func (in Input) variables() map[string]any {
	return map[string]any{
		"release":     in.Release.object(),
		"previous":    orNull(in.Previous, (*Release).object),
		"stage":       map[string]any{"name": in.Stage.Name, "promotion": in.Stage.Promotion},
		"pipeline":    map[string]any{"name": in.Pipeline},
		"environment": map[string]any{"name": in.Environment.Name, "tier": in.Environment.Tier, "platform": native(in.Environment.Platform)},
		"config":      native(in.Config),
		"now":         in.Now,
	}
}

func (r *Release) object() map[string]any {
	artifacts := map[string]any{}
	for name, a := range r.Artifacts {
		artifacts[name] = map[string]any{"uri": a.URI, "digest": a.Digest}
	}
	return map[string]any{
		"version": r.Version, "digest": r.Digest, "labels": native(r.Labels),
		"artifacts": types.NewStringInterfaceMap(types.DefaultTypeAdapter, artifacts), "author": r.Author,
		"source": orNull(r.Source, (*Source).object), "registered_by": r.RegisteredBy, "registered_at": r.RegisteredAt,
	}
}

func (s *Source) object() map[string]any {
	object := map[string]any{"repository": s.Repository, "revision": s.Revision, "author": s.Author, "committed_at": nil}
	if !s.CommittedAt.IsZero() {
		object["committed_at"] = s.CommittedAt
	}
	return object
}

// native converts a map to CEL's own type once. Otherwise CEL would convert and measure it again at each use.
func native(m map[string]string) ref.Val {
	return types.NewStringStringMap(types.DefaultTypeAdapter, m)
}

// orNull returns the object of a value, or CEL's null if there is none.
func orNull[T any](value *T, object func(*T) map[string]any) any {
	if value == nil {
		return nil
	}
	return object(value)
}
