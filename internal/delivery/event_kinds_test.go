package delivery

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// storedKinds is what ledgers hold: a kind that is missing here or spelled otherwise makes their events unreadable.
const storedKinds = `
approval.approve approval.refused approval.reject approval.revoked
deployment.deployed deployment.failed deployment.resumed deployment.rolled_back deployment.started deployment.superseded deployment.verified
environment.declared environment.deleted environment.refused
freeze.declared freeze.deleted freeze.refused
ledger.adopted ledger.clock_corrected ledger.opened ledger.sealed
override.made override.refused override.revoked
pipeline.declared pipeline.deleted pipeline.refused
policy.declared policy.deleted policy.refused
promotion.refused promotion.removed promotion.requested
release.declared release.refused release.registered release.retired
test_report.recorded test_report.refused test_report.withdrawn
verification.refused verification.requested
`

func TestEventKindsAreThoseOfTheLedger(t *testing.T) {
	kinds := []string{}
	for kind := range effects {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	require.Equal(t, strings.Fields(storedKinds), kinds)
	require.ElementsMatch(t, kinds, declaredKinds(t), "each constant has its effect, and each effect its constant")
}

// declaredKinds lists the constants of event_kinds.go.
func declaredKinds(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event_kinds.go", nil, 0)
	require.NoError(t, err)
	kinds := []string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Event") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		require.True(t, ok)
		kind, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		kinds = append(kinds, kind)
		return false
	})
	return kinds
}

func TestEveryEventKindIsAboutARowOrARequest(t *testing.T) {
	for kind, effect := range effects {
		_, audited := tables[kind.noun()]
		rowless := kind.noun() == "verification" || kind.noun() == "ledger"
		require.Equal(t, !rowless, audited, "%s: verifications and the ledger itself have no rows; everything else has", kind)
		require.Equal(t, effectNone == effect, strings.HasSuffix(string(kind), ".refused") || kind == EventDeploymentResumed || rowless, kind)
		require.Equal(t, effectRemoves == effect, strings.HasSuffix(string(kind), ".deleted"), kind)
	}
}

func TestDecisionsAreRecordedAsWhatTheyAre(t *testing.T) {
	require.Equal(t, EventApprovalApproved, Approve.EventKind())
	require.Equal(t, EventApprovalRejected, Reject.EventKind())
}

// TestAuditKnowsEveryEventKind lets an audit take an event of each kind, alone: those that write a row leave it missing.
func TestAuditKnowsEveryEventKind(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(effects)) {
		audit := NewAudit("")
		require.NoError(t, audit.Event(Event{Kind: kind, Subject: "x", Data: json.RawMessage(`{}`)}.Sealed(1, "")))
		audit.meaning = newMeaning() // a resumption of what was never begun is another matter
		err := audit.End()
		if effects[kind] == effectWrites {
			require.ErrorContains(t, err, "is missing: event 1 ("+string(kind)+")")
			continue
		}
		require.NoError(t, err, kind)
	}
}

func TestAuditRefusesOnlyNewKindsOfWhatItKnows(t *testing.T) {
	require.ErrorContains(t, NewAudit("").Event(Event{Kind: "environment.painted"}.Sealed(1, "")), "is of a kind that this release does not know")
	require.NoError(t, NewAudit("").Event(Event{Kind: "color.painted"}.Sealed(1, "")), "a noun without a table of this release")
}
