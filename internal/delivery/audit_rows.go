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
		"environment": declaration("environments", "environment", func(s EnvironmentSpec) string { return s.Name }),
		"pipeline":    declaration("pipelines", "pipeline", func(s PipelineSpec) string { return s.Name }),
		"freeze":      declaration("freezes", "freeze", func(s FreezeSpec) string { return s.Name }),
		"policy":      declaration("policies", "policy", func(s PolicySpec) string { return s.Name }),
		"release": {"releases", "release", []string{"pipeline", "version"},
			columnsOf("releases", func(r Release) map[string]any {
				return map[string]any{"pipeline": r.Spec.Pipeline, "version": r.Spec.Version, "digest": r.Digest}
			})},
		"promotion": {"promotions", "promotion", []string{"pipeline", "stage"},
			columnsOf("promotions", func(p Promotion) map[string]any {
				return map[string]any{"pipeline": p.Spec.Pipeline, "stage": p.Spec.Stage}
			})},
		"approval": {"approvals", "approval", []string{"id"},
			columnsOf("approvals", func(a Approval) map[string]any {
				return record(a.ID, a.Spec.Pipeline, a.Spec.Version, "decided_at", a.DecidedAt)
			})},
		"test_report": {"test_reports", "test report", []string{"id"},
			columnsOf("test_reports", func(r TestReport) map[string]any {
				return record(r.ID, r.Spec.Pipeline, r.Spec.Version, "recorded_at", r.RecordedAt)
			})},
		"override": {"overrides", "override", []string{"id"},
			columnsOf("overrides", func(o Override) map[string]any {
				return record(o.ID, o.Spec.Pipeline, o.Spec.Version, "created_at", o.CreatedAt)
			})},
		"deployment": {"deployments", "deployment", []string{"id"},
			columnsOf("deployments", deploymentColumns)},
	}

	// rollouts are told of by the deployments that they begin with.
	rollouts = &rows{table: "rollouts", noun: "rollout", keys: []string{"pipeline", "stage", "rollout"}}
)

func declaration[T any](table, noun string, name func(T) string) *rows {
	return &rows{table, noun, []string{"name"}, columnsOf(table, func(v T) map[string]any { return map[string]any{"name": name(v)} })}
}

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
func columnsOf[T any](table string, columns func(T) map[string]any) func([]byte) (Row, error) {
	return func(document []byte) (Row, error) {
		var v T
		if err := json.Unmarshal(document, &v); err != nil {
			return Row{}, err
		}
		row := Row{table, columns(v)}
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
