package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var testReportQuery = keyedQuery("test_reports", `CAST($1 AS TEXT)`, `t.id = $1`)

// TestReport implements store.Reader.
func (r *reader) TestReport(ctx context.Context, id string) (delivery.TestReport, error) {
	return document[delivery.TestReport](ctx, r, fmt.Sprintf("test report %q", id), testReportQuery, id)
}

// TestReports implements store.Reader.
func (r *reader) TestReports(ctx context.Context, pipeline string, versions ...string) ([]delivery.TestReport, error) {
	query, args := r.ledger.byRelease("test_reports", "recorded_at", pipeline, versions)
	return documents[delivery.TestReport](ctx, r, query, args...)
}

// AddTestReport implements store.Tx.
func (w *writer) AddTestReport(ctx context.Context, report delivery.TestReport) error {
	report.RecordedAt, report.WithdrawnAt = moment(report.RecordedAt), momentOf(report.WithdrawnAt)
	text, err := encode(report)
	if err != nil {
		return err
	}
	n, err := w.exec(ctx, `INSERT INTO test_reports (id, pipeline, version, recorded_at, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO NOTHING`,
		report.ID, report.Spec.Pipeline, report.Spec.Version, report.RecordedAt.UnixMicro(), text)
	if err == nil && n == 0 {
		return delivery.Errorf(delivery.CodeConflict, "test report %q is recorded already, and evidence never changes", report.ID)
	}
	w.wrote("test_reports", report.ID, text)
	return err
}

// WithdrawTestReport implements store.Tx.
func (w *writer) WithdrawTestReport(ctx context.Context, id string, at time.Time) error {
	report, err := w.TestReport(ctx, id)
	if err != nil || report.WithdrawnAt != nil {
		return err
	}
	report.WithdrawnAt = momentOf(&at)
	text, err := encode(report)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE test_reports SET document = $2 WHERE id = $1`, id, text)
	w.wrote("test_reports", id, text)
	return err
}
