package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var testReports = map[string]func(*testing.T, ledger){
	"are read back as they were added": func(t *testing.T, l ledger) {
		want := testReport("t1", "shop", "1.0.0", noon)
		l.write(t, addTestReports(want))
		require.Equal(t, want, read(t, l, testReportOf("t1")))
	},
	"keep times in UTC, to the microsecond": func(t *testing.T, l ledger) {
		l.write(t, addTestReports(testReport("t1", "shop", "1.0.0", late)), withdraw("t1", late))
		got := read(t, l, testReportOf("t1"))
		require.Equal(t, noon, got.RecordedAt)
		require.Equal(t, noon, *got.WithdrawnAt)
	},
	"never change": func(t *testing.T, l ledger) {
		first := testReport("t1", "shop", "1.0.0", noon)
		l.write(t, addTestReports(first))
		second := first
		second.Counts.Failures = 0
		l.refuse(t, delivery.CodeConflict, addTestReports(second), "t1")
		l.refuse(t, delivery.CodeConflict, addTestReports(testReport("t1", "api", "2.0.0", noon)), "t1")
		require.Equal(t, first, read(t, l, testReportOf("t1")))
		require.Equal(t, []delivery.TestReport{}, read(t, l, testReportsOf("api")))
	},
	"are withdrawn once, and stay": func(t *testing.T, l ledger) {
		given := testReport("t1", "shop", "1.0.0", noon)
		l.write(t, addTestReports(given))
		at := noon.Add(time.Hour)
		l.write(t, withdraw("t1", at))
		l.write(t, withdraw("t1", at.Add(time.Hour)))
		given.WithdrawnAt = &at
		require.Equal(t, given, read(t, l, testReportOf("t1")))
		require.Equal(t, []delivery.TestReport{given}, read(t, l, testReportsOf("shop", "1.0.0")))
		l.refuse(t, delivery.CodeConflict, addTestReports(testReport("t1", "shop", "1.0.0", noon)))
	},
	"are listed by release, oldest first": func(t *testing.T, l ledger) {
		newest, early, tied := testReport("a", "shop", "1.0.0", noon.Add(time.Hour)), testReport("c", "shop", "1.0.0", noon), testReport("b", "shop", "1.0.0", noon)
		other, elsewhere := testReport("d", "shop", "1.1.0", noon.Add(time.Minute)), testReport("e", "api", "1.0.0", noon)
		l.write(t, addTestReports(newest, early, tied, other, elsewhere), withdraw("c", noon))
		early.WithdrawnAt = &noon
		require.Equal(t, []delivery.TestReport{tied, early, newest}, read(t, l, testReportsOf("shop", "1.0.0")))
		require.Equal(t, []delivery.TestReport{tied, early, other, newest}, read(t, l, testReportsOf("shop", "1.1.0", "1.0.0", "9.9.9")))
		require.Equal(t, []delivery.TestReport{tied, early, other, newest}, read(t, l, testReportsOf("shop")))
		require.Equal(t, []delivery.TestReport{elsewhere}, read(t, l, testReportsOf("api")))
		require.Equal(t, elsewhere, read(t, l, testReportOf("e")))
		require.Equal(t, []delivery.TestReport{}, read(t, l, testReportsOf("shop", "9.9.9")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, testReportOf("t1"))
		l.refuse(t, delivery.CodeNotFound, withdraw("t1", noon), "t1")
		require.Equal(t, []delivery.TestReport{}, read(t, l, testReportsOf("shop")))
	},
}

var overrides = map[string]func(*testing.T, ledger){
	"are read back as they were added": func(t *testing.T, l ledger) {
		want := override("o1", "shop", "1.0.0", noon)
		l.write(t, addOverrides(want))
		require.Equal(t, want, read(t, l, overrideOf("o1")))
	},
	"keep times in UTC, to the microsecond, and the expiry as it was written": func(t *testing.T, l ledger) {
		given := override("o1", "shop", "1.0.0", late)
		l.write(t, addOverrides(given), revokeOverride("o1", late))
		got := read(t, l, overrideOf("o1"))
		require.Equal(t, noon, got.CreatedAt)
		require.Equal(t, noon, *got.RevokedAt)
		require.Equal(t, given.Spec, got.Spec)
	},
	"never change": func(t *testing.T, l ledger) {
		first := override("o1", "shop", "1.0.0", noon)
		l.write(t, addOverrides(first))
		second := first
		second.Spec.ExpiresAt = "2036-01-01T00:00:00Z"
		l.refuse(t, delivery.CodeConflict, addOverrides(second), "o1")
		l.refuse(t, delivery.CodeConflict, addOverrides(override("o1", "api", "2.0.0", noon)), "o1")
		require.Equal(t, first, read(t, l, overrideOf("o1")))
		require.Equal(t, []delivery.Override{}, read(t, l, overridesOf("api")))
	},
	"are revoked once, and stay": func(t *testing.T, l ledger) {
		given := override("o1", "shop", "1.0.0", noon)
		l.write(t, addOverrides(given))
		at := noon.Add(time.Hour)
		l.write(t, revokeOverride("o1", at))
		l.write(t, revokeOverride("o1", at.Add(time.Hour)))
		given.RevokedAt = &at
		require.Equal(t, given, read(t, l, overrideOf("o1")))
		require.Equal(t, []delivery.Override{given}, read(t, l, overridesOf("shop", "1.0.0")))
		l.refuse(t, delivery.CodeConflict, addOverrides(override("o1", "shop", "1.0.0", noon)))
	},
	"are listed by release, oldest first": func(t *testing.T, l ledger) {
		newest, early, tied := override("a", "shop", "1.0.0", noon.Add(time.Hour)), override("c", "shop", "1.0.0", noon), override("b", "shop", "1.0.0", noon)
		other, elsewhere := override("d", "shop", "1.1.0", noon.Add(time.Minute)), override("e", "api", "1.0.0", noon)
		l.write(t, addOverrides(newest, early, tied, other, elsewhere), revokeOverride("c", noon))
		early.RevokedAt = &noon
		require.Equal(t, []delivery.Override{tied, early, newest}, read(t, l, overridesOf("shop", "1.0.0")))
		require.Equal(t, []delivery.Override{tied, early, other, newest}, read(t, l, overridesOf("shop", "1.1.0", "1.0.0", "9.9.9")))
		require.Equal(t, []delivery.Override{tied, early, other, newest}, read(t, l, overridesOf("shop")))
		require.Equal(t, []delivery.Override{elsewhere}, read(t, l, overridesOf("api")))
		require.Equal(t, elsewhere, read(t, l, overrideOf("e")))
		require.Equal(t, []delivery.Override{}, read(t, l, overridesOf("shop", "9.9.9")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, overrideOf("o1"))
		l.refuse(t, delivery.CodeNotFound, revokeOverride("o1", noon), "o1")
		require.Equal(t, []delivery.Override{}, read(t, l, overridesOf("shop")))
	},
}

// late is noon, told by a clock elsewhere that knows more digits.
var late = noon.Add(789 * time.Nanosecond).In(time.FixedZone("CET", 3600))

func testReport(id, pipeline, version string, at time.Time) delivery.TestReport {
	return delivery.TestReport{
		ID:     id,
		Spec:   delivery.TestReportSpec{Pipeline: pipeline, Version: version, Suite: "unit", Stage: "development"},
		Counts: delivery.TestCounts{Tests: 412, Failures: 1, Skipped: 3, Duration: 90*time.Second + 5*time.Nanosecond},
		Digest: "sha256:04", ReleaseDigest: "sha256:01", RecordedBy: "alice@example.com", RecordedAt: at,
	}
}

func override(id, pipeline, version string, at time.Time) delivery.Override {
	return delivery.Override{
		ID: id,
		Spec: delivery.OverrideSpec{
			Pipeline: pipeline, Version: version, Stage: "production", Gates: []string{"checks.error_rate", "soak"},
			Reason: "“the shop” is down & waits", Ticket: "INC-1", ExpiresAt: "2026-11-20T15:00:00+01:00",
		},
		ReleaseDigest: "sha256:01", Actor: "alice@example.com", CreatedAt: at,
	}
}

func testReportOf(id string) question[delivery.TestReport] {
	return func(ctx context.Context, r store.Reader) (delivery.TestReport, error) { return r.TestReport(ctx, id) }
}

func testReportsOf(pipeline string, versions ...string) question[[]delivery.TestReport] {
	return func(ctx context.Context, r store.Reader) ([]delivery.TestReport, error) {
		return r.TestReports(ctx, pipeline, versions...)
	}
}

func addTestReports(all ...delivery.TestReport) change {
	return each(all, func(ctx context.Context, tx store.Tx, r delivery.TestReport) error { return tx.AddTestReport(ctx, r) })
}

func withdraw(id string, at time.Time) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.WithdrawTestReport(ctx, id, at) }
}

func overrideOf(id string) question[delivery.Override] {
	return func(ctx context.Context, r store.Reader) (delivery.Override, error) { return r.Override(ctx, id) }
}

func overridesOf(pipeline string, versions ...string) question[[]delivery.Override] {
	return func(ctx context.Context, r store.Reader) ([]delivery.Override, error) {
		return r.Overrides(ctx, pipeline, versions...)
	}
}

func addOverrides(all ...delivery.Override) change {
	return each(all, func(ctx context.Context, tx store.Tx, o delivery.Override) error { return tx.AddOverride(ctx, o) })
}

func revokeOverride(id string, at time.Time) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.RevokeOverride(ctx, id, at) }
}
