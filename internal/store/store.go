// Package store is the interface of the ledger. It keeps declarations, releases, promotions, decisions, evidence, deployments, leases,
// work, observations, and an append-only event log that is a hash chain. sqlstore implements it and storetest exercises it.
package store

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Store is a ledger that several processes may hold open at once. Errors are *delivery.Error with a code: not_found,
// conflict (a constraint of the ledger forbids it), unavailable (the database did not answer; trying again may help) or internal.
type Store interface {
	// View runs f over one consistent snapshot and writes nothing. An error of f is returned as it is. f may be run again when the
	// connection was lost under it, so what it finds out must not add to what an earlier run did.
	View(ctx context.Context, f func(Reader) error) error
	// Update runs f in one serialized write transaction: it is committed when f returns nil and undone otherwise. No other
	// writer comes between what f reads and what it writes. f may be run again after a conflict, so it must only touch tx.
	Update(ctx context.Context, f func(Tx) error) error
	// Written is the newest event that this process committed; the zero position if there is none.
	Written() delivery.LedgerPosition
	// ClockAhead is how far this machine's clock is ahead of the ledger's own, as seen last; negative if it is behind. It is 0 where the
	// ledger has no clock of its own. Moments that the ledger keeps or is judged by go by the ledger's clock.
	ClockAhead() time.Duration
	// Close releases the ledger.
	Close() error
}

// Reader reads. Each method that asks for one object returns a *delivery.Error with code not_found when there is none; lists
// are empty, never nil-and-error.
type Reader interface {
	Environment(ctx context.Context, name string) (delivery.EnvironmentSpec, error)
	// Environments lists the named environments that exist, or all of them when no name is given, sorted by name.
	Environments(ctx context.Context, names ...string) ([]delivery.EnvironmentSpec, error)
	// Replicas lists the names of the environments that are replicas of the named one, sorted. It reads by index.
	Replicas(ctx context.Context, of string) ([]string, error)

	Pipeline(ctx context.Context, name string) (delivery.PipelineSpec, error)
	Pipelines(ctx context.Context) ([]delivery.PipelineSpec, error) // sorted by name

	// Release returns a release, retired or not.
	Release(ctx context.Context, pipeline, version string) (delivery.Release, error)
	Releases(ctx context.Context, pipeline string, versions ...string) ([]delivery.Release, error)

	// Promotion returns what is wanted in a stage, managed or not.
	Promotion(ctx context.Context, pipeline, stage string) (delivery.Promotion, error)
	Promotions(ctx context.Context, pipeline string) ([]delivery.Promotion, error)

	// Approval returns a decision, revoked or not.
	Approval(ctx context.Context, id string) (delivery.Approval, error)
	// Approvals lists the decisions on the given releases of a pipeline (all of its releases when none is given), of every
	// stage, revoked ones included, oldest first.
	Approvals(ctx context.Context, pipeline string, versions ...string) ([]delivery.Approval, error)

	// TestReport returns a report, withdrawn or not.
	TestReport(ctx context.Context, id string) (delivery.TestReport, error)
	// TestReports lists the reports on the given releases of a pipeline (all of its releases when none is given), withdrawn ones
	// included, oldest first.
	TestReports(ctx context.Context, pipeline string, versions ...string) ([]delivery.TestReport, error)

	Freeze(ctx context.Context, name string) (delivery.FreezeSpec, error)
	Freezes(ctx context.Context) ([]delivery.FreezeSpec, error) // sorted by name

	Policy(ctx context.Context, name string) (delivery.PolicySpec, error)
	Policies(ctx context.Context) ([]delivery.PolicySpec, error) // sorted by name

	// Override returns an override, revoked or not.
	Override(ctx context.Context, id string) (delivery.Override, error)
	// Overrides lists the overrides for the given releases of a pipeline (all of its releases when none is given), revoked ones
	// included, oldest first.
	Overrides(ctx context.Context, pipeline string, versions ...string) ([]delivery.Override, error)

	// Declared reads at once what a decision about a pipeline needs of what is declared. A pipeline that does not exist is no error.
	Declared(ctx context.Context, pipeline string) (Declared, error)
	// Evidence reads at once what was recorded about the given releases of a pipeline: nothing when none is given.
	Evidence(ctx context.Context, pipeline string, versions ...string) (Evidence, error)

	// Rollouts lists the rollouts of some stages of a pipeline that began after a moment, of each stage the newest
	// delivery.MaxRollouts, ascending by their start: CreatedAt of the first deployment of each that was recorded. A deployment made to
	// roll back counts for none. It reads by index, so history does not slow it down.
	Rollouts(ctx context.Context, pipeline string, stages []string, since time.Time) ([]delivery.RolloutRecord, error)

	Deployment(ctx context.Context, id string) (delivery.Deployment, error)
	// Deployments lists deployments ascending by Seq.
	Deployments(ctx context.Context, filter DeploymentFilter) ([]delivery.Deployment, error)
	// DecisionHistory lists, ascending by Seq and each once, the deployments of a pipeline that a decision about the given versions
	// needs: every deployment of those versions; and in each environment the newest one, the newest verified one, the newest
	// two that were ever verified, and all of the newest one's rollout. It reads by index, so history does not slow it down.
	DecisionHistory(ctx context.Context, pipeline string, versions ...string) ([]delivery.Deployment, error)

	// Work lists the work of a pipeline, one record for each stage that was ever entered, sorted by stage. now is the caller's clock, as
	// for AcquireLease: whether a holder has been silent for too long is judged by the clock that leases go by.
	Work(ctx context.Context, pipeline string, now time.Time) ([]delivery.WorkRecord, error)
	// Recordings lists what was observed last of a pipeline, sorted by subject.
	Recordings(ctx context.Context, pipeline string) ([]delivery.Recording, error)

	// Head is the hash of the last event; empty while there is none. Every change of what decisions are made from comes with its event, so
	// what was read at this head still holds.
	Head(ctx context.Context) (string, error)
	// Ledger tells which ledger this is and where its history ends. In a write transaction its own events count.
	Ledger(ctx context.Context) (delivery.Ledger, error)
	// EventHashes lists the hashes of the events on a page (delivery.LedgerPageOf), ascending.
	EventHashes(ctx context.Context, page int64) ([]string, error)
	// Events lists at most limit events with Seq > after, ascending.
	Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error)
}

// Declared is what is declared for a pipeline, and for every pipeline. Each list is sorted as the method of its name sorts it.
type Declared struct {
	Pipeline   *delivery.PipelineSpec // nil when it does not exist
	Promotions []delivery.Promotion
	Freezes    []delivery.FreezeSpec
	Policies   []delivery.PolicySpec
	Head       string // as Reader.Head tells it
}

// Evidence is what was recorded about some releases, with the releases. Each list is sorted as the method of its name sorts it, and has
// what was revoked or withdrawn too.
type Evidence struct {
	Releases    []delivery.Release
	Approvals   []delivery.Approval
	TestReports []delivery.TestReport
	Overrides   []delivery.Override
}

// DeploymentFilter narrows a list of deployments. Empty fields match everything.
type DeploymentFilter struct {
	Pipeline, Environment, Version string
	Status                         delivery.DeploymentStatus
	Newest                         int // only this many, the newest; 0: all
}

// Tx reads and writes. Put methods insert or replace. Events are the caller's duty: each change comes with its event.
type Tx interface {
	Reader

	PutEnvironment(ctx context.Context, spec delivery.EnvironmentSpec) error
	DeleteEnvironment(ctx context.Context, name string) error // not_found when there is none
	PutPipeline(ctx context.Context, spec delivery.PipelineSpec) error
	DeletePipeline(ctx context.Context, name string) error
	// PutRelease inserts a release, or changes Attempt and Retired of one that exists. A different digest is a conflict: a
	// release's content never changes, and the ledger itself refuses it.
	PutRelease(ctx context.Context, release delivery.Release) error
	PutPromotion(ctx context.Context, promotion delivery.Promotion) error
	// AddApproval inserts a decision; an id that exists is a conflict. Status is not stored.
	AddApproval(ctx context.Context, approval delivery.Approval) error
	// RevokeApproval records when a decision was revoked; revoking twice keeps the first moment.
	RevokeApproval(ctx context.Context, id string, at time.Time) error

	// AddTestReport inserts a report; an id that exists is a conflict.
	AddTestReport(ctx context.Context, report delivery.TestReport) error
	// WithdrawTestReport records when a report was withdrawn; doing so twice keeps the first moment.
	WithdrawTestReport(ctx context.Context, id string, at time.Time) error

	PutFreeze(ctx context.Context, spec delivery.FreezeSpec) error
	DeleteFreeze(ctx context.Context, name string) error
	PutPolicy(ctx context.Context, spec delivery.PolicySpec) error
	DeletePolicy(ctx context.Context, name string) error

	// AddOverride inserts an override; an id that exists is a conflict.
	AddOverride(ctx context.Context, override delivery.Override) error
	// RevokeOverride records when an override was revoked; doing so twice keeps the first moment.
	RevokeOverride(ctx context.Context, id string, at time.Time) error

	// AddDeployment inserts a deployment, gives it the next Seq and returns it. A second one in flight for the same
	// environment and pipeline is a conflict, held by a constraint of the database.
	AddDeployment(ctx context.Context, d delivery.Deployment) (delivery.Deployment, error)
	// PutDeployment replaces a deployment by id. Seq, Pipeline, Stage, Environment, Content, Kind, Rollout and CreatedAt never
	// change: a call that would is a conflict.
	PutDeployment(ctx context.Context, d delivery.Deployment) error

	// RequestWork records that work on a stage is asked for, in place of what was there, gives it the next number and returns it. Its holder
	// counts as alive until now+ttl.
	RequestWork(ctx context.Context, work delivery.WorkRecord, now time.Time, ttl time.Duration) (delivery.WorkRecord, error)
	// PutWork records how far work has come, and keeps its holder alive until now+ttl, unless it is finished. Work that a newer request has
	// replaced is left alone.
	PutWork(ctx context.Context, work delivery.WorkRecord, now time.Time, ttl time.Duration) error
	// CancelWork asks the process that works on a stage to stop at the next safe point: on the newest request, and on all before it.
	CancelWork(ctx context.Context, pipeline, stage string) error
	// PutRecordings records what was observed of a pipeline, each in place of what was there.
	PutRecordings(ctx context.Context, pipeline string, recordings []delivery.Recording) error

	// AppendEvents seals events as the next links of the chain, in their order, and returns them.
	AppendEvents(ctx context.Context, events ...delivery.Event) ([]delivery.Event, error)

	// AcquireLease takes the right to act on a key until now+ttl. It is a conflict while another holder's lease has not
	// lapsed (the message names the holder and until when). Taking it again as the same holder renews it. The fence grows each
	// time the holder changes. now is the caller's clock; a ledger that several machines share uses its database's clock instead.
	// No holder needs a lease for longer than ttl from now: one that lasts longer was taken before the clock was set back, and
	// is cut to that, which is kept although it is a conflict, if the transaction is. So a holder that lives renews it, and the
	// lease of one that died lapses after ttl at most.
	AcquireLease(ctx context.Context, key, holder string, now time.Time, ttl time.Duration) (Lease, error)
	// CheckLease is a conflict when the lease is no longer held with this fence: its holder must record nothing.
	CheckLease(ctx context.Context, lease Lease) error
	// ReleaseLease releases the lease; one that was lost already is left alone.
	ReleaseLease(ctx context.Context, lease Lease) error
}

// Lease is the right of one holder to act on one key.
type Lease struct {
	Key, Holder string
	Fence       int64 // 1 for the first holder of the key
	Expires     time.Time
}
