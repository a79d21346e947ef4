package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/junit"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// TestReport returns a report. A withdrawn one is not found.
func (e *Engine) TestReport(ctx context.Context, id string) (found delivery.TestReport, err error) {
	err = e.o.Store.View(ctx, func(r store.Reader) error {
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
func (e *Engine) AddTestReport(ctx context.Context, actor string, r delivery.TestReportRequest) (delivery.TestReport, error) {
	var recorded delivery.TestReport
	counts, err := countsOf(r)
	if err != nil {
		return recorded, err
	}
	subject := fmt.Sprintf("%s/%s/%s", r.Spec.Pipeline, r.Spec.Version, r.Spec.Suite)
	err = e.change(ctx, actor, "test_report", subject, func(tx store.Tx) ([]eventRecord, error) {
		w, err := e.world(ctx, tx, r.Spec.Pipeline, nil, r.Spec.Version)
		if err != nil {
			return nil, noPipeline(err)
		}
		release, err := reportable(w, r.Spec)
		if err != nil {
			return nil, err
		}
		var added bool
		if recorded, added, err = e.addReport(ctx, tx, actor, release, r.Spec, counts, digestOf(r.JUnit)); err != nil || !added {
			return nil, err
		}
		return []eventRecord{{"test_report.recorded", recorded.ID, recorded}}, nil
	})
	return recorded, err
}

// addReport adds a report, unless the newest one of the same suite that counts has the same text.
func (e *Engine) addReport(ctx context.Context, tx store.Tx, actor string, release delivery.Release, spec delivery.TestReportSpec, counts delivery.TestCounts, digest string) (report delivery.TestReport, added bool, err error) {
	before, err := tx.TestReports(ctx, spec.Pipeline, spec.Version)
	if err != nil {
		return report, false, err
	}
	number := 1
	for _, r := range before {
		if r.Spec.Suite != spec.Suite {
			continue
		}
		number++
		if r.WithdrawnAt == nil && (report.ID == "" || r.Number > report.Number) {
			report = r
		}
	}
	if report.ID != "" && report.Digest == digest && report.Spec == spec && report.ReleaseDigest == release.Digest {
		return report, false, nil
	}
	report = delivery.TestReport{ID: fmt.Sprintf("%s/%s/%s/%d", spec.Pipeline, spec.Version, spec.Suite, number), Spec: spec, Number: number, Counts: counts,
		Digest: digest, ReleaseDigest: release.Digest, RecordedBy: actor, RecordedAt: e.now()}
	return report, true, tx.AddTestReport(ctx, report)
}

// addReports records the reports that a deployment's verification wrote, as evidence about its release.
func (e *Engine) addReports(ctx context.Context, tx store.Tx, d delivery.Deployment) ([]eventRecord, error) {
	events := []eventRecord{}
	for _, check := range d.Checks {
		if check.Report == nil {
			continue
		}
		release, err := tx.Release(ctx, d.Pipeline, d.Content.Version)
		if err != nil {
			return nil, err
		}
		spec := delivery.TestReportSpec{Pipeline: d.Pipeline, Version: d.Content.Version, Suite: check.Name, Stage: d.Stage}
		report, added, err := e.addReport(ctx, tx, d.Actor, release, spec, *check.Report, check.ReportDigest)
		if err != nil {
			return nil, err
		}
		if added {
			events = append(events, eventRecord{"test_report.recorded", report.ID, report})
		}
	}
	return events, nil
}

// WithdrawTestReport takes a report back: it counts no more. It and its withdrawal both stay in the ledger.
func (e *Engine) WithdrawTestReport(ctx context.Context, actor, id string) error {
	return e.change(ctx, actor, "test_report", id, func(tx store.Tx) ([]eventRecord, error) {
		report, err := tx.TestReport(ctx, id)
		if err != nil {
			return nil, err
		}
		if report.WithdrawnAt != nil {
			return nil, delivery.Errorf(delivery.CodeNotFound, "test report %q was withdrawn already", id)
		}
		at := e.now()
		report.WithdrawnAt = &at
		return []eventRecord{{"test_report.withdrawn", id, report}}, tx.WithdrawTestReport(ctx, id, at)
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
