package acctest_test

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
)

// requireUntold checks that the log is as long as it was, and that the change of a row is still found.
func (sc *scenario) requireUntold(events int) {
	sc.Helper()
	require.Len(sc, sc.log(), events, "a refusal that is recorded would make the change look like history")
	_, err := ledger.Verify(sc.Context(), sc.h.Ledger, "", func(string, int64, int64) {})
	require.Error(sc, err, "ledger verify is satisfied")
}

// copyRows copies a table, to put it back.
func (sc *scenario) copyRows(table string) (restore func()) {
	sc.Helper()
	columns := map[string]string{"releases": "pipeline, version, digest, document", "promotions": "pipeline, stage, document",
		"approvals": "id, pipeline, version, decided_at, document", "test_reports": "id, pipeline, version, recorded_at, document",
		"overrides":   "id, pipeline, version, created_at, document",
		"deployments": "seq, id, pipeline, stage, environment, version, rollout, status, verified_at, document",
		"rollouts":    "pipeline, stage, seq, rollout, started_at"}[table]
	if columns == "" {
		columns = "name, document"
	}
	db := openDatabase(sc.T, sc.h)
	exec := func(statements ...string) {
		for _, statement := range statements {
			_, err := db.ExecContext(sc.Context(), statement)
			sc.must(err)
		}
	}
	exec(`CREATE TABLE copy_of_` + table + ` AS SELECT ` + columns + ` FROM ` + table)
	return func() {
		sc.disarm(db)
		exec(`DELETE FROM `+table, `INSERT INTO `+table+` (`+columns+`) SELECT `+columns+` FROM copy_of_`+table)
	}
}

// attemptsOnRows change what the ledger holds of one object, and not its log: the change is refused as such.
func attemptsOnRows() []attempt {
	type edit struct {
		name, table, statement string
		args                   []any
		before                 func(*scenario) // what happens first, in the log too
		says                   string          // which row, and what is wrong with it
		after                  func(*scenario) // once the row is as it was, what is still to be done
	}
	frozen := func(sc *scenario) {
		sc.freeze("march", func(f *delivery.FreezeSpec) { f.Tiers = []delivery.Tier{delivery.TierProduction} })
	}
	rejected := func(sc *scenario) {
		sc.decide(carol, sc.approval(func(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject }))
	}
	accepted := func(sc *scenario) {
		sc.must(sc.by(carol).RevokeApproval(sc.Context(), "shop/1.0.0/production/"+carol+"/1"))
	}
	red := func(sc *scenario) {
		sc.report("1.0.0", "unit", `<testsuite tests="1" failures="1"><testcase name="works"><failure/></testcase></testsuite>`)
	}
	repaired := func(sc *scenario) { sc.test("1.0.0", "unit") }
	const bobs, carols = "shop/1.0.0/production/" + bob + "/1", "shop/1.0.0/production/" + carol + "/1"
	edits := []edit{
		{"a freeze ends earlier", "freezes", `UPDATE freezes SET document = json_set(document, '$.ends_at', '2027-03-01T00:30:00Z')`, nil, frozen,
			`freeze "march" (table freezes) is not what event`, thaw("march")},
		{"a freeze is deleted", "freezes", `DELETE FROM freezes`, nil, frozen, `freeze "march" (table freezes) is missing`, thaw("march")},
		{"a freeze gets another name", "freezes", `UPDATE freezes SET name = 'april'`, nil, frozen, `(table freezes)`, thaw("march")},
		{"a policy asks for nothing", "policies", `UPDATE policies SET document = '{"name":"guard","tiers":["production"],"gates":{}}'`, nil, nil,
			`policy "guard" (table policies) is not what event`, nil},
		{"a policy is deleted", "policies", `DELETE FROM policies`, nil, nil, `policy "guard" (table policies) is missing`, nil},
		{"a stage asks for fewer approvals", "pipelines", `UPDATE pipelines SET document = replace(document, '"required":2', '"required":1')`, nil, nil,
			`pipeline "shop" (table pipelines) is not what event`, nil},
		{"an environment is configured otherwise", "environments", `UPDATE environments SET document = replace(document, '"info"', '"trace"') WHERE name = 'production'`, nil, nil,
			`says: config.LOG_LEVEL differs`, nil},
		{"an environment is deployed to another place", "environments", `UPDATE environments SET document = replace(document, '/srv/production', '/srv/elsewhere') WHERE name = 'production'`, nil, nil,
			`says: target.directory.path differs`, nil},
		{"a rejection becomes an approval", "approvals", `UPDATE approvals SET document = replace(document, '"reject"', '"approve"') WHERE id = $1`, []any{carols}, rejected,
			`says: spec.decision differs`, accepted},
		{"a rejection is deleted", "approvals", `DELETE FROM approvals WHERE id = $1`, []any{carols}, rejected, `approval "` + carols + `" (table approvals) is missing`, accepted},
		{"a rejection is about another version", "approvals", `UPDATE approvals SET version = '0.9.0' WHERE id = $1`, []any{carols}, rejected, `approval "` + carols + `" (table approvals) is missing`, accepted},
		{"an approval is given by another person", "approvals", `UPDATE approvals SET document = replace(document, 'bob@', 'rita@') WHERE id = $1`, []any{bobs}, nil, `spec.approver`, nil},
		{"a failing report is deleted", "test_reports", `DELETE FROM test_reports WHERE id = 'shop/1.0.0/unit/2'`, nil, red, `test report "shop/1.0.0/unit/2" (table test_reports) is missing`, repaired},
		{"a failing report passes", "test_reports", `UPDATE test_reports SET document = replace(document, '"failures":1', '"failures":0') WHERE id = 'shop/1.0.0/unit/2'`, nil, red,
			`says: counts.failures differs`, repaired},
		{"a release has other artifacts", "releases", `UPDATE releases SET document = json_set(document, '$.spec.artifacts.app.uri', '/elsewhere')`, nil, nil, `says: spec.artifacts.app.uri differs`, nil},
		{"a deployment was verified earlier", "deployments", `UPDATE deployments SET verified_at = verified_at - 3600000000, document = json_set(document, '$.verified_at', '2027-03-01T11:00:00Z')`, nil, nil,
			`says: verified_at differs`, nil},
		{"a deployment is verified, and its document is not", "deployments", `UPDATE deployments SET status = 'superseded'`, nil, nil, `says: its column status differs`, nil},
		{"a deployment is on its way", "deployments", `INSERT INTO deployments (seq, id, pipeline, stage, environment, version, rollout, status, verified_at, document)
			SELECT 2, 'forged', pipeline, 'production', 'production', version, 'forged', 'deploying', NULL, replace(replace(replace(replace(document, id, 'forged'), '"verified"', '"deploying"'), '"seq":1', '"seq":2'), '"staging"', '"production"') FROM deployments`, nil, nil,
			`deployment "forged" (table deployments) is in the ledger, but no event records it`, nil},
		{"a deployment is deleted", "deployments", `DELETE FROM deployments`, nil, nil, `(table deployments) is missing`, nil},
		{"a deployment brought another version", "deployments", `UPDATE deployments SET version = '0.9.0'`, nil, nil, `says: its column version differs`, nil},
		{"an override that nobody made", "overrides", `INSERT INTO overrides (id, pipeline, version, created_at, document) VALUES ('shop/1.0.0/production/1', 'shop', '1.0.0', 1803902400000000,
			'{"id":"shop/1.0.0/production/1","spec":{"pipeline":"shop","version":"1.0.0","stage":"production","gates":["freeze"],"reason":"r","ticket":"t","expires_at":"2027-03-01T20:00:00Z"},"release_digest":"x","actor":"mallory","created_at":"2027-03-01T12:00:00Z"}')`, nil, frozen,
			`override "shop/1.0.0/production/1" (table overrides) is in the ledger, but no event records it`, thaw("march")},
		{"what is wanted in staging", "promotions", `UPDATE promotions SET document = replace(document, '"1.0.0"', '"2.0.0"') WHERE stage = 'staging'`, nil, nil,
			`promotion "shop/staging" (table promotions) is not what event`, nil},
		{"a rollout is deleted", "rollouts", `DELETE FROM rollouts`, nil, nil, `(table rollouts) is missing, but the event of its first deployment is there`, nil},
		{"a rollout began earlier", "rollouts", `UPDATE rollouts SET started_at = started_at - 1`, nil, nil, `(table rollouts) is not what the event of its first deployment says`, nil},
	}
	attempts := make([]attempt, len(edits))
	for i, e := range edits {
		var restore func()
		attempts[i] = attempt{name: "row: " + e.name, tampered: true, reasons: []string{"the ledger was changed outside its log: ", e.says},
			do: func(sc *scenario) {
				if e.before != nil {
					e.before(sc)
				}
				restore = sc.copyRows(e.table)
				sc.tamper(strings.TrimSpace(e.statement), e.args...)
			},
			fix: func(sc *scenario) {
				restore()
				if e.after != nil {
					e.after(sc)
				}
			}}
	}
	return attempts
}
