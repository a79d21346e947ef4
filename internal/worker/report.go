package worker

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// addReports records the reports that a deployment's verification wrote, as evidence about its release.
func (w *Worker) addReports(ctx context.Context, tx store.Tx, d delivery.Deployment) ([]journal.Entry, error) {
	entries := []journal.Entry{}
	for _, check := range d.Checks {
		if check.Report == nil {
			continue
		}
		release, err := tx.Release(ctx, d.Pipeline, d.Content.Version)
		if err != nil {
			return nil, err
		}
		before, err := tx.TestReports(ctx, d.Pipeline, d.Content.Version)
		if err != nil {
			return nil, err
		}
		spec := delivery.TestReportSpec{Pipeline: d.Pipeline, Version: d.Content.Version, Suite: check.Name, Stage: d.Stage, Environment: d.Environment}
		report, added := delivery.NextTestReport(before, delivery.TestReport{Spec: spec, Check: check.Name, Counts: *check.Report, Digest: check.ReportDigest,
			ReleaseDigest: release.Digest, RecordedBy: d.Actor, RecordedAt: w.now()})
		if !added {
			continue
		}
		if err := tx.AddTestReport(ctx, report); err != nil {
			return nil, err
		}
		entries = append(entries, journal.One(delivery.EventTestReportRecorded, report.ID, report)...)
	}
	return entries, nil
}
