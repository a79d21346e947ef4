package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/junit"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// TestReport returns a report. A withdrawn one is not found.
func (c *Control) TestReport(ctx context.Context, id string) (found delivery.TestReport, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		if found, err = r.TestReport(ctx, id); err != nil {
			return err
		}
		if found.WithdrawnAt != nil {
			return delivery.Errorf(delivery.CodeNotFound, "test report %q was withdrawn", id)
		}
		return nil
	})
	return found, err
}

// AddTestReport records what a JUnit report says about a release. Malformed XML is refused and records nothing. The same text
// again, while it counts, is the report that is there.
func (c *Control) AddTestReport(ctx context.Context, actor string, r delivery.TestReportRequest) (delivery.TestReport, error) {
	var recorded delivery.TestReport
	counts, err := countsOf(r)
	if err != nil {
		return recorded, err
	}
	subject := fmt.Sprintf("%s/%s/%s", r.Spec.Pipeline, r.Spec.Version, r.Spec.Suite)
	err = c.journal.Change(ctx, actor, delivery.EventTestReportRefused, subject, func(tx store.Tx) ([]journal.Entry, error) {
		w, err := c.load(ctx, tx, r.Spec.Pipeline, nil, r.Spec.Version)
		if err != nil {
			return nil, noPipeline(err)
		}
		release, err := reportable(w, r.Spec)
		if err != nil {
			return nil, err
		}
		before, err := tx.TestReports(ctx, r.Spec.Pipeline, r.Spec.Version)
		if err != nil {
			return nil, err
		}
		var added bool
		recorded, added = delivery.NextTestReport(before, delivery.TestReport{Spec: r.Spec, Counts: counts, Digest: digestOf(r.JUnit),
			ReleaseDigest: release.Digest, RecordedBy: actor, RecordedAt: c.now()})
		if !added {
			return nil, nil
		}
		return journal.One(delivery.EventTestReportRecorded, recorded.ID, recorded), tx.AddTestReport(ctx, recorded)
	})
	return recorded, err
}

// WithdrawTestReport withdraws a report: it is no longer valid. It and its withdrawal both stay in the ledger.
func (c *Control) WithdrawTestReport(ctx context.Context, actor, id string) error {
	return c.journal.Change(ctx, actor, delivery.EventTestReportRefused, id, func(tx store.Tx) ([]journal.Entry, error) {
		report, err := tx.TestReport(ctx, id)
		if err != nil {
			return nil, err
		}
		if report.WithdrawnAt != nil {
			return nil, delivery.Errorf(delivery.CodeNotFound, "test report %q was withdrawn already", id)
		}
		at := c.now()
		report.WithdrawnAt = &at
		return journal.One(delivery.EventTestReportWithdrawn, id, report), tx.WithdrawTestReport(ctx, id, at)
	})
}

// countsOf reads the report's text, and refuses what is wrong with the request at its attributes.
func countsOf(r delivery.TestReportRequest) (delivery.TestCounts, error) {
	refused := r.Spec.Validate()
	counts, err := junit.Parse([]byte(r.JUnit))
	if err != nil {
		refused = append(refused, &delivery.Error{Code: delivery.CodeInvalid, Field: "junit", Message: fmt.Sprintf("the report cannot be read: %v", err)})
	}
	return counts, refused.Err()
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// reportable checks that the report is about a release that exists, and a stage that does.
func reportable(w delivery.World, spec delivery.TestReportSpec) (delivery.Release, error) {
	if err := spec.ValidateStage(w.Pipeline).Err(); err != nil {
		return delivery.Release{}, err
	}
	release, ok := w.Releases[spec.Version]
	if !ok {
		return release, noRelease(w, spec.Version)
	}
	return release, nil
}
