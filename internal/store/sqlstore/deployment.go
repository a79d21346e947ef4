package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var deploymentQuery = keyedQuery("deployments", `CAST($1 AS TEXT)`, `t.id = $1`)

// Deployment implements store.Reader.
func (r *reader) Deployment(ctx context.Context, id string) (delivery.Deployment, error) {
	return document[delivery.Deployment](ctx, r, fmt.Sprintf("deployment %q", id), deploymentQuery, id)
}

// Deployments implements store.Reader.
func (r *reader) Deployments(ctx context.Context, filter store.DeploymentFilter) ([]delivery.Deployment, error) {
	query, args := deploymentsQuery(filter)
	return documents[delivery.Deployment](ctx, r, query, args...)
}

// Deployments implements store.Reader. It keeps what it read: what a transaction lists, it is often about to change.
func (w *writer) Deployments(ctx context.Context, filter store.DeploymentFilter) ([]delivery.Deployment, error) {
	found, err := w.reader.Deployments(ctx, filter)
	for _, d := range found {
		if w.held == nil {
			w.held = map[string]delivery.Deployment{}
		}
		w.held[d.ID] = d
	}
	return found, err
}

func deploymentsQuery(filter store.DeploymentFilter) (string, []any) {
	where, order := conditions{}, ""
	if filter.Newest > 0 {
		order = "t.seq DESC"
	}
	// The last column of an index comes first: it is the one that the order is about.
	for _, one := range []struct{ column, text string }{
		{"t.version", filter.Version}, {"t.environment", filter.Environment}, {"t.pipeline", filter.Pipeline},
	} {
		switch {
		case one.text == "":
		case order == "t.seq DESC":
			order = where.pin(one.column, one.text)
		default:
			where.add(one.column+" = ", one.text)
		}
	}
	switch filter.Status {
	case "":
	case delivery.Verified:
		where.terms = append(where.terms, "t.status = 'verified'") // the very words of a partial index, so that it is used
	default:
		where.add("t.status = ", string(filter.Status))
	}
	which := where.String()
	if filter.Newest > 0 {
		which += ` ORDER BY ` + order + ` LIMIT ` + where.argument(filter.Newest)
	}
	return rowsFrom(tableNamed("deployments"), "t.seq", which), where.args
}

// DecisionHistory implements store.Reader.
func (r *reader) DecisionHistory(ctx context.Context, pipeline string, versions ...string) ([]delivery.Deployment, error) {
	return documents[delivery.Deployment](ctx, r, r.ledger.decisionHistoryQuery(), pipeline, list(versions))
}

// decisionHistoryQuery finds the environments by jumping along the index from one name to the next, and then takes a few entries off
// the end of each one's index: what it costs grows with environments and wanted versions, not with history. SQLite walks a
// CROSS JOIN in the order it is written, which keeps it from starting at the long end. Environments are compared and sorted as
// conditions.pin does, and for its reason. What should be found is found among the events in the same way: a row that was hidden, by
// changing what it is found by, is found all the same, and one that is missing is missed.
func (l *ledger) decisionHistoryQuery() string {
	return `WITH RECURSIVE place (environment) AS (
		SELECT (SELECT MIN(environment) FROM deployments WHERE pipeline = $1)
		UNION ALL
		SELECT (SELECT MIN(d.environment) FROM deployments d WHERE d.pipeline = $1 AND d.environment > place.environment)
		FROM place WHERE place.environment IS NOT NULL
	), site (place) AS (
		SELECT (SELECT MIN(e.place) FROM events e WHERE e.place >= CAST($1 AS TEXT) || '/' AND e.place < CAST($1 AS TEXT) || '0')
		UNION ALL
		SELECT (SELECT MIN(e.place) FROM events e WHERE e.place > site.place AND e.place < CAST($1 AS TEXT) || '0')
		FROM site WHERE site.place IS NOT NULL
	), known (id) AS (
		SELECT (` + newestEvent("started", "") + `) FROM site
		UNION ALL
		SELECT (` + newestEvent("verified", "") + `) FROM site
		UNION ALL
		SELECT (` + newestEvent("verified", ` AND e.subject <> (`+newestEvent("verified", "")+`)`) + `) FROM site
		UNION ALL
		SELECT e.subject FROM (` + l.dialect.elements("$2") + `) AS version CROSS JOIN events e
		WHERE e.brings = CAST($1 AS TEXT) || '/' || version.element
	), newest (seq) AS (
		SELECT (` + newestDeployment("") + `) FROM place WHERE place.environment IS NOT NULL
	), wanted (seq) AS (
		SELECT seq FROM newest
		UNION ALL
		SELECT (` + newestDeployment(" AND d.status = 'verified'") + `) FROM place
		UNION ALL
		SELECT (` + newestDeployment(" AND d.verified_at IS NOT NULL") + `) FROM place
		UNION ALL
		SELECT (` + newestDeployment(" AND d.verified_at IS NOT NULL") + ` OFFSET 1) FROM place
		UNION ALL
		SELECT mate.seq FROM newest CROSS JOIN deployments last CROSS JOIN deployments mate
		WHERE last.seq = newest.seq AND last.rollout <> '' AND mate.rollout = last.rollout AND mate.pipeline = $1
		UNION ALL
		SELECT d.seq FROM (` + l.dialect.elements("$2") + `) AS version CROSS JOIN deployments d
		WHERE d.pipeline = $1 AND d.version = version.element
		UNION ALL
		SELECT d.seq FROM known CROSS JOIN deployments d WHERE d.id = known.id
	)
	` + rowsFrom(tableNamed("deployments"), "t.seq", `WHERE t.seq IN (SELECT seq FROM wanted)`) + ` UNION ALL ` +
		absentFrom(`SELECT 'deployment/' || ever.id AS object FROM known AS ever
			WHERE ever.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deployments AS t WHERE t.id = ever.id)`)
}

// newestEvent is a query of the deployment that the newest event of a kind tells of, in one place.
func newestEvent(kind, which string) string {
	return `SELECT e.subject FROM events e
			WHERE e.place >= site.place AND e.place <= site.place AND e.kind = 'deployment.` + kind + `'` + which + `
			ORDER BY e.place DESC, e.seq DESC LIMIT 1`
}

// newestDeployment is a query of the newest deployment to an environment.
func newestDeployment(which string) string {
	return `SELECT d.seq FROM deployments d
			WHERE d.pipeline = $1 AND d.environment >= place.environment AND d.environment <= place.environment` + which + `
			ORDER BY d.environment DESC, d.seq DESC LIMIT 1`
}

// AddDeployment implements store.Tx.
func (w *writer) AddDeployment(ctx context.Context, d delivery.Deployment) (delivery.Deployment, error) {
	none := delivery.Deployment{}
	var second, version string
	if _, err := w.value(ctx, []any{&d.Seq, &second, &version}, `SELECT (SELECT COALESCE(MAX(seq), 0) + 1 FROM deployments), COALESCE(other.id, ''), COALESCE(other.version, '')
		FROM (SELECT 1) AS here LEFT JOIN deployments AS other ON `+otherInFlight, d.Pipeline, d.Environment, d.ID); err != nil {
		return none, err
	}
	if d.InFlight() && second != "" {
		return none, inFlightAlready(d, second, version)
	}
	d = asStored(d)
	text, err := encode(d)
	if err != nil {
		return none, err
	}
	n, err := w.exec(ctx, `INSERT INTO deployments (seq, id, pipeline, stage, environment, version, rollout, status, verified_at, document)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
		d.Seq, d.ID, d.Pipeline, d.Stage, d.Environment, d.Content.Version, d.Rollout, string(d.Status), micros(d.VerifiedAt), text)
	switch {
	case err != nil:
		return none, err
	case n == 0:
		return none, delivery.Errorf(delivery.CodeConflict, "deployment %q is recorded already", d.ID)
	}
	w.wrote("deployments", d.ID, text)
	if err := w.beginRollout(ctx, d); err != nil {
		return none, err
	}
	return d, nil
}

// PutDeployment implements store.Tx. A change of what never changes is a conflict.
func (w *writer) PutDeployment(ctx context.Context, d delivery.Deployment) error {
	held, ok := w.held[d.ID]
	if !ok {
		var err error
		if held, err = w.Deployment(ctx, d.ID); err != nil {
			return err
		}
	}
	d = asStored(d)
	if err := refuseOtherContent(held, d); err != nil {
		return err
	}
	if err := w.refuseSecondInFlight(ctx, d); err != nil {
		return err
	}
	text, err := encode(d)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE deployments SET status = $2, verified_at = $3, document = $4 WHERE id = $1`,
		d.ID, string(d.Status), micros(d.VerifiedAt), text)
	w.wrote("deployments", d.ID, text)
	return err
}

// refuseSecondInFlight names the deployment that is in flight already. The unique index enforces the rule; this explains it.
func (w *writer) refuseSecondInFlight(ctx context.Context, d delivery.Deployment) error {
	if !d.InFlight() {
		return nil
	}
	var id, version string
	found, err := w.value(ctx, []any{&id, &version}, `SELECT other.id, other.version FROM deployments AS other WHERE `+otherInFlight, d.Pipeline, d.Environment, d.ID)
	if err == nil && found {
		return inFlightAlready(d, id, version)
	}
	return err
}

// otherInFlight is true for another deployment than $3 that is in flight for the pipeline $1 to the environment $2.
const otherInFlight = `other.pipeline = $1 AND other.environment = $2 AND other.status IN ('deploying', 'verifying') AND other.id <> $3`

func inFlightAlready(d delivery.Deployment, other, version string) error {
	return delivery.Errorf(delivery.CodeConflict, "deployment %s of %s/%s to %s is in flight; another one can start once it has finished", other, d.Pipeline, version, d.Environment)
}

func refuseOtherContent(held, d delivery.Deployment) error {
	before, err := json.Marshal(held.Content)
	if err != nil {
		return delivery.Errorf(delivery.CodeInternal, "comparing deployment %q: %v", d.ID, err)
	}
	after, err := json.Marshal(d.Content)
	if err != nil {
		return delivery.Errorf(delivery.CodeInternal, "comparing deployment %q: %v", d.ID, err)
	}
	if held.Seq != d.Seq || held.Pipeline != d.Pipeline || held.Environment != d.Environment || !bytes.Equal(before, after) {
		return delivery.Errorf(delivery.CodeConflict, "deployment %q: its number, pipeline, environment and content never change", d.ID)
	}
	if held.Stage != d.Stage || held.Kind != d.Kind || held.Rollout != d.Rollout || !held.CreatedAt.Equal(d.CreatedAt) {
		return delivery.Errorf(delivery.CodeConflict, "deployment %q: its stage, kind, rollout and when it was made never change", d.ID)
	}
	return nil
}

// asStored gives the deployment with its times as they are read back.
func asStored(d delivery.Deployment) delivery.Deployment {
	d.CreatedAt, d.VerifiedAt, d.SettledAt = moment(d.CreatedAt), momentOf(d.VerifiedAt), momentOf(d.SettledAt)
	d.Gates = slices.Clone(d.Gates)
	for i := range d.Gates {
		d.Gates[i].ReadyAt = momentOf(d.Gates[i].ReadyAt)
	}
	return d
}
