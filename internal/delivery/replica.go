package delivery

import (
	"fmt"
	"time"
)

// Over returns a replica as it is in effect: the configuration and the platform of its source, with its own over them. Secrets are
// never taken over: a replica must not read another environment's secrets because somebody forgot to say so. Where the replica
// has a secret of the same name, it takes the place of the source's plain value.
func (s EnvironmentSpec) Over(source EnvironmentSpec) EnvironmentSpec {
	config := overlaid(source.Config, s.Config)
	for key := range s.Secrets {
		delete(config, key)
	}
	s.Config, s.Platform = config, overlaid(source.Platform, s.Platform)
	return s
}

// ReplicaOf computes the status of an environment that is a replica of source.
func ReplicaOf(spec, source EnvironmentSpec) Environment {
	e := EnvironmentOf(spec.Over(source))
	e.Spec = spec
	return e
}

// Effective returns each environment as it is in effect: a replica over its source, which has to be among them, and every other
// one as it is declared.
func Effective(declared map[string]EnvironmentSpec) (map[string]EnvironmentSpec, error) {
	effective := make(map[string]EnvironmentSpec, len(declared))
	for name, spec := range declared {
		one, refusal := spec.effective(declared)
		if refusal != nil {
			return nil, Errorf(refusal.Code, "environment %q cannot be a replica: %s", name, refusal.Message)
		}
		effective[name] = one
	}
	return effective, nil
}

// effective returns one environment as it is in effect, or why it has no source.
func (s EnvironmentSpec) effective(known map[string]EnvironmentSpec) (EnvironmentSpec, *Error) {
	if s.ReplicaOf == "" {
		return s, nil
	}
	source, ok := known[s.ReplicaOf]
	switch {
	case !ok:
		return s, &Error{Code: CodeInvalid, Field: "replica_of",
			Message: fmt.Sprintf("environment %q does not exist; declare it first, or name another one", s.ReplicaOf)}
	case source.ReplicaOf != "":
		return s, &Error{Code: CodeConflict, Field: "replica_of",
			Message: fmt.Sprintf("environment %q is itself a replica, of %q; name %q instead", source.Name, source.ReplicaOf, source.ReplicaOf)}
	}
	return s.Over(source), nil
}

// Sources lists what an environment is a replica of: one environment, or none.
func (s EnvironmentSpec) Sources() []string {
	if s.ReplicaOf == "" {
		return nil
	}
	return []string{s.ReplicaOf}
}

// RelatedTo lists the environments that CheckEnvironment has to know: the source and the parity reference. A reference that is a
// replica needs its own source too.
func (s EnvironmentSpec) RelatedTo() []string {
	names := s.Sources()
	if s.Parity != nil && s.Parity.With != s.ReplicaOf {
		names = append(names, s.Parity.With)
	}
	return names
}

// CheckEnvironment checks what a declaration says of other environments: what it is a replica of, and what it must equal. known
// holds those that exist, as they are declared.
func CheckEnvironment(spec EnvironmentSpec, known map[string]EnvironmentSpec, now time.Time) Errors {
	effective, refusal := spec.effective(known)
	if refusal != nil {
		return Errors{refusal}
	}
	found := checkTakenOver(spec, effective)
	if spec.ReplicaOf != "" && (spec.Parity == nil || spec.Parity.With != spec.ReplicaOf) {
		found = append(found, checkReplica(spec, effective, known[spec.ReplicaOf], now)...)
	}
	if spec.Parity == nil {
		return found
	}
	reference, exists := known[spec.Parity.With]
	if !exists {
		return append(found, CheckParity(effective, nil, now)...)
	}
	other, refusal := reference.effective(known)
	if refusal != nil {
		return append(found, &Error{Code: refusal.Code, Field: "parity.with", Message: fmt.Sprintf("environment %q: %s", reference.Name, refusal.Message)})
	}
	return append(found, checkParity(effective, spec, &other, now)...)
}

// checkTakenOver refuses what a replica takes over and cannot write into its .env.
func checkTakenOver(spec, effective EnvironmentSpec) Errors {
	p := newProblems()
	if !spec.writesDotenv() {
		return nil
	}
	for _, key := range sortedKeys(effective.Config) {
		if _, own := spec.Config[key]; own {
			continue // Validate judges it at its own attribute
		}
		if _, err := DotenvValue(effective.Config[key]); err != nil {
			p.at("replica_of").add("%s, which environment %q sets, cannot be taken over: %v. Change it there, or give this environment its own value", key, spec.ReplicaOf, err)
		}
	}
	return p.errors()
}

// checkReplica refuses each of a replica's own values that differ from its source without being declared.
func checkReplica(spec, effective, source EnvironmentSpec, now time.Time) Errors {
	var allow map[string]Allowance
	remedy := fmt.Sprintf("declare parity = { with = %q } with the key in its allow, and the reason", source.Name)
	if spec.Parity != nil {
		allow, remedy = spec.Parity.Allow, "declare the difference in parity.allow with its reason"
	}
	this, other := effective.Facts(nil), source.Facts(nil)
	this.Secrets, other.Secrets = nil, nil
	return refusals(NotAllowed(Differences(this, other, allow, now)), spec,
		fmt.Sprintf("this is a replica of environment %q, and its own values differ", source.Name),
		fmt.Sprintf("Leave it out, so that it follows %s, or %s.", source.Name, remedy))
}
