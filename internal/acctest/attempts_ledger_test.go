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

// tamper changes the ledger itself, past the control plane.
func (l *line) tamper(statement string, args ...any) {
	l.Helper()
	db := opened(l.T, l.h)
	if onPostgres(l.h) {
		_, err := db.ExecContext(l.Context(), jsonSet)
		l.must(err)
	}
	done, err := db.ExecContext(l.Context(), statement, args...)
	l.must(err)
	n, err := done.RowsAffected()
	l.must(err)
	require.EqualValues(l, 1, n)
}

func onPostgres(h *acctest.Harness) bool { return strings.HasPrefix(h.Ledger, "postgres://") }

// opened is the database of a ledger, past everything that guards it.
func opened(t *testing.T, h *acctest.Harness) *sql.DB {
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

// jsonSet gives PostgreSQL the function of SQLite by which these tests change a document.
const jsonSet = `CREATE OR REPLACE FUNCTION json_set(document TEXT, VARIADIC changes TEXT[]) RETURNS TEXT LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. array_length(changes, 1) / 2 LOOP
		document := jsonb_set(CAST(document AS jsonb), string_to_array(substr(changes[2 * i - 1], 3), '.'), to_jsonb(changes[2 * i]));
	END LOOP;
	RETURN document;
END $$`

// forge writes a decision of bob's into the ledger.
func (l *line) forge(signature string) {
	l.Helper()
	request := l.request()
	a := delivery.Approval{ID: "shop/1.0.0/production/" + bob + "/1", Spec: l.withSignature(bob, signature), Number: 1, ContentDigest: request.ContentDigest,
		Round: request.Round, DecidedAt: l.h.Clock.Now()}
	text, err := json.Marshal(a)
	l.must(err)
	l.tamper(`INSERT INTO approvals (id, pipeline, version, decided_at, document) VALUES ($1, 'shop', $2, $3, $4)`, a.ID, l.version, a.DecidedAt.UnixMicro(), string(text))
}

// attemptsOnTheLedger write the ledger's file themselves. Where the gate demands signatures, that does not help.
func attemptsOnTheLedger() []attempt {
	forged := func(name string, signature func(*line) string) attempt {
		return attempt{name: "ledger: " + name, rules: demandSignatures, without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.forge(signature(l))
			},
			blocked: []string{"approvals"}, says: []string{"1 of 2 approvals, by alice@example.com; bob@example.com's is not signed by a key of signed_by"}, mend: bobToo}
	}
	return []attempt{
		forged("an approval without a signature", func(*line) string { return "" }),
		forged("an approval with somebody else's signature", func(l *line) string {
			return signature(alice, delivery.SignatureNamespace, l.request().Payload(), nil)
		}),
		forged("an approval with a signature of something else", func(l *line) string {
			request := l.request()
			request.Version = "0.9.0"
			return signature(bob, delivery.SignatureNamespace, request.Payload(), nil)
		}),
		{
			name: "ledger: an approval of another content", rules: demandSignatures,
			do: func(l *line) {
				l.declare(func(r *rules) { r.prod.Config["GREETING"] = "gotcha" })
				l.approve(alice)
				l.tamper(`UPDATE approvals SET document = json_set(document, '$.content_digest', $1) WHERE id = $2`,
					l.request().ContentDigest, "shop/1.0.0/production/"+bob+"/1")
			},
			blocked: []string{"approvals"}, says: []string{"bob@example.com's is not signed by a key of signed_by"}, mend: bobToo,
		},
		{
			name: "ledger: an expired approval made young", rules: func(r *rules) {
				demandSignatures(r)
				r.gates().Approvals.SignedBy[1] = signerLine(bob+` valid-before="202703011215Z"`, bob)
			},
			do: func(l *line) {
				l.tamper(`UPDATE approvals SET document = json_set(document, '$.decided_at', '2027-03-01T12:30:00Z') WHERE id = $1`, "shop/1.0.0/production/"+bob+"/1")
			},
			blocked: []string{"approvals"}, says: []string{"bob@example.com's is not signed by a key of signed_by"}, mend: func(l *line) { l.approve(carol) },
		},
		{
			name: "ledger: a rejection turned into an approval", rules: demandSignatures, without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				request := l.request()
				request.Decision = delivery.Reject
				no := l.withSignature(bob, signature(bob, delivery.SignatureNamespace, request.Payload(), nil))
				no.Decision = delivery.Reject
				l.decide(bob, no)
				l.tamper(`UPDATE approvals SET document = json_set(document, '$.spec.decision', 'approve') WHERE id = $1`, "shop/1.0.0/production/"+bob+"/1")
			},
			blocked: []string{"approvals"}, says: []string{"bob@example.com's is not signed by a key of signed_by"}, mend: bobToo,
		},
		{
			// The evidence of staging is only as good as the ledger. Without the signatures it lets nothing in.
			name: "ledger: a deployment that failed marked as verified", rules: demandSignatures,
			without: []step{delivered, tested, approved, soaked},
			do: func(l *line) {
				l.failIn("staging")
				l.refused(l.deliver(l.version, 1))
				l.succeed()
				l.lawful(delivered, approved)
				l.tamper(`UPDATE deployments SET status = 'verified', verified_at = 0,
					document = json_set(document, '$.status', 'verified', '$.verified_at', '2027-03-01T12:00:00Z') WHERE version = $1`, l.version)
			},
			blocked: []string{"approvals", "parity"}, says: []string{"0 of 2 approvals", "whether staging drifted cannot be told"},
			mend: func(l *line) { // what is there is not what the ledger was made to say: deliver it for good
				l.must(l.deliver("2.0.0", 1))
				l.must(l.deliver(l.version, 1))
				l.h.Clock.Advance(soaking)
				l.approveAll()
			},
		},
		{
			name: "ledger: the artifacts of a release exchanged", rules: demandSignatures,
			do:      func(l *line) { l.exchange(l.otherArtifact()["app"]) },
			blocked: []string{"release"}, says: []string{"what the ledger holds of shop/1.0.0 was changed after it was registered"},
			mend: func(l *line) { l.exchange(l.rules.release.Artifacts["app"]) },
		},
		{
			name: "ledger: the artifacts of a release and its digest exchanged", rules: demandSignatures,
			do: func(l *line) {
				other := l.other(func(s *delivery.ReleaseSpec) { s.Artifacts = l.otherArtifact() })
				l.exchange(other.Artifacts["app"])
				l.tamper(`UPDATE releases SET document = json_set(document, '$.digest', $1) WHERE version = $2`, other.Digest(), l.version)
			},
			blocked: []string{"previous_stage", "approvals", "tests.unit", "soak", "parity", "policy.guard.tests.security", "policy.guard.soak"},
			says:    []string{"1.0.0 is not verified in staging", "alice@example.com's is void", "no report of suite unit"},
			mend: func(l *line) {
				l.exchange(l.rules.release.Artifacts["app"])
				l.tamper(`UPDATE releases SET document = json_set(document, '$.digest', $1) WHERE version = $2`, l.spec(l.version).Digest(), l.version)
			},
		},
	}
}

// exchange writes another artifact into the ledger's record of the release.
func (l *line) exchange(to delivery.Artifact) {
	l.Helper()
	l.tamper(`UPDATE releases SET document = json_set(document, '$.spec.artifacts.app.uri', $1, '$.spec.artifacts.app.digest', $2) WHERE version = $3`,
		to.URI, to.Digest, l.version)
}
