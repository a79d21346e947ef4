package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// A row is trusted only if it matches the last event about it. Every statement that reads rows reads that event too, and what should be
// there and is not: then no caller can forget to ask, and nothing is asked twice.

// noun is what the kinds of events call the rows of each table.
var nouns = map[string]string{
	"environments": "environment", "pipelines": "pipeline", "freezes": "freeze", "policies": "policy", "releases": "release", "promotions": "promotion",
	"approvals": "approval", "test_reports": "test_report", "overrides": "override", "deployments": "deployment",
}

// absentTable stands in the place of the table for a row that should be there and is not.
const absentTable = "missing"

// separator stands between the values of columns.
const separator = "\t"

// rowsFrom selects rows of a table, named t, in the form that checkedRows reads. which is what follows in the statement. Rows are
// sorted by moment, an expression that is a number, and then by their key.
func rowsFrom(of table, moment, which string) string {
	key := of.keyOf("t")
	values := []string{}
	for _, column := range of.columns {
		if column != "document" {
			values = append(values, `COALESCE(CAST(t.`+column+` AS TEXT), '')`)
		}
	}
	return `SELECT '` + of.name + `', ` + key + `, ` + moment + `, ` + strings.Join(values, ` || '`+separator+`' || `) + `, t.document, ` +
		lastEvent(`'`+nouns[of.name]+`/' || `+key, `t.document`) + ` FROM ` + of.name + ` AS t ` + which
}

// absentFrom selects the objects of another query, which has a column object, as rows that are missing.
func absentFrom(objects string) string {
	return `SELECT '` + absentTable + `', known.object, 0, '', '', ` + lastEvent(`known.object`, `''`) + ` FROM (` + objects + `) AS known`
}

// absentNamed selects as missing those of some keys, given by a query with a column element, that have no row. has is the condition for a
// row t to have the key of an element.
func absentNamed(of table, prefix, elements, has string) string {
	return absentFrom(`SELECT '` + nouns[of.name] + `/' || ` + prefix + `wanted.element AS object FROM (` + elements + `) AS wanted
		WHERE NOT EXISTS (SELECT 1 FROM ` + of.name + ` AS t WHERE ` + has + `)`)
}

// absentOfAll selects as missing those of all objects of a table, or of those of the pipeline $1, that have no row. It jumps along the index
// from one object to the next, however many events there are about each.
func absentOfAll(of table, ofPipeline bool) string {
	begins, own, key := nouns[of.name], "", of.columns[0]
	low, high := `'`+begins+`/'`, `'`+begins+`0'`
	name := fmt.Sprintf(`substr(ever.object, %d)`, len(begins)+2)
	if ofPipeline {
		low, high = `'`+begins+`/' || CAST($1 AS TEXT) || '/'`, `'`+begins+`/' || CAST($1 AS TEXT) || '0'`
		own = `t.pipeline = $1 AND `
	}
	if of.keys == 2 {
		key, name = of.columns[1], fmt.Sprintf(`substr(ever.object, %d + length(CAST($1 AS TEXT)))`, len(begins)+3)
	}
	return absentFrom(`SELECT object FROM (WITH RECURSIVE jump (object) AS (
			SELECT (SELECT MIN(e.object) FROM events e WHERE e.object >= ` + low + ` AND e.object < ` + high + `)
			UNION ALL
			SELECT (SELECT MIN(e.object) FROM events e WHERE e.object > jump.object AND e.object < ` + high + `) FROM jump WHERE jump.object IS NOT NULL
		) SELECT object FROM jump WHERE object IS NOT NULL) AS ever
		WHERE NOT EXISTS (SELECT 1 FROM ` + of.name + ` AS t WHERE ` + own + `t.` + key + ` = ` + name + `)`)
}

// lastEvent is an expression for the last event about an object, in one text; NULL when there is none. The object is pinned as
// conditions.pin does it, and for its reason.
func lastEvent(object, document string) string {
	return `(SELECT CASE WHEN e.data = ` + document + ` THEN '=' ELSE '' END || '` + separator + `' || e.seq || '` + separator + `' || e.at || '` + separator + `' || e.kind || '` +
		separator + `' || e.previous || '` + separator + `' || e.hash || '` + separator + `' || e.actor
		FROM events e WHERE e.object >= ` + object + ` AND e.object <= ` + object + ` ORDER BY e.object DESC, e.seq DESC LIMIT 1)`
}

// keyOf is the expression for a row's key, as events name it.
func (t table) keyOf(alias string) string {
	keys := make([]string, t.keys)
	for i := range keys {
		keys[i] = alias + "." + t.columns[i]
	}
	if t.name == "deployments" {
		return alias + ".id"
	}
	return strings.Join(keys, ` || '/' || `)
}

// tableNamed finds a table by its name.
func tableNamed(name string) table {
	i := slices.IndexFunc(snapshotTables, func(t table) bool { return t.name == name })
	return snapshotTables[i]
}

// checkedRow is a row as checkedRows read it.
type checkedRow struct {
	table, key string
	moment     int64
	columns    string
	document   []byte
	last       *string
}

// checkedRows reads rows, which the query selects as rowsFrom and absentFrom do, sorted by their moment and then by their key. They are
// sorted here, because the keys of two tables may have different collations.
func (r *reader) checkedRows(ctx context.Context, query string, args ...any) ([]checkedRow, error) {
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	list := []checkedRow{}
	for rows.Next() {
		var row checkedRow
		if err := rows.Scan(&row.table, &row.key, &row.moment, &row.columns, &row.document, &row.last); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	rows.Close() // what follows may ask for more
	slices.SortFunc(list, func(a, b checkedRow) int { return cmp.Or(cmp.Compare(a.moment, b.moment), cmp.Compare(a.key, b.key)) })
	kept := list[:0]
	for _, row := range list {
		if row.table == absentTable {
			if err := r.checkAbsent(row); err != nil {
				return nil, err
			}
			continue
		}
		kept = append(kept, row)
	}
	return kept, nil
}

// checkAbsent refuses to go on without a row that should be there.
func (r *reader) checkAbsent(row checkedRow) error {
	noun, key, _ := strings.Cut(row.key, "/")
	if r.unchecked() || r.changes.written(row.key) {
		return nil
	}
	for table, of := range nouns {
		if of == noun {
			last, _ := row.lastEvent(key)
			return delivery.ReadRow{Table: table, Key: key, Last: last}.Missing()
		}
	}
	return nil
}

// unchecked is true for a ledger whose rows are read as they are.
func (r *reader) unchecked() bool { return r.ledger.trusting }

// decodeChecked reads a row's document, once the row was found to match the last event about it.
func decodeChecked[T any](ctx context.Context, r *reader, row checkedRow) (T, error) {
	v, err := decode[T](row.table, row.key, row.document)
	if err != nil || r.unchecked() {
		return v, err
	}
	object := nouns[row.table] + "/" + row.key
	if r.changes.written(object) {
		return v, nil
	}
	last, same := row.lastEvent(row.key)
	if same {
		last.Data = row.document
	} else if last != nil {
		if last.Data, err = r.eventData(ctx, last.Seq); err != nil {
			return v, err
		}
	}
	columns, values := map[string]any{}, strings.Split(row.columns, separator)
	for _, column := range tableNamed(row.table).columns {
		if column != "document" && len(values) > 0 {
			columns[column], values = values[0], values[1:]
		}
	}
	want := delivery.ColumnsOf(any(v))
	for column, value := range want {
		if value == nil {
			want[column] = ""
		}
	}
	return v, delivery.ReadRow{Table: row.table, Key: row.key, Document: string(row.document), Columns: columns, Last: last}.Check(want)
}

// eventData reads what an event says.
func (r *reader) eventData(ctx context.Context, seq int64) (json.RawMessage, error) {
	var data string
	_, err := r.value(ctx, []any{&data}, `SELECT data FROM events WHERE seq = $1`, seq)
	return rawData(data), err
}

// lastEvent is the last event about the row, except for its data; nil when there is none. same reports whether its data is the row's document.
func (row checkedRow) lastEvent(key string) (last *delivery.Event, same bool) {
	if row.last == nil {
		return nil, false
	}
	parts := strings.SplitN(*row.last, separator, 7)
	for len(parts) < 7 {
		parts = append(parts, "")
	}
	seq, _ := strconv.ParseInt(parts[1], 10, 64)
	at, _ := strconv.ParseInt(parts[2], 10, 64)
	return &delivery.Event{Seq: seq, At: time.UnixMicro(at).UTC(), Kind: delivery.EventKind(parts[3]), Previous: parts[4], Hash: parts[5], Actor: parts[6], Subject: key}, parts[0] == "="
}

// changes are the rows that a transaction has written, and the events it has appended about them, by the events' name of the object.
type rowChanges map[string]*rowChange

type rowChange struct {
	row, event  string // "" means that there is none
	wrote, told bool
}

// written reports whether the transaction has written the row itself: then its event may come later.
func (c rowChanges) written(object string) bool {
	one, ok := c[object]
	return ok && one.wrote
}

func (c rowChanges) of(object string) *rowChange {
	if c[object] == nil {
		c[object] = &rowChange{}
	}
	return c[object]
}

// wrote notes that the transaction wrote a row; an empty document removes it.
func (w *writer) wrote(table, key, document string) {
	if w.changes == nil {
		w.changes = rowChanges{}
	}
	one := w.changes.of(nouns[table] + "/" + key)
	one.row, one.wrote = document, true
}

// told notes that the transaction appended an event.
func (w *writer) told(e delivery.Event) {
	object := e.Object()
	if object == "" {
		return
	}
	if w.changes == nil {
		w.changes = rowChanges{}
	}
	one := w.changes.of(object)
	one.event, one.told = string(e.Data), true
	if e.Removes() {
		one.event = ""
	}
}

// complete refuses to commit a row without the event that determines it, or an event about a row that was not written: nobody could tell it
// from a row that was changed outside the log. That would be a defect.
func (w *writer) complete() error {
	if w.unchecked() {
		return nil
	}
	for object, one := range w.changes {
		if !one.wrote || !one.told || one.row != one.event {
			return delivery.Errorf(delivery.CodeInternal, "the ledger cannot record %q: its row and the event about it do not agree. Nothing was recorded. This is a defect; please report it", object)
		}
	}
	return nil
}
