package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// transaction is how statements reach the database: a *sql.Tx, or a test that listens to one.
type transaction interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// reader is a store.Reader over one transaction.
type reader struct {
	ledger *ledger
	tx     transaction
	// again is set once a statement met another transaction that came between, or lost the connection: the whole transaction may
	// be run again.
	retryable bool
	// first is the first failure of a statement. Some databases refuse every later statement of the transaction, which says nothing.
	first error
	// ends is where the history ends for this transaction, once it was asked for.
	ends *delivery.Ledger
	// changed says that an event at the end of the history is not as it was written.
	changed error
	// changes is what this transaction has written itself.
	changes rowChanges
}

// writer is a store.Tx over one write transaction.
type writer struct {
	reader
	last delivery.LedgerPosition // of the event that it appended last; the zero value when there is none
	// held are the deployments that this transaction has read in a list, by id: what never changes of them is not read again.
	held map[string]delivery.Deployment
}

// failed explains why the ledger could not do something and remembers whether a retry may help.
func (r *reader) failed(ctx context.Context, action string, err error) error {
	if err == nil {
		return nil
	}
	d := r.ledger.dialect.diagnose(err)
	if d.aborted && r.first != nil {
		return r.first
	}
	r.retryable = r.retryable || d.transient()
	failure := r.ledger.failed(ctx, action, err)
	if r.first == nil {
		r.first = failure
	}
	return failure
}

// exec writes and returns how many rows it touched.
func (w *writer) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := w.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, w.failed(ctx, "be written", err)
	}
	n, err := result.RowsAffected()
	return n, w.failed(ctx, "be written", err)
}

// value reads one row of plain columns into dest. Found is false when there is none.
func (r *reader) value(ctx context.Context, dest []any, query string, args ...any) (found bool, err error) {
	err = r.tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, r.failed(ctx, "be read", err)
}

// document reads the one document of the rows that the query selects as checkedRows reads them. If there is no row, the error is not_found:
// "<what> does not exist".
func document[T any](ctx context.Context, r *reader, what, query string, args ...any) (T, error) {
	var none T
	list, err := documents[T](ctx, r, query, args...)
	if err != nil {
		return none, err
	}
	if len(list) == 0 {
		return none, missing(what)
	}
	return list[0], nil
}

// documents reads every document of the rows that the query selects as checkedRows reads them, in its order.
func documents[T any](ctx context.Context, r *reader, query string, args ...any) ([]T, error) {
	rows, err := r.checkedRows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	list := make([]T, 0, len(rows))
	for _, row := range rows {
		one, err := decodeChecked[T](ctx, r, row)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// uncheckedDocuments reads every document that the query selects as (key, document), in its order: of a table that no event tells of,
// because nothing is decided from it.
func uncheckedDocuments[T any](ctx context.Context, r *reader, table, query string, args ...any) ([]T, error) {
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	list := []T{}
	for rows.Next() {
		var (
			key  string
			text sql.RawBytes
		)
		if err := rows.Scan(&key, &text); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		one, err := decode[T](table, key, text)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, r.failed(ctx, "be read", rows.Err())
}

// decode reads a stored document. Fields it does not know were written by a newer release and are passed over.
func decode[T any](table, key string, text []byte) (T, error) {
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return v, delivery.Errorf(delivery.CodeInternal, "row %q of the ledger's table %s is damaged (%v); restore the ledger from a backup", key, table, err)
	}
	return v, nil
}

// encode writes a document as it is stored.
func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", delivery.Errorf(delivery.CodeInternal, "a %T cannot be stored: %v", v, err)
	}
	return string(text), nil
}

func missing(what string) error {
	return delivery.Errorf(delivery.CodeNotFound, "%s does not exist", what)
}

// list gives names as one SQL argument, to be used with the dialect's elements.
func list(names []string) string {
	if len(names) == 0 {
		return "[]"
	}
	text, err := json.Marshal(names)
	if err != nil {
		panic(fmt.Sprintf("sqlstore: strings always marshal: %v", err))
	}
	return string(text)
}

// moment is a time as the ledger keeps it: UTC, to the microsecond.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func momentOf(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := moment(*t)
	return &at
}

// micros is an optional time as a column holds it.
func micros(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMicro()
}
