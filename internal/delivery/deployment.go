package delivery

import "time"

// DeploymentKind says why a deployment was made.
type DeploymentKind string

// The kinds.
const (
	KindDeliver  DeploymentKind = "deliver"  // a release, a configuration or an environment that is new
	KindHeal     DeploymentKind = "heal"     // what ran was not what the ledger says
	KindRollback DeploymentKind = "rollback" // back to the last verified release after a failure
)

// Content is exactly what one deployment brings to one environment.
type Content struct {
	Version       string              `json:"version"`
	ReleaseDigest string              `json:"release_digest"`
	Artifacts     map[string]Artifact `json:"artifacts"`
	Config        map[string]string   `json:"config,omitempty"`  // effective configuration
	Secrets       map[string]string   `json:"secrets,omitempty"` // references
	Target        *Target             `json:"target,omitempty"`
	// ConfigRevision is the hash of Config, Secrets and Target.
	ConfigRevision string `json:"config_revision"`
}

// Deployment is one attempt to make one environment run one content.
type Deployment struct {
	ID          string         `json:"id"`
	Seq         int64          `json:"seq"` // the order in which the ledger recorded them
	Pipeline    string         `json:"pipeline"`
	Stage       string         `json:"stage"`
	Environment string         `json:"environment"`
	Content     Content        `json:"content"`
	Kind        DeploymentKind `json:"kind"`
	Attempt     int            `json:"attempt"`
	Rollout     string         `json:"rollout"` // shared by what one delivery changed in a stage's environments
	// MaxFailures is in how many environments the rollout might fail without being stopped, when this deployment was begun.
	MaxFailures int              `json:"max_failures,omitempty"`
	Status      DeploymentStatus `json:"status"`
	Replaces    string           `json:"replaces,omitempty"` // rollback: the deployment that is rolled back
	Reason      string           `json:"reason"`             // why it was made
	Failure     string           `json:"failure,omitempty"`  // why it failed
	Actor       string           `json:"actor"`
	// Terms is the hash of what the stage asked for when the deployment was begun; empty for a rollback, and where it was not recorded.
	Terms string `json:"terms,omitempty"`
	// Gates are the verdicts at the moment the deployment was decided.
	Gates []GateResult `json:"gates,omitempty"`
	// Checks are the results of the verification.
	Checks []CheckResult `json:"checks,omitempty"`
	// Receipt is what the driver needs to recognize later what it deployed.
	Receipt    string     `json:"receipt,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	SettledAt  *time.Time `json:"settled_at,omitempty"` // when the status last became one that is not in flight
}

// brought reports whether the deployment ran verified with exactly the release's content.
func (d Deployment) brought(release Release) bool {
	return d.Content.ReleaseDigest == release.Digest && d.ranVerified()
}

// ContentFor computes what deploying the release to the environment in the stage brings there.
func ContentFor(stage Stage, env EnvironmentSpec, release Release) Content {
	c := Content{
		Version:       release.Spec.Version,
		ReleaseDigest: release.Digest,
		Artifacts:     release.Spec.Artifacts,
		Config:        overlaid(env.Config, stage.Config),
		Secrets:       env.Secrets,
		Target:        env.Target,
	}
	c.ConfigRevision = digestOf(struct {
		Config, Secrets map[string]string
		Target          *Target
	}{c.Config, c.Secrets, c.Target})
	return c
}

// Observation is what a driver sees running.
type Observation struct {
	Running bool   `json:"running"`           // something of this pipeline runs there
	Version string `json:"version,omitempty"` // as the environment itself tells it
	// Differences say how what runs differs from what the last deployment left, sorted. Empty means: exactly that.
	// Secret values never appear in them.
	Differences []string `json:"differences,omitempty"`
	// Unknown says why the environment could not be observed. It is neither in order nor drifted.
	Unknown string `json:"unknown,omitempty"`
}

// Drifted reports whether what runs is known not to be what was deployed.
func (o Observation) Drifted() bool { return o.Unknown == "" && (!o.Running || len(o.Differences) > 0) }
