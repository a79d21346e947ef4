package sqlstore

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Rollouts implements store.Reader. The newest are those that were recorded last, whatever the clocks showed.
func (r *reader) Rollouts(ctx context.Context, pipeline string) ([]delivery.RolloutRecord, error) {
	rows, err := r.tx.QueryContext(ctx, rolloutsQuery, pipeline, delivery.MaxRollouts-1)
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

// rolloutsQuery jumps along the index from one stage's name to the next, as relevantQuery does, steps back from each stage's
// newest rollout to the oldest one that is wanted, and reads from there.
const rolloutsQuery = `WITH RECURSIVE place (stage) AS (
		SELECT (SELECT MIN(stage) FROM rollouts WHERE pipeline = $1)
		UNION ALL
		SELECT (SELECT MIN(r.stage) FROM rollouts r WHERE r.pipeline = $1 AND r.stage > place.stage)
		FROM place WHERE place.stage IS NOT NULL
	), since (stage, seq) AS (
		SELECT stage, COALESCE((SELECT r.seq FROM rollouts r
			WHERE r.pipeline = $1 AND r.stage = place.stage ORDER BY r.seq DESC LIMIT 1 OFFSET $2), 0)
		FROM place WHERE place.stage IS NOT NULL
	)
	SELECT r.rollout, r.stage, r.started_at FROM since CROSS JOIN rollouts r
	WHERE r.pipeline = $1 AND r.stage = since.stage AND r.seq >= since.seq
	ORDER BY r.started_at, r.seq`

// beginRollout records when a rollout began, if the deployment that was just recorded is its first. Taking something back
// begins none. A deployment without a rollout is one by itself.
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
