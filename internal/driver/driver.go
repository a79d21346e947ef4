// Package driver says how software gets into an environment and how it is seen there. Each kind of target has a package of its
// own below this one, named as the target's attribute; drivertest exercises them all.
package driver

import (
	"context"
	"maps"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// Driver deploys to one kind of target. It is safe for concurrent use.
type Driver interface {
	// Deploy makes the environment run the content and returns once it does. It is idempotent by Request.ID: called again for
	// the same deployment, after success, failure or a crash at any point, it finishes what is missing and repeats nothing that
	// is done. On failure the environment still runs what it ran, or the error says that it may not. Canceling ctx stops it at
	// the next safe point with ctx's error. Errors are words for a user: what, where, why, what to do; never a secret's value.
	Deploy(ctx context.Context, r Request) (Result, error)
	// Observe looks at what runs and changes nothing. Request is that of the deployment which should run there, its Receipt
	// filled in. A place that cannot be looked at is an Observation with Unknown set; the error is for ctx alone.
	Observe(ctx context.Context, r Request) (delivery.Observation, error)
}

// Preflighter is a driver that can tell beforehand whether a deployment would find what it is made of.
type Preflighter interface {
	// Preflight looks whether Deploy would find the request's artifacts, and those that the release names, and changes nothing. Its
	// error says in words which one it would not find, and why.
	Preflight(ctx context.Context, r Request) error
}

// Keeper is a driver whose target keeps what earlier deployments brought there.
type Keeper interface {
	// Keeps looks whether Deploy could put the request's content in place without its artifacts, from what the deployment left there whose
	// receipt is Request.Earlier, and changes nothing. Its error says in words why not.
	Keeps(ctx context.Context, r Request) error
}

// Claimer is a driver whose places remember the ledger that deploys to them.
type Claimer interface {
	// Claimed says why the place of the request's target belongs to another ledger, so that Deploy would refuse it; nil if it does not, or
	// cannot be looked at from here. It changes nothing.
	Claimed(ctx context.Context, r Request) error
}

// Request is one deployment, as a driver sees it.
type Request struct {
	ID          string                       `json:"id"` // of the deployment: the idempotency key
	Pipeline    string                       `json:"pipeline"`
	Stage       string                       `json:"stage"`
	Environment string                       `json:"environment"`
	Version     string                       `json:"version"`
	Digest      string                       `json:"digest"` // of the release
	Artifacts   map[string]delivery.Artifact `json:"artifacts"`
	Config      map[string]string            `json:"config"` // effective configuration
	// Secrets are the values. They go to the running software only: into no log, error, receipt or digest.
	Secrets        map[string]string `json:"-"`
	SecretNames    []string          `json:"secret_names"` // sorted; filled for Observe too, where Secrets is empty
	ConfigRevision string            `json:"config_revision"`
	// Credentials are what the driver itself needs to be let in, by the attribute of the target that refers to them; filled for
	// Observe too. Like Secrets they show nowhere, and they are no part of what gets deployed.
	Credentials map[string]string `json:"-"`
	// Hidden are more values that may show nowhere. Observe gets those of the secrets here: they are masked, and handed to nobody.
	Hidden []string `json:"-"`
	// Resumed says that the deployment may be under way already: the process that began it went away before it was done.
	Resumed bool `json:"-"`
	// Ledger is the id of the ledger that records the deployment, and Replaced are those of the ledgers that it continues. A place that
	// remembers its ledger refuses every other one.
	Ledger   string   `json:"-"`
	Replaced []string `json:"-"`
	// Earlier is the receipt of an earlier deployment of the same content, for a rollback: a target that keeps what it deployed can take it
	// from there. Empty if there is none.
	Earlier string `json:"-"`

	Receipt string          `json:"receipt,omitempty"` // Observe: what Deploy returned
	Target  delivery.Target `json:"-"`
}

// Mask masks all that a driver may not show: in errors, receipts and observations, before they are cut to length.
func (r Request) Mask() *redact.Masker {
	values := slices.Clone(r.Hidden)
	values = slices.AppendSeq(values, maps.Values(r.Secrets))
	return redact.New(slices.AppendSeq(values, maps.Values(r.Credentials))...)
}

// Result is what a driver leaves with the ledger.
type Result struct {
	// Receipt is the driver's own note, at most 64 KiB, by which Observe recognizes what Deploy left. It holds no secret.
	Receipt string
}
