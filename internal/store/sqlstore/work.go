package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// workQuery says of each record whether its holder has been silent for too long, by the clock that leases go by.
func (l *ledger) workQuery() string {
	return `SELECT work.stage, work.number, work.cancelled, CASE WHEN work.expires <= ` + l.dialect.clock + ` THEN 1 ELSE 0 END, work.document
		FROM work WHERE work.pipeline = $1 ORDER BY work.stage`
}

// Work implements store.Reader.
func (r *reader) Work(ctx context.Context, pipeline string, now time.Time) ([]delivery.WorkRecord, error) {
	rows, err := r.tx.QueryContext(ctx, r.ledger.workQuery(), pipeline, now.UnixMicro())
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	list := []delivery.WorkRecord{}
	for rows.Next() {
		var (
			stage            string
			number, canceled int64
			silent           int
			text             sql.RawBytes
		)
		if err := rows.Scan(&stage, &number, &canceled, &silent, &text); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		work, err := decode[delivery.WorkRecord]("work", pipeline+"/"+stage, text)
		if err != nil {
			return nil, err
		}
		work.Number, work.Canceled, work.Interrupted = number, canceled, work.FinishedAt == nil && silent == 1
		list = append(list, work)
	}
	return list, r.failed(ctx, "be read", rows.Err())
}

// RequestWork implements store.Tx.
func (w *writer) RequestWork(ctx context.Context, work delivery.WorkRecord, now time.Time, ttl time.Duration) (delivery.WorkRecord, error) {
	work = workAsStored(work)
	text, err := encode(work)
	if err != nil {
		return delivery.WorkRecord{}, err
	}
	_, err = w.value(ctx, []any{&work.Number}, `INSERT INTO work (pipeline, stage, number, cancelled, expires, document)
		VALUES ($1, $3, 1, 0, `+w.ledger.dialect.clock+` + CAST($4 AS BIGINT), $5)
		ON CONFLICT (pipeline, stage) DO UPDATE SET number = work.number + 1, expires = excluded.expires, document = excluded.document
		RETURNING number`, work.Pipeline, now.UnixMicro(), work.Stage, ttl.Microseconds(), text)
	return work, err
}

// PutWork implements store.Tx.
func (w *writer) PutWork(ctx context.Context, work delivery.WorkRecord, now time.Time, ttl time.Duration) error {
	text, err := encode(workAsStored(work))
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE work SET expires = `+w.ledger.dialect.clock+` + CAST($4 AS BIGINT), document = $5
		WHERE pipeline = $1 AND stage = $3 AND number = $6`,
		work.Pipeline, now.UnixMicro(), work.Stage, ttl.Microseconds(), text, work.Number)
	return err
}

// CancelWork implements store.Tx.
func (w *writer) CancelWork(ctx context.Context, pipeline, stage string) error {
	_, err := w.exec(ctx, `UPDATE work SET cancelled = number WHERE pipeline = $1 AND stage = $2`, pipeline, stage)
	return err
}

func workAsStored(work delivery.WorkRecord) delivery.WorkRecord {
	work.RequestedAt, work.FinishedAt = moment(work.RequestedAt), momentOf(work.FinishedAt)
	return work
}

// Recordings implements store.Reader.
func (r *reader) Recordings(ctx context.Context, pipeline string) ([]delivery.Recording, error) {
	return uncheckedDocuments[delivery.Recording](ctx, r, "observations", `SELECT subject, document FROM observations WHERE pipeline = $1 ORDER BY subject`, pipeline)
}

// PutRecordings implements store.Tx.
func (w *writer) PutRecordings(ctx context.Context, pipeline string, recordings []delivery.Recording) error {
	for batch := range slices.Chunk(recordings, w.ledger.dialect.batch) {
		values, args := make([]string, len(batch)), conditions{}
		of := args.argument(pipeline)
		for i, one := range batch {
			one.At = moment(one.At)
			text, err := encode(one)
			if err != nil {
				return err
			}
			values[i] = "(" + of + ", " + args.argument(one.Subject()) + ", " + args.argument(text) + ")"
		}
		if _, err := w.exec(ctx, `INSERT INTO observations (pipeline, subject, document) VALUES `+strings.Join(values, ", ")+`
			ON CONFLICT (pipeline, subject) DO UPDATE SET document = excluded.document`, args.args...); err != nil {
			return err
		}
	}
	return nil
}
