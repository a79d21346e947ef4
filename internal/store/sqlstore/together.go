package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Declared implements store.Reader.
func (r *reader) Declared(ctx context.Context, pipeline string) (store.Declared, error) {
	found := store.Declared{Promotions: []delivery.Promotion{}, Freezes: []delivery.FreezeSpec{}, Policies: []delivery.PolicySpec{}}
	pipelines := []delivery.PipelineSpec{}
	err := r.together(ctx, declaredQuery, []any{pipeline}, map[string]collector{
		"pipelines": collect(&pipelines), "promotions": collect(&found.Promotions), "freezes": collect(&found.Freezes), "policies": collect(&found.Policies),
		"events": func(_, hash string, _ []byte) error { found.Head = hash; return nil }})
	if len(pipelines) > 0 {
		found.Pipeline = &pipelines[0]
	}
	return found, err
}

const declaredQuery = `SELECT 'pipelines', name, 0, document FROM pipelines WHERE name = $1
	UNION ALL SELECT 'promotions', stage, 0, document FROM promotions WHERE pipeline = $1
	UNION ALL SELECT 'freezes', name, 0, document FROM freezes
	UNION ALL SELECT 'policies', name, 0, document FROM policies
	UNION ALL SELECT * FROM (SELECT 'events', hash, 0, '' FROM events ORDER BY seq DESC LIMIT 1) AS head`

// Evidence implements store.Reader.
func (r *reader) Evidence(ctx context.Context, pipeline string, versions ...string) (store.Evidence, error) {
	found := store.Evidence{Releases: []delivery.Release{}, Approvals: []delivery.Approval{}, TestReports: []delivery.TestReport{}, Overrides: []delivery.Override{}}
	err := r.together(ctx, r.ledger.evidenceQuery(), []any{pipeline, list(versions)}, map[string]collector{
		"releases": collect(&found.Releases), "approvals": collect(&found.Approvals), "test_reports": collect(&found.TestReports), "overrides": collect(&found.Overrides)})
	return found, err
}

func (l *ledger) evidenceQuery() string {
	parts := []string{}
	for _, from := range []struct{ table, key, moment string }{
		{"releases", "version", "0"}, {"approvals", "id", "decided_at"}, {"test_reports", "id", "recorded_at"}, {"overrides", "id", "created_at"},
	} {
		parts = append(parts, `SELECT '`+from.table+`', `+from.key+`, `+from.moment+`, document FROM `+from.table+`
			WHERE pipeline = $1 AND version IN (`+l.dialect.elements("$2")+`)`)
	}
	return strings.Join(parts, "\n\tUNION ALL ")
}

// collector takes in one document of a table.
type collector func(table, key string, text []byte) error

func collect[T any](into *[]T) collector {
	return func(table, key string, text []byte) error {
		one, err := decode[T](table, key, text)
		*into = append(*into, one)
		return err
	}
}

// together reads documents of several tables in one statement, which selects (table, key, moment, document). Each table's documents are
// collected by their moment, and then by their key. They are sorted here, because the keys of two tables may have different collations.
func (r *reader) together(ctx context.Context, query string, args []any, into map[string]collector) error {
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	type entry struct {
		table, key string
		moment     int64
		text       []byte
	}
	entries := []entry{}
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.table, &e.key, &e.moment, &e.text); err != nil {
			return r.failed(ctx, "be read", err)
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return r.failed(ctx, "be read", err)
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.moment, b.moment), cmp.Compare(a.key, b.key)) })
	for _, e := range entries {
		if err := into[e.table](e.table, e.key, e.text); err != nil {
			return err
		}
	}
	return nil
}
