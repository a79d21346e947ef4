package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// tamperings is how often each kind of database is tampered with.
const tamperings = 500

// TestTamperingIsFound changes, deletes, inserts and reorders events, and changes, deletes and inserts rows, at random, as anyone who
// owns the database can. Each time the first broken record has to be named. Every transaction is rolled back.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		writeHistory(t, l)
		disarm(t, l, address)
		last := int64(0)
		anchor := ""
		require.NoError(t, l.read.QueryRow(`SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1`).Scan(&last, &anchor))
		require.NoError(t, audited(t.Context(), l, nil, anchor))
		random := rand.New(rand.NewPCG(4, 2))
		kinds := map[string]int{}
		for i := range tamperings {
			tx, err := l.write.Begin()
			require.NoError(t, err)
			h := &tampering{T: t, tx: tx, random: random, last: last}
			what, named := h.anything()
			found := audited(t.Context(), l, tx, anchor)
			require.Error(t, found, "%d: %s", i, what)
			require.ErrorContains(t, found, named, "%d: %s", i, what)
			require.NoError(t, tx.Rollback())
			kind, _, _ := strings.Cut(what, ":")
			kinds[kind]++
		}
		require.Len(t, kinds, 8, "every kind of tampering: %v", kinds)
		require.NoError(t, audited(t.Context(), l, nil, anchor), "the ledger itself is as it was")
	})
}

// audited verifies a ledger, within a transaction if there is one.
func audited(ctx context.Context, l *ledger, tx *sql.Tx, anchor string) error {
	look := func(s Snapshot) error {
		audit := delivery.NewAudit(anchor)
		if err := s.Events(ctx, audit.Event); err != nil {
			return err
		}
		if err := s.Rows(ctx, audit.Row); err != nil {
			return err
		}
		// The history is made up, and its events could not all have happened: only chain and rows are judged here.
		if err, meaning := audit.End(), audit.Meaning(); err != nil && (meaning == nil || err.Error() != meaning.Error()) {
			return err
		}
		return nil
	}
	if tx != nil {
		return look(Snapshot{&reader{ledger: l, tx: tx}})
	}
	existing := Existing{l}
	return existing.View(ctx, look)
}

// tampering is one attack on a ledger.
type tampering struct {
	*testing.T
	tx     *sql.Tx
	random *rand.Rand
	last   int64
}

func (h *tampering) exec(statement string, args ...any) {
	h.Helper()
	result, err := h.tx.Exec(statement, args...)
	require.NoError(h, err, statement)
	_, err = result.RowsAffected()
	require.NoError(h, err)
}

// disarm takes the database's own guards away, as its owner can.
func disarm(t *testing.T, l *ledger, address string) {
	t.Helper()
	for _, table := range append([]table{events}, snapshotTables...) {
		statements := []string{`ALTER TABLE ` + table.name + ` DISABLE TRIGGER USER`}
		if !strings.Contains(address, "://") {
			statements = texts(t, l, `SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '`+table.name+`'`)
		}
		for _, statement := range statements {
			_, err := l.write.Exec(statement)
			require.NoError(t, err, statement)
		}
	}
}

// anything does one thing at random. It returns what, and what has to be named.
func (h *tampering) anything() (what, named string) {
	at := 1 + h.random.Int64N(h.last)
	t := snapshotTables[h.random.IntN(len(snapshotTables))]
	switch h.random.IntN(8) {
	case 0:
		column := events.columns[1+h.random.IntN(len(events.columns)-1)]
		h.exec(`UPDATE events SET `+column+` = `+spoilt(column)+` WHERE seq = $1`, at)
		return fmt.Sprintf("change: %s of event %d", column, at), fmt.Sprintf("event %d (", at)
	case 1:
		h.exec(`DELETE FROM events WHERE seq = $1`, at)
		if at == h.last { // only the anchor, or a row, tells of what is gone from the end
			return "delete: the last event", ""
		}
		return fmt.Sprintf("delete: event %d", at), fmt.Sprintf("event %d is missing", at)
	case 2:
		h.move(`seq >= $1`, 1, at)
		forged := delivery.Event{At: storedAt, Actor: "mallory", Kind: "approval.refused", Subject: "x", Data: json.RawMessage(`{}`)}.Sealed(at, h.hash(at-1))
		h.exec(`INSERT INTO events VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, at, forged.At.UnixMicro(), forged.Actor, forged.Kind, forged.Subject, string(forged.Data), forged.Previous, forged.Hash)
		return fmt.Sprintf("insert: before event %d", at), fmt.Sprintf("event %d (", at+1)
	case 3:
		to := 1 + at%h.last
		h.exec(`UPDATE events SET seq = CASE seq WHEN $1 THEN -CAST($2 AS BIGINT) ELSE -CAST($1 AS BIGINT) END WHERE seq IN ($1, $2)`, at, to)
		h.exec(`UPDATE events SET seq = -seq WHERE seq < 0`)
		return fmt.Sprintf("reorder: events %d and %d", at, to), fmt.Sprintf(") was event %d when it was written", max(at, to))
	case 4:
		h.forge(at)
		if at == h.last {
			return "forge: the last event", ""
		}
		return fmt.Sprintf("forge: event %d", at), fmt.Sprintf("event %d (", at+1)
	case 5:
		column := t.columns[h.random.IntN(len(t.columns))]
		h.exec(`UPDATE ` + t.name + ` SET ` + column + ` = ` + spoilt(column) + h.anyRow(t))
		return "change a row: " + t.name + "." + column, "table " + t.name
	case 6:
		h.exec(`DELETE FROM ` + t.name + h.anyRow(t))
		return "delete a row: " + t.name, "table " + t.name
	default:
		values := make([]string, len(t.columns))
		for i, column := range t.columns {
			values[i] = column
			if i < t.keys || column == "id" || column == "rollout" {
				values[i] = spoilt(column)
			}
			if column == "status" {
				values[i] = "'verified'" // two in flight are refused even here
			}
		}
		h.exec(`INSERT INTO ` + t.name + ` SELECT ` + strings.Join(values, ", ") + ` FROM ` + t.name + h.anyRow(t))
		return "insert a row: " + t.name, "table " + t.name
	}
}

// spoilt is a column's value made another one.
func spoilt(column string) string {
	switch column {
	case "seq", "at", "decided_at", "recorded_at", "created_at", "started_at":
		return column + ` + 1000`
	case "verified_at":
		return `COALESCE(verified_at, 0) + 1`
	}
	return column + ` || ' '`
}

// anyRow asks for one row of a table.
func (h *tampering) anyRow(t table) string {
	var n int
	require.NoError(h, h.tx.QueryRow(`SELECT COUNT(*) FROM `+t.name).Scan(&n))
	require.NotZero(h, n, "the history has something of everything: %s", t.name)
	key := strings.Join(t.columns[:t.keys], ", ")
	return fmt.Sprintf(` WHERE (%s) IN (SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d)`, key, key, t.name, key, h.random.IntN(n))
}

// move gives events other numbers.
func (h *tampering) move(which string, by int64, args ...any) {
	h.exec(fmt.Sprintf(`UPDATE events SET seq = -(seq + %d) WHERE `, by)+which, args...)
	h.exec(`UPDATE events SET seq = -seq WHERE seq < 0`)
}

func (h *tampering) hash(seq int64) (hash string) {
	if seq > 0 {
		require.NoError(h, h.tx.QueryRow(`SELECT hash FROM events WHERE seq = $1`, seq).Scan(&hash))
	}
	return hash
}

// forge changes an event and seals it again.
func (h *tampering) forge(seq int64) {
	var e delivery.Event
	var at int64
	var data string
	require.NoError(h, h.tx.QueryRow(`SELECT at, kind, subject, data, previous FROM events WHERE seq = $1`, seq).Scan(&at, &e.Kind, &e.Subject, &data, &e.Previous))
	e.At, e.Actor, e.Data = time.UnixMicro(at), "mallory", json.RawMessage(data)
	e = e.Sealed(seq, e.Previous)
	h.exec(`UPDATE events SET actor = $2, hash = $3 WHERE seq = $1`, seq, e.Actor, e.Hash)
}

// writeHistory fills a ledger with something of everything, each change with its event, as the engine does.
func writeHistory(t *testing.T, l *ledger) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, l.Update(ctx, func(tx store.Tx) error {
		tell := func(kind delivery.EventKind, subject string, v any, err error) {
			t.Helper()
			require.NoError(t, err)
			data, err := json.Marshal(v)
			require.NoError(t, err)
			_, err = tx.AppendEvents(ctx, delivery.Event{At: storedAt, Actor: "alice", Kind: kind, Subject: subject, Data: data})
			require.NoError(t, err)
		}
		for _, name := range []string{"eu", "us", "gone"} {
			env := fullEnvironment()
			env.Name = name
			tell("environment.declared", name, env, tx.PutEnvironment(ctx, env))
		}
		tell("environment.refused", "x", map[string]string{"reason": "no"}, nil)
		tell("environment.deleted", "gone", delivery.EnvironmentSpec{Name: "gone"}, tx.DeleteEnvironment(ctx, "gone"))
		tell("pipeline.declared", "shop", fullPipeline(), tx.PutPipeline(ctx, fullPipeline()))
		tell("freeze.declared", fullFreeze().Name, fullFreeze(), tx.PutFreeze(ctx, fullFreeze()))
		tell("policy.declared", fullPolicy().Name, fullPolicy(), tx.PutPolicy(ctx, fullPolicy()))
		release := fullRelease()
		release.Retired = false
		tell("release.registered", release.Spec.ID(), release, tx.PutRelease(ctx, release))
		tell("release.retired", release.Spec.ID(), fullRelease(), tx.PutRelease(ctx, fullRelease()))
		tell("promotion.requested", "shop/production", fullPromotion(), tx.PutPromotion(ctx, fullPromotion()))
		approval := fullApproval()
		approval.RevokedAt = nil
		tell("approval.reject", approval.ID, approval, tx.AddApproval(ctx, approval))
		tell("approval.revoked", approval.ID, fullApproval(), tx.RevokeApproval(ctx, approval.ID, storedAt))
		tell("test_report.recorded", fullTestReport().ID, fullTestReport(), tx.AddTestReport(ctx, fullTestReport()))
		tell("override.made", fullOverride().ID, fullOverride(), tx.AddOverride(ctx, fullOverride()))
		for i, name := range []string{"eu", "us", "eu"} {
			d := fullDeployment()
			d.ID, d.Environment, d.Rollout, d.Kind, d.Replaces = fmt.Sprint("d", i), name, fmt.Sprint("r", i/2), delivery.KindDeliver, ""
			d.Status, d.VerifiedAt, d.SettledAt = delivery.Deploying, nil, nil
			d, err := tx.AddDeployment(ctx, d)
			tell("deployment.started", d.ID, d, err)
			tell("deployment.resumed", d.ID, d, nil)
			if i == 2 { // still in flight
				return nil
			}
			at := storedAt
			d.Status, d.VerifiedAt, d.SettledAt = delivery.Verified, &at, &at
			tell("deployment.verified", d.ID, d, tx.PutDeployment(ctx, d))
			if i == 0 {
				d.Status = delivery.Superseded
				tell("deployment.superseded", d.ID, d, tx.PutDeployment(ctx, d))
			}
		}
		return nil
	}))
}
