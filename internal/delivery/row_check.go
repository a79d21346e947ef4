package delivery

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ReadRow is a row as it was read, with the last event about it.
type ReadRow struct {
	Table    string
	Key      string // as Row's key, joined by "/"
	Document string
	// Columns are the columns beside the document that were read.
	Columns map[string]any
	// Last is the last event about it, with its data; nil if there is none.
	Last *Event
}

// Object names the row that an event tells of, by noun and key; empty for an event that changes no row.
func (e Event) Object() string {
	if _, audited := tables[e.Kind.noun()]; !audited || effects[e.Kind] == effectNone {
		return ""
	}
	return e.Kind.noun() + "/" + e.Subject
}

// Removes reports whether there is no row of its object any longer, after the event.
func (e Event) Removes() bool { return effects[e.Kind] == effectRemoves }

// Intact reports whether the event is as it was written: its hash is that of what it says.
func (e Event) Intact() bool { return e.Hash == e.sum() }

// ColumnsOf gives the columns that stand beside a document in its table.
func ColumnsOf(document any) map[string]any {
	switch v := document.(type) {
	case EnvironmentSpec:
		return map[string]any{"name": v.Name}
	case PipelineSpec:
		return map[string]any{"name": v.Name}
	case FreezeSpec:
		return map[string]any{"name": v.Name}
	case PolicySpec:
		return map[string]any{"name": v.Name}
	case Release:
		return map[string]any{"pipeline": v.Spec.Pipeline, "version": v.Spec.Version, "digest": v.Digest}
	case Promotion:
		return map[string]any{"pipeline": v.Spec.Pipeline, "stage": v.Spec.Stage}
	case Approval:
		return record(v.ID, v.Spec.Pipeline, v.Spec.Version, "decided_at", v.DecidedAt)
	case TestReport:
		return record(v.ID, v.Spec.Pipeline, v.Spec.Version, "recorded_at", v.RecordedAt)
	case Override:
		return record(v.ID, v.Spec.Pipeline, v.Spec.Version, "created_at", v.CreatedAt)
	case Deployment:
		return deploymentColumns(v)
	}
	panic(fmt.Sprintf("delivery: there is no table of %T", document))
}

// Check says how a row is not what the last event about it says; nil when it is. want are the columns that its document gives. The message
// names what differs, and no value.
func (r ReadRow) Check(want map[string]any) error {
	row := r.named()
	switch {
	case r.Last == nil:
		return tampered("%s is in the ledger, but no event records it", row)
	case !r.Last.Intact():
		return tampered("%s, the last one about %s, was changed after it was written", r.Last, row)
	case r.Last.Removes():
		return tampered("%s is in the ledger, but %s, the last one about it, removed it", row, r.Last)
	case string(r.Last.Data) != r.Document:
		return tampered("%s is not what %s, the last one about it, says: %s", row, r.Last, differing(string(r.Last.Data), r.Document))
	}
	wrong := []string{}
	for column, value := range want {
		if fmt.Sprint(r.Columns[column]) != fmt.Sprint(value) {
			wrong = append(wrong, column)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return tampered("%s is not what %s, the last one about it, says: its %s", row, r.Last, differ(wrong, "column", "columns"))
	}
	return nil
}

// Missing says that there is no row although the last event about it says that there is; nil when that event removed it.
func (r ReadRow) Missing() error {
	if r.Last == nil || r.Last.Removes() {
		return nil
	}
	return tampered("%s is missing, but %s, the last one about it, says that it is there", r.named(), r.Last)
}

func (r ReadRow) named() string {
	if t := rowsOf(r.Table); t != nil {
		return t.named(r.Key)
	}
	return fmt.Sprintf("%q (table %s)", r.Key, r.Table)
}

// Tampered is the refusal to rely on a row, in the words that say what to do about it.
func tampered(format string, args ...any) error {
	return Errorf(CodeInternal, "the ledger was changed outside its log: %s. Nothing was done. Find out who changed it, then restore the row from its last event, or the ledger from a backup, and check the result with terraform-provider-cd ledger verify",
		fmt.Sprintf(format, args...))
}

// RolloutChanged is the refusal to rely on a row of the table of rollouts, which the starts of deployments determine.
func RolloutChanged(pipeline, stage, rollout string, missing bool) error {
	row := rollouts.named(pipeline + "/" + stage + "/" + rollout)
	if missing {
		return tampered("%s is missing, but the event of its first deployment is there", row)
	}
	return tampered("%s is not what the event of its first deployment says", row)
}

// EventChanged is the refusal to rely on an event that is not as it was written.
func EventChanged(e Event) error { return tampered("%s was changed after it was written", e) }

// maxFields is how many of the fields that differ are named.
const maxFields = 5

// differing names the fields in which two documents differ.
func differing(recorded, found string) string {
	var a, b any
	if json.Unmarshal([]byte(found), &b) != nil || json.Unmarshal([]byte(recorded), &a) != nil {
		return "it cannot be read"
	}
	fields := differences("", a, b)
	if len(fields) == 0 {
		return "it is written differently"
	}
	if len(fields) > maxFields {
		return fmt.Sprintf("%s and %d more differ", strings.Join(fields[:maxFields], ", "), len(fields)-maxFields)
	}
	return differ(fields, "", "")
}

func differ(names []string, one, many string) string {
	verb := "differ"
	if len(names) == 1 {
		verb, many = "differs", one
	}
	return strings.TrimSpace(many + " " + strings.Join(names, ", ") + " " + verb)
}

// differences lists the paths at which two JSON values differ, sorted.
func differences(path string, a, b any) []string {
	left, isObject := a.(map[string]any)
	right, areObjects := b.(map[string]any)
	if !isObject || !areObjects {
		if reflect.DeepEqual(a, b) {
			return nil
		}
		return []string{strings.TrimPrefix(path, ".")}
	}
	keys := slices.Sorted(maps.Keys(left))
	for key := range right {
		if _, both := left[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	found := []string{}
	for _, key := range keys {
		l, inLeft := left[key]
		r, inRight := right[key]
		if inLeft != inRight {
			found = append(found, strings.TrimPrefix(path+"."+key, "."))
			continue
		}
		found = append(found, differences(path+"."+key, l, r)...)
	}
	return found
}
