package sqlstore

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files of what is stored")

// Ledgers outlive releases of this program: what stands in testdata can be read for ever. A golden file changes by gaining
// fields, never by losing or renaming them.
func TestStoredFormat(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		ctx := t.Context()
		deployment := fullDeployment()
		require.NoError(t, l.Update(ctx, func(tx store.Tx) error {
			require.NoError(t, tx.PutEnvironment(ctx, fullEnvironment()))
			require.NoError(t, tx.PutPipeline(ctx, fullPipeline()))
			require.NoError(t, tx.PutRelease(ctx, fullRelease()))
			require.NoError(t, tx.PutPromotion(ctx, fullPromotion()))
			require.NoError(t, tx.AddApproval(ctx, fullApproval()))
			require.NoError(t, tx.AddTestReport(ctx, fullTestReport()))
			require.NoError(t, tx.PutFreeze(ctx, fullFreeze()))
			require.NoError(t, tx.PutPolicy(ctx, fullPolicy()))
			require.NoError(t, tx.AddOverride(ctx, fullOverride()))
			added, err := tx.AddDeployment(ctx, deployment)
			deployment = added
			return err
		}))
		for table, want := range map[string]any{
			"environments": fullEnvironment(), "pipelines": fullPipeline(), "releases": fullRelease(),
			"promotions": fullPromotion(), "approvals": fullApproval(), "deployments": deployment,
			"test_reports": fullTestReport(), "freezes": fullFreeze(), "policies": fullPolicy(), "overrides": fullOverride(),
		} {
			var text string
			require.NoError(t, l.read.QueryRow(`SELECT document FROM `+table).Scan(&text))
			golden := filepath.Join("testdata", table+".golden.json")
			if *rewrite {
				require.NoError(t, os.WriteFile(golden, indented(t, text), 0o600))
			}
			frozen, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(frozen), string(indented(t, text)), "how %s are stored has changed", table)
			requireEveryFieldSet(t, table, reflect.ValueOf(want))
			require.Equal(t, want, readBack(t, l, table), table)
		}
	})
}

// Rows of an older release lack fields, and rows of a newer one have some that are not known here.
func TestRowsOfOtherReleasesAreRead(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		for _, statement := range []string{
			`INSERT INTO environments VALUES ('eu', '{"name":"eu","tier":"other","mood":"sunny","target":{"directory":{"path":"/srv","colour":"red"},"teleport":{"to":"mars"}}}')`,
			`INSERT INTO pipelines VALUES ('shop', '{"name":"shop","stages":[{"name":"production","gates":{"horoscope":{"sign":"leo"}}}],"owner":"alice"}')`,
			`INSERT INTO releases VALUES ('shop', '1.0.0', 'sha256:0', '{"spec":{"pipeline":"shop","version":"1.0.0"},"sbom":[1,2]}')`,
			`INSERT INTO promotions VALUES ('shop', 'production', '{"spec":{"pipeline":"shop"},"wave":3}')`,
			`INSERT INTO approvals VALUES ('a1', 'shop', '1.0.0', 0, '{"id":"a1","signature":"…"}')`,
			`INSERT INTO deployments VALUES (1, 'd1', 'shop', 'production', 'eu', '1.0.0', 'r1', 'verified', 0, '{"id":"d1","seq":1,"content":{"version":"1.0.0","chart":"x"}}')`,
			`INSERT INTO test_reports VALUES ('t1', 'shop', '1.0.0', 0, '{"id":"t1","counts":{"tests":3,"flaky":1}}')`,
			`INSERT INTO freezes VALUES ('holidays', '{"name":"holidays","labels":["x"]}')`,
			`INSERT INTO policies VALUES ('prod', '{"name":"prod","gates":{"parity":true,"horoscope":{"sign":"leo"}}}')`,
			`INSERT INTO overrides VALUES ('o1', 'shop', '1.0.0', 0, '{"id":"o1","spec":{"ticket":"INC-1","severity":1}}')`,
		} {
			_, err := l.write.Exec(statement)
			require.NoError(t, err, statement)
		}
		require.Equal(t, delivery.EnvironmentSpec{Name: "eu", Tier: delivery.TierOther, Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv"}}}, readBack(t, l, "environments"))
		require.Equal(t, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "production"}}}, readBack(t, l, "pipelines"))
		require.Equal(t, delivery.Release{Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0.0"}}, readBack(t, l, "releases"))
		require.Equal(t, delivery.Promotion{Spec: delivery.PromotionSpec{Pipeline: "shop"}}, readBack(t, l, "promotions"))
		require.Equal(t, delivery.Approval{ID: "a1"}, readBack(t, l, "approvals"))
		require.Equal(t, delivery.Deployment{ID: "d1", Seq: 1, Content: delivery.Content{Version: "1.0.0"}}, readBack(t, l, "deployments"))
		require.Equal(t, delivery.TestReport{ID: "t1", Counts: delivery.TestCounts{Tests: 3}}, readBack(t, l, "test_reports"))
		require.Equal(t, delivery.FreezeSpec{Name: "holidays"}, readBack(t, l, "freezes"))
		require.Equal(t, delivery.PolicySpec{Name: "prod", Gates: delivery.Gates{Parity: &delivery.ParityGate{}}}, readBack(t, l, "policies"))
		require.Equal(t, delivery.Override{ID: "o1", Spec: delivery.OverrideSpec{Ticket: "INC-1"}}, readBack(t, l, "overrides"))
	})
}

// readBack reads the one object of a table through the ledger.
func readBack(t *testing.T, l *ledger, table string) (v any) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, l.View(ctx, func(r store.Reader) (err error) {
		switch table {
		case "environments":
			v, err = r.Environment(ctx, "eu")
		case "pipelines":
			v, err = r.Pipeline(ctx, "shop")
		case "releases":
			v, err = r.Release(ctx, "shop", "1.0.0")
		case "promotions":
			v, err = r.Promotion(ctx, "shop", "production")
		case "approvals":
			v, err = r.Approval(ctx, "a1")
		case "deployments":
			v, err = r.Deployment(ctx, "d1")
		case "test_reports":
			v, err = r.TestReport(ctx, "t1")
		case "freezes":
			v, err = r.Freeze(ctx, "holidays")
		case "policies":
			v, err = r.Policy(ctx, "prod")
		case "overrides":
			v, err = r.Override(ctx, "o1")
		}
		return err
	}))
	return v
}

func indented(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Indent(&out, []byte(text), "", "  "))
	out.WriteByte('\n')
	return out.Bytes()
}

// requireEveryFieldSet keeps the examples complete: a field that none of them sets would not be frozen.
func requireEveryFieldSet(t *testing.T, where string, examples ...reflect.Value) {
	t.Helper()
	examples = slices.DeleteFunc(examples, reflect.Value.IsZero)
	require.NotEmpty(t, examples, where)
	parts := []reflect.Value{}
	switch first := examples[0].Type(); {
	case first.Kind() == reflect.Pointer && first.Elem().Kind() == reflect.Struct && first.Elem().NumField() == 0:
		return // it says something by being there
	case first.Kind() == reflect.Pointer:
		for _, v := range examples {
			parts = append(parts, v.Elem())
		}
	case first.Kind() == reflect.Slice:
		for _, v := range examples {
			for i := range v.Len() {
				parts = append(parts, v.Index(i))
			}
		}
	case first.Kind() == reflect.Map:
		for _, v := range examples {
			for _, key := range v.MapKeys() {
				parts = append(parts, v.MapIndex(key))
			}
		}
	case first.Kind() == reflect.Struct && first != reflect.TypeFor[time.Time]():
		requireEveryFieldOfStructsSet(t, where, examples)
		return
	default:
		return
	}
	requireEveryFieldSet(t, where, parts...)
}

func requireEveryFieldOfStructsSet(t *testing.T, where string, examples []reflect.Value) {
	t.Helper()
	for i := range examples[0].NumField() {
		name := where + "." + examples[0].Type().Field(i).Name
		if elsewhere[name] {
			continue
		}
		fields := make([]reflect.Value, len(examples))
		for k, v := range examples {
			fields[k] = v.Field(i)
		}
		requireEveryFieldSet(t, name, fields...)
	}
}

// elsewhere lists fields that one example cannot have: of two kinds one is set, and another example sets the other.
var elsewhere = map[string]bool{
	"environments.Target.Command":          true,
	"environments.Target.Webhook":          true, // in another golden file
	"pipelines.Stages.Gates.Expressions":   true,
	"policies.Gates.Expressions":           true,
	"deployments.Content.Target.Directory": true,
	"deployments.Content.Target.Webhook":   true,
	"approvals.Status":                     true, // not stored
}

var storedAt = time.Date(2026, time.November, 20, 12, 0, 0, 123456000, time.UTC)

func fullCommand(program string) delivery.Command {
	return delivery.Command{Argv: []string{program, "--now"}, Directory: "/srv", Environment: map[string]string{"A": "1"}, Timeout: "1m"}
}

func fullChecks() map[string]delivery.Check {
	command := fullCommand("smoke")
	return map[string]delivery.Check{
		"health": {HTTP: &delivery.HTTPCheck{URL: "https://shop.example.com/ok", ExpectStatus: 204, Attempts: 3, Interval: "2s", Timeout: "5s"}},
		"smoke":  {Command: &delivery.CommandCheck{Command: command, JUnit: "report.xml", Attempts: 2, Interval: "1s"}},
	}
}

func fullEnvironment() delivery.EnvironmentSpec {
	low, high := 1.0, 10.0
	protected, hook := true, fullCommand("reload")
	return delivery.EnvironmentSpec{
		Name: "eu", Tier: delivery.TierProduction, ReplicaOf: "us",
		Config: map[string]string{"REGION": "eu"}, Secrets: map[string]string{"TOKEN": "env:TOKEN"}, Platform: map[string]string{"os": "debian-12"},
		Parity: &delivery.Parity{With: "us", Allow: map[string]delivery.Allowance{
			"REPLICAS": {Reason: "smaller", Min: &low, Max: &high},
			"DB_*":     {Reason: "own database", Until: "2027-06-30T00:00:00Z"},
		}},
		Target:             &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/eu", AfterDeploy: &hook, Keep: 5}},
		DeletionProtection: &protected,
	}
}

func fullPipeline() delivery.PipelineSpec {
	return delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{
			Name: "production", Environments: []string{"eu", "us"}, Promotion: delivery.Manual, Config: map[string]string{"FEATURE": "on"},
			Gates: fullGates(), Overridable: []string{"checks.smoke", "soak"},
			Verify: fullChecks(), Rollout: &delivery.Rollout{MaxParallel: 2, MaxFailures: 1}, OnFailure: delivery.Halt,
		},
	}}
}

func fullArtifacts() map[string]delivery.Artifact {
	return map[string]delivery.Artifact{"app": {URI: "dist/app.tar.gz", Digest: "sha256:00"}}
}

func fullRelease() delivery.Release {
	return delivery.Release{
		Spec: delivery.ReleaseSpec{
			Pipeline: "shop", Version: "1.0.0", Artifacts: fullArtifacts(),
			Source: &delivery.Source{Repository: "https://git.example.com/shop", Revision: "3f2c", Author: "dave", CommittedAt: "2026-11-20T10:00:00Z"},
			Labels: map[string]string{"ticket": "SHOP-42"},
		},
		Digest: "sha256:01", Attempt: 2, RegisteredBy: "alice", RegisteredAt: storedAt, Retired: true,
	}
}

func fullPromotion() delivery.Promotion {
	return delivery.Promotion{
		Spec:        delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0.0", WhenBlocked: delivery.WhenBlockedWait, Attempt: 2},
		RequestedBy: "alice", RequestedAt: storedAt, Unmanaged: true,
	}
}

func fullApproval() delivery.Approval {
	at := storedAt
	return delivery.Approval{
		ID:            "a1",
		Spec:          delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Reject, Comment: "not yet", Approver: "bob", Content: "0123456789ab", Signature: "-----BEGIN SSH SIGNATURE-----"},
		Number:        2,
		ContentDigest: "sha256:02", Contents: []string{"sha256:03"}, RecordedBy: "ci", Round: 3, Ledger: "11ff", Summary: "author: \"dave\"\n", DecidedAt: storedAt, RevokedAt: &at,
	}
}

func fullDeployment() delivery.Deployment {
	at, counts := storedAt, fullTestReport().Counts
	return delivery.Deployment{
		ID: "d1", Pipeline: "shop", Stage: "production", Environment: "eu",
		Content: delivery.Content{
			Version: "1.0.0", ReleaseDigest: "sha256:01", Artifacts: fullArtifacts(), Config: map[string]string{"REGION": "eu"},
			Secrets:        map[string]string{"TOKEN": "env:TOKEN"},
			Target:         &delivery.Target{Command: &delivery.CommandTarget{Place: "hall-1", Deploy: fullCommand("deploy"), Observe: fullCommand("observe")}},
			ConfigRevision: "sha256:03",
		},
		Kind: delivery.KindRollback, Attempt: 2, Rollout: "r1", MaxFailures: 1, Terms: "sha256:05", Status: delivery.RolledBack, Replaces: "d0", Reason: "1.1.0 failed", Failure: "smoke failed", Actor: "alice",
		Gates:   []delivery.GateResult{{Name: "soak", Verdict: delivery.VerdictPassed, Reason: "ran for 1h", ReadyAt: &at, Override: "o1", Approvals: []string{"a1"}}},
		Checks:  []delivery.CheckResult{{Name: "smoke", Passed: true, Broken: true, Report: &counts, ReportDigest: "sha256:04", Detail: "status 0"}},
		Receipt: "receipt", CreatedAt: at, VerifiedAt: &at, SettledAt: &at,
	}
}
