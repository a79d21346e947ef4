package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Rollouts implements store.Reader.
func (r *reader) Rollouts(ctx context.Context, pipeline string, stages []string, since time.Time) ([]delivery.RolloutRecord, error) {
	if len(stages) == 0 {
		return []delivery.RolloutRecord{}, nil
	}
	query, args := rolloutsQuery(pipeline, stages, since)
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	records := []delivery.RolloutRecord{}
	for rows.Next() {
		var (
			one       delivery.RolloutRecord
			startedAt int64
		)
		if err := rows.Scan(&one.ID, &one.Stage, &startedAt); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		one.StartedAt = time.UnixMicro(startedAt).UTC()
		records = append(records, one)
	}
	if err := rows.Err(); err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	return records, nil
}

// rolloutsQuery asks for each stage separately, so that each is read off the end of its part of the index, and no further than the
// limit: of a question about all of them, a database may think that reading everything is quicker.
func rolloutsQuery(pipeline string, stages []string, since time.Time) (string, []any) {
	where := conditions{}
	ofPipeline, begunAfter, limit := where.argument(pipeline), where.argument(since.UnixMicro()), where.argument(delivery.MaxRollouts)
	each := make([]string, len(stages))
	for i, stage := range stages {
		each[i] = `SELECT * FROM (SELECT rollout, stage, started_at, seq FROM rollouts
			WHERE pipeline = ` + ofPipeline + ` AND stage = ` + where.argument(stage) + ` AND started_at > ` + begunAfter + `
			ORDER BY started_at DESC, seq DESC LIMIT ` + limit + `) AS of_stage`
	}
	return `SELECT rollout, stage, started_at FROM (` + strings.Join(each, " UNION ALL ") + `) AS newest ORDER BY started_at, seq`, where.args
}

// beginRollout records when a rollout began, if the deployment that was just recorded is its first. Taking something back
// begins none. A deployment without a rollout is a rollout of one.
func (w *writer) beginRollout(ctx context.Context, d delivery.Deployment) error {
	if d.Kind == delivery.KindRollback {
		return nil
	}
	rollout := d.Rollout
	if rollout == "" {
		rollout = d.ID
	}
	_, err := w.exec(ctx, `INSERT INTO rollouts (pipeline, stage, seq, rollout, started_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (pipeline, stage, rollout) DO NOTHING`,
		d.Pipeline, d.Stage, d.Seq, rollout, d.CreatedAt.UnixMicro())
	return err
}
