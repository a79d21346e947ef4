package delivery

import (
	"maps"
	"slices"
	"strings"
)

// Tier says how close to users an environment is.
type Tier string

// The tiers, as SURFACE names them.
const (
	TierDevelopment Tier = "development"
	TierTesting     Tier = "testing"
	TierStaging     Tier = "staging"
	TierProduction  Tier = "production"
	TierOther       Tier = "other"
)

// Tiers lists every tier, from the developer's desk to the user's.
func Tiers() []Tier {
	return []Tier{TierDevelopment, TierTesting, TierStaging, TierProduction, TierOther}
}

// EnvironmentSpec is what a user declares of an environment: where software runs.
type EnvironmentSpec struct {
	Name string `json:"name"`
	Tier Tier   `json:"tier"`
	// ReplicaOf names the environment whose configuration and platform this one has, now and later, except for its own values.
	ReplicaOf string            `json:"replica_of,omitempty"`
	Config    map[string]string `json:"config,omitempty"`
	Secrets   map[string]string `json:"secrets,omitempty"`  // references (env:NAME, file:PATH), never values
	Platform  map[string]string `json:"platform,omitempty"` // facts about the environment itself
	Parity    *Parity           `json:"parity,omitempty"`
	Target    *Target           `json:"target,omitempty"` // nil: nothing of ours deploys there

	// DeletionProtection refuses deletion while true. Nil means the default of the tier: true for production.
	DeletionProtection *bool `json:"deletion_protection,omitempty"`
}

// EnvironmentStatus is what follows from the declaration.
type EnvironmentStatus struct {
	EffectiveConfig map[string]string `json:"effective_config"`
	Revision        string            `json:"revision"`
}

// Environment is an environment as it is read back.
type Environment struct {
	Spec   EnvironmentSpec   `json:"spec"`
	Status EnvironmentStatus `json:"status"`
}

// EnvironmentOf computes an environment's status from its declaration. That of a replica takes its source: see ReplicaOf.
func EnvironmentOf(spec EnvironmentSpec) Environment {
	effective := map[string]string{}
	maps.Copy(effective, spec.Config)
	return Environment{Spec: spec, Status: EnvironmentStatus{EffectiveConfig: effective, Revision: spec.Revision()}}
}

// Revision changes exactly when configuration (secret references included), platform or target changes. It is that of an
// environment in effect: a replica's is asked of what Over returns.
func (s EnvironmentSpec) Revision() string {
	return digestOf(struct {
		Config, Secrets, Platform map[string]string
		Target                    *Target
	}{s.Config, s.Secrets, s.Platform, s.Target})
}

// Protected reports whether deleting the environment is refused.
func (s EnvironmentSpec) Protected() bool {
	if s.DeletionProtection != nil {
		return *s.DeletionProtection
	}
	return s.Tier == TierProduction
}

// Validate checks the declaration alone; what it says of others is checked by CheckEnvironment.
func (s EnvironmentSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("name"), s.Name)
	if !slices.Contains(Tiers(), s.Tier) {
		p.at("tier").add("%q is not a tier; use one of development, testing, staging, production, other", s.Tier)
	}
	if s.ReplicaOf != "" {
		validateName(p.at("replica_of"), s.ReplicaOf)
		if s.ReplicaOf == s.Name {
			p.at("replica_of").add("an environment cannot be a replica of itself; name another one")
		}
	}
	validateVariables(p.at("config"), s.Config)
	validateSecrets(p.at("secrets"), s.Secrets, s.Config)
	for _, key := range sortedKeys(s.Platform) {
		if strings.TrimSpace(key) == "" {
			p.at("platform").key(key).add("a platform fact needs a name")
		}
	}
	if s.Parity != nil {
		s.Parity.validate(p.at("parity"), s.Name)
	}
	if s.Target != nil {
		s.Target.validate(p.at("target"))
	}
	if s.writesDotenv() {
		validateDotenv(p.at("config"), s.Config)
	}
	return p.errors()
}

// writesDotenv tells whether what is deployed here gets its configuration in a .env file.
func (s EnvironmentSpec) writesDotenv() bool { return s.Target != nil && s.Target.Directory != nil }

// validateSecrets checks the references. The values are read by the engine just before a driver needs them.
func validateSecrets(p problems, secrets, config map[string]string) {
	validateVariables(p, secrets)
	for _, key := range sortedKeys(secrets) {
		validateReference(p.key(key), secrets[key])
		if _, both := config[key]; both {
			p.key(key).add("%s is in config too; keep it in one of them", key)
		}
	}
}

func validateReference(p problems, reference string) {
	kind, rest, _ := strings.Cut(reference, ":")
	if (kind != "env" && kind != "file") || rest == "" {
		p.add("a secret is a reference, \"env:NAME\" or \"file:PATH\", never the value itself")
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
