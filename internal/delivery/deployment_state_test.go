package delivery

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	statuses = []DeploymentStatus{unrecorded, Deploying, Verifying, Verified, Failed, RolledBack, Superseded}
	events   = []DeploymentEvent{DeploymentStarted, DeploymentAuthorized, DeploymentResumed, DeploymentDeployed, DeploymentVerified,
		DeploymentFailed, DeploymentRolledBack, DeploymentSuperseded}
)

// TestEveryStatusAndEvent says for each pair what becomes of a deployment, or that it cannot happen: the table, written again.
func TestEveryStatusAndEvent(t *testing.T) {
	want := map[DeploymentStatus]map[DeploymentEvent]string{
		unrecorded: {DeploymentStarted: "deploying, created", DeploymentAuthorized: "verifying, created"},
		Deploying:  {DeploymentResumed: "deploying", DeploymentDeployed: "verifying", DeploymentFailed: "failed, settled", DeploymentSuperseded: "superseded, settled"},
		Verifying: {DeploymentResumed: "verifying", DeploymentVerified: "verified, verified at, settled", DeploymentFailed: "failed, settled",
			DeploymentRolledBack: "rolled_back, settled", DeploymentSuperseded: "superseded, settled"},
		Verified: {DeploymentResumed: "verified", DeploymentVerified: "verified", DeploymentFailed: "failed, settled",
			DeploymentRolledBack: "rolled_back, settled", DeploymentSuperseded: "superseded, settled"},
		Failed:     {DeploymentRolledBack: "rolled_back, settled"},
		RolledBack: {},
		Superseded: {},
	}
	at := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, status := range statuses {
		for _, event := range events {
			before := Deployment{ID: "d1", Environment: "eu", Status: status, Content: Content{Version: "1.0"}, Failure: "why"}
			after, kind, err := before.After(event, at)
			name := fmt.Sprintf("%q %s", status, event)
			text, possible := want[status][event]
			if !possible {
				require.Error(t, err, name)
				require.Equal(t, CodeInternal, CodeOf(err), name)
				require.Equal(t, before, after, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, text, changes(after, at), name)
			expected := "deployment." + strings.ReplaceAll(string(event), " ", "_")
			if event == DeploymentAuthorized {
				expected = string(EventDeploymentStarted)
			}
			require.Equal(t, expected, string(kind), name)
			after.Status, after.CreatedAt, after.VerifiedAt, after.SettledAt = before.Status, before.CreatedAt, nil, nil
			require.Equal(t, before, after, "%s changes nothing else", name)
		}
	}
}

// changes says what an event set.
func changes(d Deployment, at time.Time) string {
	text := string(d.Status)
	if d.CreatedAt.Equal(at) {
		text += ", created"
	}
	if d.VerifiedAt != nil && d.VerifiedAt.Equal(at) {
		text += ", verified at"
	}
	if d.SettledAt != nil && d.SettledAt.Equal(at) {
		text += ", settled"
	}
	return text
}

func TestVerifyingAgainKeepsWhenItWasVerified(t *testing.T) {
	at := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	d := Deployment{Status: Verifying}
	for _, later := range []time.Duration{0, time.Hour} {
		var err error
		d, _, err = d.After(DeploymentVerified, at.Add(later))
		require.NoError(t, err)
		require.Equal(t, [2]time.Time{at, at}, [2]time.Time{*d.VerifiedAt, *d.SettledAt})
	}
	broken, _, err := d.AfterFailure("it does not answer", at.Add(2*time.Hour))
	require.NoError(t, err)
	require.Equal(t, [2]time.Time{at, at.Add(2 * time.Hour)}, [2]time.Time{*broken.VerifiedAt, *broken.SettledAt}, "it did run verified")
	require.Equal(t, at, *d.SettledAt, "the one before is as it was")
}

func TestAFailureAlwaysSaysWhy(t *testing.T) {
	for why, want := range map[string]string{"it does not answer": "it does not answer", "": "it failed without a reason"} {
		d, kind, err := Deployment{Status: Deploying}.AfterFailure(why, time.Time{})
		require.NoError(t, err)
		require.Equal(t, []any{Failed, want, EventDeploymentFailed}, []any{d.Status, d.Failure, kind})
		require.True(t, d.failedItself())
	}
	_, _, err := Deployment{ID: "d1", Environment: "eu", Status: Superseded}.AfterFailure("too late", time.Time{})
	require.EqualError(t, err, "deployment d1 to eu cannot be failed: it is superseded")
	_, _, err = Deployment{ID: "d2", Environment: "eu"}.After(DeploymentVerified, time.Time{})
	require.EqualError(t, err, "deployment d2 to eu cannot be verified: it is not recorded yet")
}

// TestEveryTransitionIsUnambiguous keeps the table a function, and every status reachable.
func TestEveryTransitionIsUnambiguous(t *testing.T) {
	seen, reached := map[[2]string]bool{}, map[DeploymentStatus]bool{unrecorded: true}
	for _, row := range transitions {
		pair := [2]string{string(row.from), string(row.event)}
		require.False(t, seen[pair], "%v has two rows", pair)
		require.True(t, reached[row.from], "%v comes before a row that leads there", pair)
		require.Contains(t, effects, row.kind)
		require.Contains(t, events, row.event, "the tests do not know the event")
		require.Contains(t, statuses, row.to, "the tests do not know the status")
		seen[pair], reached[row.to] = true, true
	}
	require.Len(t, reached, len(statuses))
}

func TestWhatAStatusMeans(t *testing.T) {
	at := time.Time{}
	for _, status := range statuses[1:] {
		d := Deployment{Status: status, VerifiedAt: &at, Failure: "why", Kind: KindDeliver}
		require.Equal(t, status == Deploying || status == Verifying, d.InFlight(), status)
		require.Equal(t, status == Failed || status == RolledBack, d.broke(), status)
		require.Equal(t, status == Failed || status == RolledBack, d.failedItself(), status)
		require.Equal(t, status == Verified || status == Superseded, d.ranVerified(), status)
	}
	require.False(t, Deployment{Status: Superseded}.ranVerified(), "it was authorized, and never verified")
	require.False(t, Deployment{Status: RolledBack, Kind: KindDeliver}.failedItself(), "it was rolled back with another")
	require.False(t, Deployment{Status: Failed, Kind: KindRollback, Failure: "why"}.failedItself(), "a rollback is not a delivery")
	require.Equal(t, []string{"failed", "was rolled back"}, []string{Failed.words(), RolledBack.words()})
}

// TestTheDiagramIsDrawnFromTheTable compares the diagram in the package comment with the table of transitions. The flag -rewrite of
// the stories writes the diagram too.
func TestTheDiagramIsDrawnFromTheTable(t *testing.T) {
	const begin, end = "// One deployment, in one environment:\n//\n", "//\n// \"rolled back\""
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found, "doc.go has no %q", begin)
	old, after, found := strings.Cut(rest, end)
	require.True(t, found, "doc.go has no %q", end)
	if flag.Lookup("rewrite").Value.String() == "true" {
		require.NoError(t, os.WriteFile("doc.go", []byte(before+begin+diagram()+end+after), 0o600))
		return
	}
	require.Equal(t, diagram(), old, "the table of transitions has changed: run `go test ./internal/delivery -run Diagram -rewrite`")
}

// diagram draws the transitions as a comment, one state after another with the events that lead out of it.
func diagram() string {
	width := 0
	for _, event := range events {
		width = max(width, len(event))
	}
	text := ""
	for _, status := range statuses {
		rows := slices.DeleteFunc(slices.Clone(transitions), func(t transition) bool { return t.from != status })
		for i, row := range rows {
			name, line := string(status), "├"
			if status == unrecorded {
				name = "(decided)"
			}
			if i > 0 {
				name = ""
			}
			switch {
			case len(rows) == 1:
				line = "─"
			case i == 0:
				line = "┬"
			case i == len(rows)-1:
				line = "└"
			}
			lead := " "
			if i == 0 {
				lead = "─"
			}
			text += fmt.Sprintf("//\t%-10s%s%s─ %s %s► %s\n", name, lead, line, row.event, strings.Repeat("─", width-len(row.event)+1), row.to)
		}
	}
	return text
}
