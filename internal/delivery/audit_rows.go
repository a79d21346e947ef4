package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// rows is one table: whose rows they are, and what tells one from another.
type rows struct {
	table, noun string
	keys        []string
	of          func(document []byte) (Row, error) // the whole row of an object
}

var (
	// tables is every table that events tell of, by the noun that their kinds begin with.
	tables = map[string]*rows{
		"environment": {"environments", "environment", []string{"name"}, columnsOf[EnvironmentSpec]("environments")},
		"pipeline":    {"pipelines", "pipeline", []string{"name"}, columnsOf[PipelineSpec]("pipelines")},
		"freeze":      {"freezes", "freeze", []string{"name"}, columnsOf[FreezeSpec]("freezes")},
		"policy":      {"policies", "policy", []string{"name"}, columnsOf[PolicySpec]("policies")},
		"release":     {"releases", "release", []string{"pipeline", "version"}, columnsOf[Release]("releases")},
		"promotion":   {"promotions", "promotion", []string{"pipeline", "stage"}, columnsOf[Promotion]("promotions")},
		"approval":    {"approvals", "approval", []string{"id"}, columnsOf[Approval]("approvals")},
		"test_report": {"test_reports", "test report", []string{"id"}, columnsOf[TestReport]("test_reports")},
		"override":    {"overrides", "override", []string{"id"}, columnsOf[Override]("overrides")},
		"deployment":  {"deployments", "deployment", []string{"id"}, columnsOf[Deployment]("deployments")},
	}

	// rollouts are told of by the deployments that they begin with.
	rollouts = &rows{table: "rollouts", noun: "rollout", keys: []string{"pipeline", "stage", "rollout"}}
)

func record(id, pipeline, version, moment string, at time.Time) map[string]any {
	return map[string]any{"id": id, "pipeline": pipeline, "version": version, moment: at.UnixMicro()}
}

func deploymentColumns(d Deployment) map[string]any {
	columns := map[string]any{"seq": d.Seq, "id": d.ID, "pipeline": d.Pipeline, "stage": d.Stage, "environment": d.Environment,
		"version": d.Content.Version, "rollout": d.Rollout, "status": string(d.Status), "verified_at": nil}
	if d.VerifiedAt != nil {
		columns["verified_at"] = d.VerifiedAt.UnixMicro()
	}
	return columns
}

// columnsOf gives the row of a document: its text as it stands, and the columns beside it.
func columnsOf[T any](table string) func([]byte) (Row, error) {
	return func(document []byte) (Row, error) {
		var v T
		if err := json.Unmarshal(document, &v); err != nil {
			return Row{}, err
		}
		row := Row{table, ColumnsOf(v)}
		row.Values["document"] = string(document)
		return row, nil
	}
}

func rowsOf(table string) *rows {
	for _, t := range tables {
		if t.table == table {
			return t
		}
	}
	if table == rollouts.table {
		return rollouts
	}
	return nil
}

// key is what tells a row from others of its table, as people write it.
func (t *rows) key(r Row) string { return t.joined(r, "/") }

// id tells a row from all others.
func (t *rows) id(r Row) string { return t.table + "\x00" + t.joined(r, "\x00") }

func (t *rows) joined(r Row, by string) string {
	parts := make([]string, len(t.keys))
	for i, column := range t.keys {
		parts[i] = fmt.Sprint(r.Values[column])
	}
	return strings.Join(parts, by)
}

func (t *rows) named(key string) string { return fmt.Sprintf("%s %q (table %s)", t.noun, key, t.table) }

// contradicts lists the columns of a row that do not say what its own document says.
func (t *rows) contradicts(r Row) []string {
	document, isText := r.Values["document"].(string)
	if t.of == nil || !isText {
		return nil
	}
	want, err := t.of([]byte(document))
	if err != nil {
		return []string{"text"}
	}
	wrong := []string{}
	for column, value := range want.Values {
		if fmt.Sprint(r.Values[column]) != fmt.Sprint(value) {
			wrong = append(wrong, column)
		}
	}
	slices.Sort(wrong)
	return wrong
}
