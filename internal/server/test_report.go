package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestReportPath is part of the inputs that name a test report.
type TestReportPath struct {
	ID string `path:"id"`
}

func (s *server) testReports() {
	answer(s, route{"test-report", "add-test-report", "Record what a JUnit report says about a release", http.MethodPost, api.PathTestReports},
		func(ctx context.Context, in *struct {
			By
			Body delivery.TestReportRequest
		}) (delivery.TestReport, error) {
			return s.engine.AddTestReport(ctx, in.Actor, in.Body)
		})

	answer(s, route{"test-report", "get-test-report", "Read what a test report says", http.MethodGet, api.PathTestReport},
		func(ctx context.Context, in *TestReportPath) (delivery.TestReport, error) {
			return s.engine.TestReport(ctx, in.ID)
		})

	act(s, route{"test-report", "withdraw-test-report", "Take a test report back; its record stays", http.MethodDelete, api.PathTestReport},
		func(ctx context.Context, in *struct {
			By
			TestReportPath
		}) error {
			return s.engine.WithdrawTestReport(ctx, in.Actor, in.ID)
		})
}
