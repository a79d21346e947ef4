package sqlstore

import (
	"context"
	"fmt"
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
			first     string
			told      *string
		)
		if err := rows.Scan(&one.ID, &one.Stage, &startedAt, &first, &told); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		if !r.unchecked() && !r.changes.written("deployment/"+first) && !begins(told, pipeline, one, startedAt) {
			return nil, delivery.RolloutChanged(pipeline, one.Stage, one.ID, startedAt == absentRollout)
		}
		if startedAt != absentRollout {
			one.StartedAt = time.UnixMicro(startedAt).UTC()
			records = append(records, one)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	return records, nil
}

// begins reports whether the start of a deployment, as its event tells it, begins the rollout.
func begins(told *string, pipeline string, r delivery.RolloutRecord, startedAt int64) bool {
	if told == nil {
		return false
	}
	parts := strings.SplitN(*told, separator, 3)
	if len(parts) < 3 || parts[0] != pipeline+"/"+r.Stage || parts[1] != r.ID {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, parts[2])
	return err == nil && at.UnixMicro() == startedAt
}

// absentRollout stands for the start of a rollout that should be in the table and is not.
const absentRollout = -1 << 62

// rolloutsQuery asks for each stage separately, so that each is read off the end of its part of the index, and no further than the
// limit: of a question about all of them, a database may think that reading everything is quicker. With each comes what the event of its
// first deployment says, and then the rollouts that events of the same while begin and that have no row.
func rolloutsQuery(pipeline string, stages []string, since time.Time) (string, []any) {
	where := conditions{}
	ofPipeline, begunAfter, limit := where.argument(pipeline), where.argument(since.UnixMicro()), where.argument(delivery.MaxRollouts)
	each, absent := make([]string, len(stages)), make([]string, len(stages))
	for i, stage := range stages {
		ofStage := where.argument(stage)
		each[i] = `SELECT * FROM (SELECT rollout, stage, started_at, seq FROM rollouts
			WHERE pipeline = ` + ofPipeline + ` AND stage = ` + ofStage + ` AND started_at > ` + begunAfter + `
			ORDER BY started_at DESC, seq DESC LIMIT ` + limit + `) AS of_stage`
		lane := `CAST(` + ofPipeline + ` AS TEXT) || '/' || CAST(` + ofStage + ` AS TEXT)`
		absent[i] = fmt.Sprintf(`SELECT e.rollout, CAST(`+ofStage+` AS TEXT), %d, 0, '', NULL FROM events AS e WHERE e.lane = `+lane+` AND e.at > `+begunAfter+`
			AND NOT EXISTS (SELECT 1 FROM rollouts AS r WHERE r.pipeline = `+ofPipeline+` AND r.stage = `+ofStage+` AND r.rollout = e.rollout)`, absentRollout)
	}
	return `SELECT rollout, stage, started_at, first, told FROM (
		SELECT named.rollout, named.stage, named.started_at, named.seq, COALESCE(named.id, '') AS first,
			(SELECT MAX(e.lane || '` + separator + `' || e.rollout || '` + separator + `' || e.began) FROM events AS e WHERE e.object = 'deployment/' || named.id) AS told
		FROM (SELECT newest.rollout, newest.stage, newest.started_at, newest.seq, (SELECT d.id FROM deployments AS d WHERE d.seq = newest.seq) AS id
			FROM (` + strings.Join(each, " UNION ALL ") + `) AS newest) AS named
		UNION ALL ` + strings.Join(absent, " UNION ALL ") + `) AS found ORDER BY started_at, seq`, where.args
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
