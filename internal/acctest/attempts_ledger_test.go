package acctest_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// tamper changes the database directly, not through the control plane.
func (sc *scenario) tamper(statement string, args ...any) {
	sc.Helper()
	db := openDatabase(sc.T, sc.h)
	if onPostgres(sc.h) {
		_, err := db.ExecContext(sc.Context(), jsonSet)
		sc.must(err)
	}
	sc.disarm(db)
	done, err := db.ExecContext(sc.Context(), statement, args...)
	sc.must(err)
	n, err := done.RowsAffected()
	sc.must(err)
	require.EqualValues(sc, 1, n)
}

// rowsOf has the tables of rows that events tell of, with what names a row of each.
var rowsOf = map[string]string{"environments": "name", "pipelines": "name", "freezes": "name", "policies": "name", "releases": "pipeline || '/' || version",
	"promotions": "pipeline || '/' || stage", "approvals": "id", "test_reports": "id", "overrides": "id", "deployments": "id", "rollouts": "rollout"}

// texts are the first column of what a query finds.
func (sc *scenario) texts(db *sql.DB, query string, args ...any) []string {
	sc.Helper()
	rows, err := db.QueryContext(sc.Context(), query, args...)
	sc.must(err)
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var text string
		sc.must(rows.Scan(&text))
		found = append(found, text)
	}
	sc.must(rows.Err())
	return found
}

// disarm takes away the rules that the database itself enforces on rows, as its owner can.
func (sc *scenario) disarm(db *sql.DB) {
	sc.Helper()
	for table := range rowsOf {
		statements := []string{`ALTER TABLE ` + table + ` DISABLE TRIGGER USER`}
		if !onPostgres(sc.h) {
			statements = sc.texts(db, `SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = $1`, table)
		}
		for _, statement := range statements {
			_, err := db.ExecContext(sc.Context(), statement)
			sc.must(err)
		}
	}
}

// tell appends an event that says what a row says now, as anyone who can write the whole log can.
func (sc *scenario) tell(kind delivery.EventKind, table, key string) {
	sc.Helper()
	db := openDatabase(sc.T, sc.h)
	var document, previous string
	var seq int64
	sc.must(db.QueryRowContext(sc.Context(), `SELECT document FROM `+table+` WHERE `+rowsOf[table]+` = $1`, key).Scan(&document))
	sc.must(db.QueryRowContext(sc.Context(), `SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1`).Scan(&seq, &previous))
	e := delivery.Event{At: sc.h.Clock.Now(), Actor: mallory, Kind: kind, Subject: key, Data: json.RawMessage(document)}.Sealed(seq+1, previous)
	_, err := db.ExecContext(sc.Context(), `INSERT INTO events (seq, at, actor, kind, subject, data, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Seq, e.At.UnixMicro(), e.Actor, string(e.Kind), e.Subject, string(e.Data), e.Previous, e.Hash)
	sc.must(err)
}

func onPostgres(h *acctest.Harness) bool { return strings.HasPrefix(h.Ledger, "postgres://") }

// openDatabase opens the database of a ledger directly, without any protection.
func openDatabase(t *testing.T, h *acctest.Harness) *sql.DB {
	t.Helper()
	kind := "sqlite"
	if onPostgres(h) {
		kind = "pgx"
	}
	db, err := sql.Open(kind, h.Ledger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// jsonSet defines SQLite's json_set for PostgreSQL. These tests use it to change documents.
const jsonSet = `CREATE OR REPLACE FUNCTION json_set(document TEXT, VARIADIC changes TEXT[]) RETURNS TEXT LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. array_length(changes, 1) / 2 LOOP
		document := jsonb_set(CAST(document AS jsonb), string_to_array(substr(changes[2 * i - 1], 3), '.'), to_jsonb(changes[2 * i]));
	END LOOP;
	RETURN document;
END $$`

// forge writes an approval by bob into the database.
func (sc *scenario) forge(signature string) {
	sc.Helper()
	request := sc.request()
	a := delivery.Approval{ID: "shop/1.0.0/production/" + bob + "/1", Spec: sc.withSignature(bob, signature), Number: 1, ContentDigest: request.ContentDigest, Contents: sc.given(alice).Contents,
		Round: request.Round, DecidedAt: sc.h.Clock.Now()}
	text, err := json.Marshal(a)
	sc.must(err)
	sc.tamper(`INSERT INTO approvals (id, pipeline, version, decided_at, document) VALUES ($1, 'shop', $2, $3, $4)`, a.ID, sc.version, a.DecidedAt.UnixMicro(), string(text))
	sc.tell(delivery.EventApprovalApproved, "approvals", a.ID)
}

// given returns the first decision of somebody on the version.
func (sc *scenario) given(who string) delivery.Approval {
	sc.Helper()
	a, err := sc.by(rita).Approval(sc.Context(), "shop/"+sc.version+"/production/"+who+"/1")
	sc.must(err)
	return a
}

// attemptsOnTheLedger write to the database directly, rows and the events that fit them. If the gate requires signatures, that does not help.
func attemptsOnTheLedger() []attempt {
	forged := func(name string, signature func(*scenario) string) attempt {
		return attempt{name: "ledger: " + name, rules: requireSignatures, without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.forge(signature(sc))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com; bob@example.com's approval is not signed by a key that signed_by lists"}, fix: bobApproves}
	}
	return []attempt{
		forged("an approval without a signature", func(*scenario) string { return "" }),
		forged("an approval with somebody else's signature", func(sc *scenario) string {
			return signature(alice, delivery.SignatureNamespace, sc.request().Payload(), nil)
		}),
		forged("an approval with a signature of something else", func(sc *scenario) string {
			request := sc.request()
			request.Version = "0.9.0"
			return signature(bob, delivery.SignatureNamespace, request.Payload(), nil)
		}),
		{
			name: "ledger: an approval of another content", rules: requireSignatures,
			do: func(sc *scenario) {
				sc.declare(func(r *rules) { r.prod.Config["GREETING"] = "gotcha" })
				sc.approve(alice)
				sc.tamper(`UPDATE approvals SET document = json_set(document, '$.content_digest', $1) WHERE id = $2`,
					sc.request().ContentDigest, "shop/1.0.0/production/"+bob+"/1")
				sc.tell(delivery.EventApprovalApproved, "approvals", "shop/1.0.0/production/"+bob+"/1")
			},
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com's approval is void (the content changed)"}, fix: bobApproves,
		},
		{
			name: "ledger: an expired approval made recent", rules: func(r *rules) {
				requireSignatures(r)
				r.gates().Approvals.SignedBy[1] = signerLine(bob+` valid-before="202703011215Z"`, bob)
			},
			do: func(sc *scenario) {
				sc.tamper(`UPDATE approvals SET decided_at = 1803904200000000, document = json_set(document, '$.decided_at', '2027-03-01T12:30:00Z') WHERE id = $1`, "shop/1.0.0/production/"+bob+"/1")
				sc.tell(delivery.EventApprovalApproved, "approvals", "shop/1.0.0/production/"+bob+"/1")
			},
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com's approval is not signed by a key that signed_by lists"}, fix: func(sc *scenario) { sc.approve(carol) },
		},
		{
			name: "ledger: a rejection changed into an approval", rules: requireSignatures, without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				request := sc.request()
				request.Decision = delivery.Reject
				no := sc.withSignature(bob, signature(bob, delivery.SignatureNamespace, request.Payload(), nil))
				no.Decision = delivery.Reject
				sc.decide(bob, no)
				sc.tamper(`UPDATE approvals SET document = json_set(document, '$.spec.decision', 'approve') WHERE id = $1`, "shop/1.0.0/production/"+bob+"/1")
				sc.tell(delivery.EventApprovalApproved, "approvals", "shop/1.0.0/production/"+bob+"/1")
			},
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com's approval is not signed by a key that signed_by lists"}, fix: bobApproves,
		},
		{
			// Evidence from staging is only as good as the ledger, but nothing gets in without signatures.
			name: "ledger: a failed deployment marked as verified", rules: requireSignatures,
			without: []step{delivered, tested, approved, soaked},
			do: func(sc *scenario) {
				sc.failIn("staging")
				sc.refused(sc.deliver(sc.version, 1))
				sc.succeed()
				sc.validPath(delivered, approved)
				sc.tamper(`UPDATE deployments SET status = 'verified', verified_at = 1803902400000000,
					document = json_set(document, '$.status', 'verified', '$.verified_at', '2027-03-01T12:00:00Z') WHERE version = $1`, sc.version)
				sc.tell(delivery.EventDeploymentVerified, "deployments", sc.only("deployments"))
			},
			blocked: []string{"approvals", "parity"}, reasons: []string{"0 of 2 approvals", "whether staging drifted cannot be told"},
			fix: func(sc *scenario) { // what runs is not what the changed ledger says: deliver it again
				sc.must(sc.deliver("2.0.0", 1))
				sc.must(sc.deliver(sc.version, 1))
				sc.h.Clock.Advance(soaking)
				sc.approveAll()
			},
		},
		{
			name: "ledger: the artifacts of a release replaced", rules: requireSignatures,
			do:      func(sc *scenario) { sc.replaceArtifact(sc.otherArtifact()["app"]) },
			blocked: []string{"release"}, reasons: []string{"what the ledger holds of shop/1.0.0 was changed after it was registered"},
			fix: func(sc *scenario) { sc.replaceArtifact(sc.rules.release.Artifacts["app"]) },
		},
		{
			name: "ledger: the artifacts of a release and its digest replaced", rules: requireSignatures,
			do: func(sc *scenario) {
				other := sc.other(func(s *delivery.ReleaseSpec) { s.Artifacts = sc.otherArtifact() })
				sc.replaceArtifact(other.Artifacts["app"])
				sc.tamper(`UPDATE releases SET digest = $1, document = json_set(document, '$.digest', $1) WHERE version = $2`, other.Digest(), sc.version)
				sc.tell(delivery.EventReleaseDeclared, "releases", "shop/"+sc.version)
			},
			blocked: []string{"previous_stage", "approvals", "tests.unit", "soak", "parity", "policy.guard.tests.security", "policy.guard.soak"},
			reasons: []string{"1.0.0 is not verified in staging", "alice@example.com's approval is void", "no report of suite unit"},
			fix: func(sc *scenario) {
				sc.replaceArtifact(sc.rules.release.Artifacts["app"])
				sc.tamper(`UPDATE releases SET digest = $1, document = json_set(document, '$.digest', $1) WHERE version = $2`, sc.spec(sc.version).Digest(), sc.version)
				sc.tell(delivery.EventReleaseDeclared, "releases", "shop/"+sc.version)
			},
		},
	}
}

// replaceArtifact writes another artifact into the ledger's record of the release.
func (sc *scenario) replaceArtifact(to delivery.Artifact) {
	sc.Helper()
	sc.tamper(`UPDATE releases SET document = json_set(document, '$.spec.artifacts.app.uri', $1, '$.spec.artifacts.app.digest', $2) WHERE version = $3`,
		to.URI, to.Digest, sc.version)
	sc.tell(delivery.EventReleaseDeclared, "releases", "shop/"+sc.version)
}

// only returns the key of a table's only row.
func (sc *scenario) only(table string) (key string) {
	sc.Helper()
	sc.must(openDatabase(sc.T, sc.h).QueryRowContext(sc.Context(), `SELECT `+rowsOf[table]+` FROM `+table).Scan(&key))
	return key
}
