package ledger

import (
	"context"
	"crypto/sha256"
	"hash"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// Copy copies everything in a ledger, except leases, into an empty one, in one transaction of the target: the chain of
// the source is verified before anything is written, and what the target then has, before it is kept. After an error the target
// is as empty as it was. An error is a *delivery.Error: conflict (the source is broken, or the target not empty), not_found
// (there is no source), or as of sqlstore.Open. The source may be in use: what it held at one moment is copied. The copy has the id of the
// source, and both go on: Move leaves one.
func Copy(ctx context.Context, from, to string, progress Progress) (Report, error) {
	return transfer(ctx, from, to, progress)
}

// transfer copies a ledger, and appends events of its own to the copy.
func transfer(ctx context.Context, from, to string, progress Progress, appended ...delivery.Event) (report Report, err error) {
	err = withSnapshot(ctx, from, func(name string, source sqlstore.Snapshot) error {
		found, err := source.Ledger(ctx)
		if err != nil {
			return err
		}
		if found.Moved != nil && len(appended) == 0 {
			return delivery.Errorf(delivery.CodeConflict, "the ledger %s was moved to %s; copy that one", name, found.Moved.To)
		}
		counts, err := source.Count(ctx)
		if err != nil {
			return err
		}
		audit := delivery.NewAudit("")
		checking := steps("verifying the source", counts[eventsTable], progress)
		if err := source.Events(ctx, checking.events(audit.Link)); err != nil {
			return err
		}
		_, last := audit.Last()
		report = Report{Name: name, ID: found.Newest.Ledger, Events: counts[eventsTable], Rows: sum(counts) - counts[eventsTable], Last: last}
		return sqlstore.Fill(ctx, to, func(target *sqlstore.Filling) error {
			if err := target.Identity(ctx, report.ID); err != nil {
				return err
			}
			if err := fill(ctx, source, target, sum(counts), progress); err != nil {
				return err
			}
			return target.Append(ctx, appended...)
		})
	})
	if err != nil {
		return report, err
	}
	err = withSnapshot(ctx, from, func(_ string, source sqlstore.Snapshot) error {
		counts, err := source.Count(ctx)
		report.Missed = counts[eventsTable] - report.Events
		return err
	})
	return report, err
}

// fill copies, and compares what the target's database says with what it was given.
func fill(ctx context.Context, source sqlstore.Snapshot, target *sqlstore.Filling, total int64, progress Progress) error {
	given, written := newFingerprint(), newFingerprint()
	copying := steps("copying", total, progress)
	err := source.Events(ctx, copying.events(func(e delivery.Event) error {
		if err := given.to.event(e); err != nil {
			return err
		}
		return target.Event(ctx, e)
	}))
	if err != nil {
		return err
	}
	err = source.Rows(ctx, copying.rows(func(r delivery.Row) error {
		if err := given.to.row(r); err != nil {
			return err
		}
		return target.Row(ctx, r)
	}))
	if err != nil {
		return err
	}
	held, err := target.Written(ctx)
	if err != nil {
		return err
	}
	audit, checking := delivery.NewAudit(""), steps("verifying the copy", total, progress)
	err = held.Events(ctx, checking.events(func(e delivery.Event) error {
		if err := written.to.event(e); err != nil {
			return err
		}
		return audit.Link(e)
	}))
	if err != nil {
		return err
	}
	if err := held.Rows(ctx, checking.rows(written.to.row)); err != nil {
		return err
	}
	return given.same(written)
}

// fingerprint hashes a ledger as it would be exported.
type fingerprint struct {
	to  writer
	sum hash.Hash
}

func newFingerprint() fingerprint {
	h := sha256.New()
	return fingerprint{newWriter(h), h}
}

func (f fingerprint) same(other fingerprint) error {
	for _, one := range []fingerprint{f, other} {
		if err := one.to.end(); err != nil {
			return err
		}
	}
	if string(f.sum.Sum(nil)) != string(other.sum.Sum(nil)) {
		return delivery.Errorf(delivery.CodeInternal, "the target's database does not give back what was written into it, so nothing was kept")
	}
	return nil
}
