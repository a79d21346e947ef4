package sqlstore

import (
	"fmt"
	"strings"
)

// conditions collects what a query asks for, and its arguments in the order of their placeholders.
type conditions struct {
	terms []string
	args  []any
}

// argument adds an argument and gives its placeholder.
func (c *conditions) argument(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

// list adds arguments and gives their placeholders.
func (c *conditions) list(values ...any) string {
	placeholders := make([]string, len(values))
	for i, v := range values {
		placeholders[i] = c.argument(v)
	}
	return strings.Join(placeholders, ", ")
}

// add asks for one thing: a column and its operator, as in "seq > ".
func (c *conditions) add(comparison string, v any) {
	c.terms = append(c.terms, comparison+c.argument(v))
}

// pin asks for a text, as add does, and gives the order that goes with it: by the column, which then has one value only, and by
// the number. It does so with a range instead of an equation, because a database that knows that the column has one value also knows
// that it adds nothing to the order: it may then walk the index of all numbers, and pass by the whole history of others before it
// finds what was asked for.
func (c *conditions) pin(column, v string) (order string) {
	placeholder := c.argument(v)
	c.terms = append(c.terms, column+" >= "+placeholder+" AND "+column+" <= "+placeholder)
	return column + " DESC, t.seq DESC"
}

// addList asks for a column to be one of the values.
func (c *conditions) addList(column string, d dialect, values []string) {
	c.terms = append(c.terms, column+" IN ("+d.elements(c.argument(list(values)))+")")
}

// String gives the WHERE clause; empty when nothing is asked for.
func (c *conditions) String() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

// byRelease asks a table for what was recorded about some releases of a pipeline (all of them when no version is given), the
// oldest first by the column that holds the moment.
func (l *ledger) byRelease(of, moment, pipeline string, versions []string) (string, []any) {
	where := conditions{}
	where.add("t.pipeline = ", pipeline)
	if len(versions) == 0 {
		return rowsFrom(tableNamed(of), "t."+moment, where.String()) + ` UNION ALL ` + absentOfAll(tableNamed(of), true), where.args
	}
	where.addList("t.version", l.dialect, versions)
	return rowsFrom(tableNamed(of), "t."+moment, where.String()) + ` UNION ALL ` + l.absentAbout(of, "$2"), where.args
}

// absentAbout selects as missing what was recorded about the versions in a list of the pipeline $1: the ids of such records begin with both.
func (l *ledger) absentAbout(of, versions string) string {
	about := `'` + nouns[of] + `/' || CAST($1 AS TEXT) || '/' || wanted.element || `
	return absentFrom(`SELECT e.object FROM (` + l.dialect.elements(versions) + `) AS wanted CROSS JOIN events AS e
		WHERE e.object >= ` + about + `'/' AND e.object < ` + about + `'0'
		AND NOT EXISTS (SELECT 1 FROM ` + of + ` AS t WHERE t.id = e.subject AND t.pipeline = $1 AND t.version = wanted.element)`)
}

// namedQuery asks for the row of one name.
func namedQuery(table string) string { return keyedQuery(table, `CAST($1 AS TEXT)`, `t.name = $1`) }

// keyedQuery asks for the row of one key: the key as events name it, and the condition for a row t to have it.
func keyedQuery(of, key, has string) string {
	return rowsFrom(tableNamed(of), "0", `WHERE `+has) + ` UNION ALL ` +
		absentFrom(`SELECT '`+nouns[of]+`/' || `+key+` AS object FROM (SELECT 1 AS one) AS here WHERE NOT EXISTS (SELECT 1 FROM `+of+` AS t WHERE `+has+`)`)
}
