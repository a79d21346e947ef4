package sqlstore

import (
	"context"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Declared implements store.Reader.
func (r *reader) Declared(ctx context.Context, pipeline string) (store.Declared, error) {
	found := store.Declared{Promotions: []delivery.Promotion{}, Freezes: []delivery.FreezeSpec{}, Policies: []delivery.PolicySpec{}}
	pipelines := []delivery.PipelineSpec{}
	err := r.together(ctx, declaredQuery, []any{pipeline}, map[string]collector{
		"pipelines": collect(&pipelines), "promotions": collect(&found.Promotions), "freezes": collect(&found.Freezes), "policies": collect(&found.Policies)})
	if err != nil {
		return found, err
	}
	if len(pipelines) > 0 {
		found.Pipeline = &pipelines[0]
	}
	found.Head, err = r.Head(ctx)
	return found, err
}

var declaredQuery = strings.Join([]string{pipelineQuery, promotionsQuery, freezesQuery, policiesQuery}, "\n\tUNION ALL ")

// Evidence implements store.Reader.
func (r *reader) Evidence(ctx context.Context, pipeline string, versions ...string) (store.Evidence, error) {
	found := store.Evidence{Releases: []delivery.Release{}, Approvals: []delivery.Approval{}, TestReports: []delivery.TestReport{}, Overrides: []delivery.Override{}}
	err := r.together(ctx, r.ledger.evidenceQuery(), []any{pipeline, list(versions)}, map[string]collector{
		"releases": collect(&found.Releases), "approvals": collect(&found.Approvals), "test_reports": collect(&found.TestReports), "overrides": collect(&found.Overrides)})
	return found, err
}

func (l *ledger) evidenceQuery() string {
	parts := []string{l.releasesOfQuery()}
	for _, from := range []struct{ table, moment string }{{"approvals", "t.decided_at"}, {"test_reports", "t.recorded_at"}, {"overrides", "t.created_at"}} {
		parts = append(parts, rowsFrom(tableNamed(from.table), from.moment, `WHERE t.pipeline = $1 AND t.version IN (`+l.dialect.elements("$2")+`)`),
			l.absentAbout(from.table, "$2"))
	}
	return strings.Join(parts, "\n\tUNION ALL ")
}

// collector takes in one row of a table.
type collector func(ctx context.Context, r *reader, row checkedRow) error

func collect[T any](into *[]T) collector {
	return func(ctx context.Context, r *reader, row checkedRow) error {
		one, err := decodeChecked[T](ctx, r, row)
		*into = append(*into, one)
		return err
	}
}

// together reads documents of several tables in one statement. Each table's documents are collected by their moment, and then by their key.
func (r *reader) together(ctx context.Context, query string, args []any, into map[string]collector) error {
	rows, err := r.checkedRows(ctx, query, args...)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := into[row.table](ctx, r, row); err != nil {
			return err
		}
	}
	return nil
}
