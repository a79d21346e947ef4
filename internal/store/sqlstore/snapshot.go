package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// table is what the ledger holds now of one kind: its columns, the first of which tell one row from another.
type table struct {
	name    string
	keys    int
	columns []string
}

// events is the log. Its rows are read and written as delivery.Event.
var events = table{"events", 1, []string{"seq", "at", "actor", "kind", "subject", "data", "previous", "hash"}}

// snapshotTables are all other tables, in the order in which they are read and written, except for what processes do and see
// (leases, work, observations): it means something only in the database in which it was written.
var snapshotTables = []table{
	{"environments", 1, []string{"name", "document"}},
	{"pipelines", 1, []string{"name", "document"}},
	{"freezes", 1, []string{"name", "document"}},
	{"policies", 1, []string{"name", "document"}},
	{"releases", 2, []string{"pipeline", "version", "digest", "document"}},
	{"promotions", 2, []string{"pipeline", "stage", "document"}},
	{"approvals", 1, []string{"id", "pipeline", "version", "decided_at", "document"}},
	{"test_reports", 1, []string{"id", "pipeline", "version", "recorded_at", "document"}},
	{"overrides", 1, []string{"id", "pipeline", "version", "created_at", "document"}},
	{"deployments", 1, []string{"seq", "id", "pipeline", "stage", "environment", "version", "rollout", "status", "verified_at", "document"}},
	{"rollouts", 3, []string{"pipeline", "stage", "seq", "rollout", "started_at"}},
}

// pageSize is how many rows are read at once.
const pageSize = 500

// Snapshot reads all that a ledger holds at one moment, in little memory however much that is.
type Snapshot struct{ r *reader }

// Count counts the rows of each table, the log included, by the tables' names.
func (s Snapshot) Count(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, t := range append([]table{events}, snapshotTables...) {
		var n int64
		if _, err := s.r.value(ctx, []any{&n}, `SELECT COUNT(*) FROM `+t.name); err != nil {
			return nil, err
		}
		counts[t.name] = n
	}
	return counts, nil
}

// Ledger tells which ledger it is.
func (s Snapshot) Ledger(ctx context.Context) (delivery.Ledger, error) { return s.r.endsAsTheyAre(ctx) }

// Events hands over every event, in order. An error of visit ends it and is returned.
func (s Snapshot) Events(ctx context.Context, visit func(delivery.Event) error) error {
	for after := int64(-1 << 62); ; {
		page, err := s.r.Events(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := visit(e); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Seq
	}
}

// Rows hands over every row of what the ledger holds now, table by table, each in the order of its key.
func (s Snapshot) Rows(ctx context.Context, visit func(delivery.Row) error) error {
	for _, t := range snapshotTables {
		for key := []any(nil); ; {
			last, n, err := s.page(ctx, t, key, visit)
			if err != nil {
				return err
			}
			if n < pageSize {
				break
			}
			key = last
		}
	}
	return nil
}

// page passes on the rows after a key and returns the last one's key and how many there were.
func (s Snapshot) page(ctx context.Context, t table, after []any, visit func(delivery.Row) error) (last []any, n int, err error) {
	query, args := t.pageQuery(after)
	rows, err := s.r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, 0, s.r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	for rows.Next() {
		values, into := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, 0, s.r.failed(ctx, "be read", err)
		}
		row := delivery.Row{Table: t.name, Values: map[string]any{}}
		for i, column := range t.columns {
			if text, ok := values[i].([]byte); ok {
				values[i] = string(text)
			}
			row.Values[column] = values[i]
		}
		if err := visit(row); err != nil {
			return nil, 0, err
		}
		last, n = values[:t.keys], n+1
	}
	return last, n, s.r.failed(ctx, "be read", rows.Err())
}

func (t table) pageQuery(after []any) (string, []any) {
	key := strings.Join(t.columns[:t.keys], ", ")
	where := conditions{}
	query := `SELECT ` + strings.Join(t.columns, ", ") + ` FROM ` + t.name
	if after != nil {
		places := make([]string, len(after))
		for i, v := range after {
			places[i] = where.argument(v)
		}
		query += ` WHERE (` + key + `) > (` + strings.Join(places, ", ") + `)`
	}
	return query + ` ORDER BY ` + key + ` LIMIT ` + where.argument(pageSize), where.args
}

// Existing is a ledger that is looked at as it is: opening it makes and changes nothing.
type Existing struct{ ledger *ledger }

// OpenExisting opens a ledger to be looked at. An error is a *delivery.Error: not_found (there is none), invalid (the address
// cannot be a ledger, or another release wrote it), or as of Open.
func OpenExisting(ctx context.Context, address string) (*Existing, error) {
	d, name, err := dialectOf(address)
	if err != nil {
		return nil, err
	}
	if d.file != "" {
		if there, err := fileExists(d.file); err != nil {
			return nil, err
		} else if !there {
			return nil, delivery.Errorf(delivery.CodeNotFound, "there is no ledger %s", name)
		}
	}
	l, err := newLedger(ctx, d, name, busyTimeout, forReadingAll)
	if err != nil {
		return nil, err
	}
	e := &Existing{l}
	if err := e.known(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return e, nil
}

// known refuses a ledger of another release: what is not known cannot be judged.
func (e *Existing) known(ctx context.Context) error {
	version, err := e.ledger.version(ctx)
	switch {
	case err != nil:
		return err
	case version > schemaVersion:
		return e.ledger.tooNew(version)
	case version == 0:
		return delivery.Errorf(delivery.CodeNotFound, "there is no ledger in %s: it is empty, or the database of another program", e.ledger.name)
	case version < schemaVersion:
		return delivery.Errorf(delivery.CodeInvalid, "the ledger %s was written by an older release (its schema is version %d, and this release needs %d); run terraform-provider-cd ledger init on it with this release, which upgrades it", e.ledger.name, version, schemaVersion)
	}
	return nil
}

// Name is how messages call the ledger: its path, or its URL without what is secret.
func (e *Existing) Name() string { return e.ledger.name }

// View runs f over one snapshot. An error of f is returned as it is.
func (e *Existing) View(ctx context.Context, f func(Snapshot) error) error {
	return e.ledger.View(ctx, func(r store.Reader) error {
		of, ok := r.(*reader)
		if !ok {
			return fmt.Errorf("sqlstore: the reader is a %T, not sqlstore's own", r)
		}
		return f(Snapshot{of})
	})
}

// Close releases the ledger.
func (e *Existing) Close() error { return e.ledger.Close() }
