// Package ledger moves, verifies and exports whole ledgers: what the command line offers beside serving Terraform. How a ledger
// is exported is in format.go; what is an unbroken ledger, delivery.Audit decides; and sqlstore reads and writes the databases.
package ledger

import (
	"context"
	"io"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// Progress is told how far a piece of work is: done of total records. It is called for every record.
type Progress func(work string, done, total int64)

// Report is what was found in a whole ledger.
type Report struct {
	Name   string // how messages call it; a URL without what is secret
	ID     string // which ledger it is; empty for an exported file without it
	Events int64
	Rows   int64
	Last   string // the hash of the newest event; empty when there is none
	Missed int64  // Copy: how many events were added to the source while it was copied, and are not in the copy
}

// Init makes the ledger at an address, or upgrades one of an older release. It tells which ledger that is, and how many events it has.
// Errors are as of sqlstore.Open.
func Init(ctx context.Context, address string) (report Report, err error) {
	if err := sqlstore.Make(ctx, address); err != nil {
		return report, err
	}
	err = withSnapshot(ctx, address, func(name string, s sqlstore.Snapshot) error {
		found, err := s.Ledger(ctx)
		report = Report{Name: name, ID: found.Newest.Ledger, Events: found.Newest.Seq, Last: found.Newest.Hash}
		return err
	})
	return report, err
}

// Verify checks a ledger in a database, as delivery.Audit does, and returns what it holds. An error is a *delivery.Error: conflict
// (the ledger is broken: it names the first broken record), not_found (there is no ledger), or as of sqlstore.Open.
func Verify(ctx context.Context, address, anchor string, progress Progress) (report Report, err error) {
	err = withSnapshot(ctx, address, func(name string, s sqlstore.Snapshot) error {
		counts, err := s.Count(ctx)
		if err != nil {
			return err
		}
		found, err := s.Ledger(ctx)
		if err != nil {
			return err
		}
		audit := delivery.NewAudit(anchor)
		report = Report{Name: name, ID: found.Newest.Ledger, Events: counts[eventsTable], Rows: sum(counts) - counts[eventsTable]}
		step := steps("verifying", sum(counts), progress)
		if err := s.Events(ctx, step.events(audit.Event)); err != nil {
			return err
		}
		if err := s.Rows(ctx, step.rows(audit.Row)); err != nil {
			return err
		}
		_, report.Last = audit.Last()
		return audit.End()
	})
	return report, err
}

// Export writes a ledger as lines of JSON; VerifyFile reads them. What it holds already is not judged.
func Export(ctx context.Context, address string, out io.Writer, progress Progress) (report Report, err error) {
	err = withSnapshot(ctx, address, func(name string, s sqlstore.Snapshot) error {
		counts, err := s.Count(ctx)
		if err != nil {
			return err
		}
		found, err := s.Ledger(ctx)
		if err != nil {
			return err
		}
		report = Report{Name: name, ID: found.Newest.Ledger, Events: counts[eventsTable], Rows: sum(counts) - counts[eventsTable]}
		to := newWriter(out)
		if err := to.header(report.ID, counts); err != nil {
			return err
		}
		step := steps("exporting", sum(counts), progress)
		err = s.Events(ctx, step.events(func(e delivery.Event) error {
			report.Last = e.Hash
			return to.event(e)
		}))
		if err != nil {
			return err
		}
		if err := s.Rows(ctx, step.rows(to.row)); err != nil {
			return err
		}
		return to.end()
	})
	return report, err
}

// IsPath reports whether the address of a ledger is the path of a file, and not the URL of a database or a misspelt one.
func IsPath(address string) bool { return sqlstore.IsPath(address) }

// withSnapshot runs f over one snapshot of a ledger that exists.
func withSnapshot(ctx context.Context, address string, f func(name string, s sqlstore.Snapshot) error) (err error) {
	existing, err := sqlstore.OpenExisting(ctx, address)
	if err != nil {
		return err
	}
	defer func() {
		if closing := existing.Close(); err == nil {
			err = closing
		}
	}()
	return existing.View(ctx, func(s sqlstore.Snapshot) error { return f(existing.Name(), s) })
}

// progressCounter reports the progress of one piece of work.
type progressCounter struct {
	work        string
	done, total int64
	progress    Progress
}

func steps(work string, total int64, progress Progress) *progressCounter {
	return &progressCounter{work: work, total: total, progress: progress}
}

func (s *progressCounter) step() {
	s.done++
	s.progress(s.work, s.done, s.total)
}

func (s *progressCounter) events(f func(delivery.Event) error) func(delivery.Event) error {
	return func(e delivery.Event) error {
		s.step()
		return f(e)
	}
}

func (s *progressCounter) rows(f func(delivery.Row) error) func(delivery.Row) error {
	return func(r delivery.Row) error {
		s.step()
		return f(r)
	}
}

func sum(counts map[string]int64) (all int64) {
	for _, n := range counts {
		all += n
	}
	return all
}
