package sqlstore

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// History only grows, so whatever is asked while deciding must find its rows by index.
func TestNoQuestionReadsTheWholeHistory(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	type question struct {
		query string
		args  []any
	}
	of := func(filter store.DeploymentFilter) question {
		query, args := deploymentsQuery(filter)
		return question{query, args}
	}
	recorded := func(table, moment string, versions ...string) question {
		query, args := l.byRelease(table, moment, "shop", versions)
		return question{query, args}
	}
	rolloutsOfTwo, rolloutsOfTwoArgs := rolloutsQuery("shop", []string{"staging", "production"}, storedAt)
	for name, one := range map[string]struct {
		question
		// by lists the ways in which the history may be searched, and nothing else.
		by []string
	}{
		"relevant":                  {question{l.decisionHistoryQuery(), []any{"shop", list([]string{"1.0.0", "1.1.0"})}}, relevantBy},
		"relevant without versions": {question{l.decisionHistoryQuery(), []any{"shop", list(nil)}}, relevantBy},
		"of a pipeline":             {of(store.DeploymentFilter{Pipeline: "shop"}), []string{"deployments_by_pipeline (pipeline=?)"}},
		"newest of a pipeline":      {of(store.DeploymentFilter{Pipeline: "shop", Newest: 10}), []string{"deployments_by_pipeline (pipeline>? AND pipeline<?)"}},
		"newest of a place":         {of(store.DeploymentFilter{Pipeline: "shop", Environment: "eu", Newest: 1}), []string{"deployments_by_place (pipeline=? AND environment>? AND environment<?)"}},
		"of a version":              {of(store.DeploymentFilter{Pipeline: "shop", Version: "1.0.0", Newest: 10}), []string{"deployments_by_version (pipeline=? AND version>? AND version<?)"}},
		"verified of a place":       {of(store.DeploymentFilter{Pipeline: "shop", Environment: "eu", Status: delivery.Verified}), []string{"deployments_verified (pipeline=? AND environment=?)"}},
		"rollouts":                  {question{rolloutsOfTwo, rolloutsOfTwoArgs}, []string{"rollouts_by_start (pipeline=? AND stage=? AND started_at>?)"}},
		"replicas":                  {question{replicasQuery, []any{"eu"}}, []string{"environments_by_source (replica_of=?)"}},
		"reports on releases":       {recorded("test_reports", "recorded_at", "1.0.0", "1.1.0"), []string{"test_reports_by_release (pipeline=? AND version=?)"}},
		"reports of a pipeline":     {recorded("test_reports", "recorded_at"), []string{"test_reports_by_release (pipeline=?)"}},
		"overrides for releases":    {recorded("overrides", "created_at", "1.0.0", "1.1.0"), []string{"overrides_by_release (pipeline=? AND version=?)"}},
		"overrides of a pipeline":   {recorded("overrides", "created_at"), []string{"overrides_by_release (pipeline=?)"}},
		"evidence about releases": {question{l.evidenceQuery(), []any{"shop", list([]string{"1.0.0", "1.1.0"})}}, []string{"sqlite_autoindex_releases_1 (pipeline=? AND version=?)",
			"approvals_by_release (pipeline=? AND version=?)", "test_reports_by_release (pipeline=? AND version=?)", "overrides_by_release (pipeline=? AND version=?)"}},
		"approvals of releases": {recorded("approvals", "decided_at", "1.0.0", "1.1.0"), []string{"approvals_by_release (pipeline=? AND version=?)"}},
	} {
		plan := explain(t, l, one.query, one.args...)
		require.NotEmpty(t, plan, name)
		for _, line := range plan {
			words := strings.Fields(line)
			switch words[0] {
			case "SCAN":
				require.Contains(t, []string{"place", "newest", "wanted", "of_stage", "json_each", "CONSTANT", "known", "ever", "jump", "site", "here", "version", "found", "named"}, words[1], "%s:\n%s", name, strings.Join(plan, "\n"))
			case "SEARCH":
				_, way, _ := strings.Cut(line, " USING ")
				way = strings.TrimPrefix(strings.TrimPrefix(way, "COVERING "), "INDEX ")
				require.Contains(t, append(slices.Clone(eventsBy), one.by...), way, "%s:\n%s", name, strings.Join(plan, "\n"))
			case "USE":
				require.NotContains(t, name, "newest", "sorted by hand, so everything is read:\n%s", strings.Join(plan, "\n"))
			}
		}
	}
}

// eventsBy lists the ways in which the log is searched for what should be there.
var eventsBy = []string{
	"events_by_object (object>? AND object<?)", "events_by_object (object=?)", "events_by_place (place>? AND place<?)", "events_by_content (brings=?)",
	"events_by_lane (lane=? AND at>?)", "sqlite_autoindex_approvals_1 (id=?)", "sqlite_autoindex_test_reports_1 (id=?)",
	"sqlite_autoindex_overrides_1 (id=?)", "sqlite_autoindex_deployments_1 (id=?)", "events_by_source (replica_of=?)",
	"INTEGER PRIMARY KEY (rowid=?)", "rollouts_by_name (pipeline=? AND stage=? AND rollout=?)",
}

var relevantBy = []string{
	"INTEGER PRIMARY KEY (rowid=?)",
	"deployments_by_place (pipeline=?)", // for the first environment's name alone: the least one, at the index's head
	"deployments_by_place (pipeline=? AND environment>?)",
	"deployments_by_place (pipeline=? AND environment>? AND environment<?)",
	"deployments_verified (pipeline=? AND environment>? AND environment<?)",
	"deployments_ever_verified (pipeline=? AND environment>? AND environment<?)",
	"deployments_by_rollout (rollout=? AND pipeline=?)",
	"deployments_by_version (pipeline=? AND version=?)",
}

// explain gives SQLite's plan for a query, a step a line.
func explain(t *testing.T, l *ledger, query string, args ...any) []string {
	t.Helper()
	rows, err := l.read.Query(`EXPLAIN QUERY PLAN `+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	plan := []string{}
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	require.NoError(t, rows.Err())
	return plan
}
