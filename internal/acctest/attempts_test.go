package acctest_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// attempt is one way to try to get a release into production past a gate.
//
// The line is ready but for the steps of without; then do tries something, and then the release is promoted. Nothing may be
// deployed, the refusals must hold the words of says, the gates of blocked and no others must be what keeps the release out,
// and every refusal must be in the event log. Then mend takes away the one thing that was wrong, and the release must get in: so it
// was that one thing and nothing else.
type attempt struct {
	name    string
	rules   func(*rules) // edits the strict rules before anything happens
	without []step
	do      func(*line)
	// promote is how the release is promoted; nil: when_blocked = "fail", attempt 1.
	promote func(*line) error
	// blocked names the gates that do not pass, in their order. Empty: it is not gates that refuse.
	blocked []string
	says    []string
	mend    func(*line)
	// enter is how the release gets in once all is well; nil: as promote.
	enter func(*line) error
}

func TestAttemptsToGetPastAGate(t *testing.T) {
	t.Parallel()
	all := slices.Concat(attemptsOnReleases(), attemptsOnPromotions(), attemptsOnApprovals(), attemptsOnStaleApprovals(), attemptsOnSignatures(),
		attemptsOnReports(), attemptsOnTime(), attemptsOnPlaces(), attemptsOnQuestions(), attemptsOnOverrides(), attemptsOnFreezes(), attemptsOnTheLedger())
	names := map[string]bool{}
	for _, a := range all {
		require.False(t, names[a.name], "there are two attempts %q", a.name)
		names[a.name] = true
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t)
		})
	}
	require.GreaterOrEqual(t, len(all), 40)
}

func (a attempt) run(t *testing.T) {
	l := open(t, acctest.New(t), a.rules)
	l.lawful(a.without...)
	l.mark()
	if a.do != nil {
		a.do(l)
	}
	promote := a.promote
	if promote == nil {
		promote = func(l *line) error { return l.promote() }
	}
	err := promote(l)
	require.Error(t, err, "the release got into production")
	if !l.pending {
		l.said = append(l.said, err)
	}
	require.Len(t, l.production(), l.before, "something was deployed to production")
	require.Equal(t, a.blocked, l.blockedGates(err), "%v", err)
	l.saidAll(append(l.said, err), a.says)
	l.logged(l.said)

	a.mend(l)
	if a.enter != nil {
		promote = a.enter
	}
	require.NoError(t, promote(l), "without the flaw the release must get in, or the attempt proves nothing")
	require.Equal(t, l.version, l.runs())
	reached := l.production()
	require.Equal(t, l.rules.release.Artifacts, reached[len(reached)-1].Artifacts)
	l.log()
}

// saidAll checks that the refusals hold all the words.
func (l *line) saidAll(refusals []error, words []string) {
	l.Helper()
	text := ""
	for _, err := range refusals {
		text += err.Error() + "\n"
	}
	require.NotEmpty(l, words)
	for _, word := range words {
		require.Contains(l, text, word)
	}
}

// logged checks that each refusal is in the event log, in its own words.
func (l *line) logged(refusals []error) {
	l.Helper()
	recorded := l.refusals()
	for _, refusal := range refusals {
		require.Contains(l, recorded, refusal.Error(), "the log does not tell of a refusal")
	}
}

// gateLine is a line of a table of gates: name, verdict, reason. Waiting promotions tell "name: reason" instead.
var (
	gateLine    = regexp.MustCompile(`(?m)^  (\S+) +(passed|pending|failed) +\S`)
	waitingLine = regexp.MustCompile(`(?m)^([a-z_]+(?:\.[a-z]+)*): [^\n]`)
)

// blockedGates lists the gates that a refusal says have not passed, or a waiting release says it waits for.
func (l *line) blockedGates(refusal error) []string {
	var gates []string
	if l.pending {
		for _, found := range waitingLine.FindAllStringSubmatch(refusal.Error(), -1) {
			gates = append(gates, found[1])
		}
	}
	for _, found := range gateLine.FindAllStringSubmatch(refusal.Error(), -1) {
		if found[2] != "passed" {
			gates = append(gates, found[1])
		}
	}
	return gates
}

// TestTheLawfulWay shows that all gates are asked, and let the release through when nothing is wrong, signed or not: no attempt
// fails for want of a way.
func TestTheLawfulWay(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]func(*rules){"unsigned": nil, "signed": demandSignatures} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
				l := open(t, h, rules)
				l.lawful()
				require.NoError(t, l.promote())
				require.Len(t, l.production(), 1)
				require.Equal(t, version, l.runs())
				deployments, err := l.by(rita).Deployments(t.Context(), "shop", "production", "", 0)
				require.NoError(t, err)
				asked := []string{}
				for _, gate := range deployments[0].Gates {
					asked = append(asked, gate.Name)
				}
				require.Equal(t, []string{"previous_stage", "approvals", "tests.unit", "soak", "windows", "cooldown", "max_deploys", "parity",
					"checks.errors", "expressions.ticket", "policy.guard.tests.security", "policy.guard.soak"}, asked)
			})
		})
	}
}

// refusals lists the reasons of the refusals since the attempt began.
func (l *line) refusals() []string {
	l.Helper()
	reasons := []string{}
	for _, e := range l.log() {
		if e.Seq <= l.since || !strings.HasSuffix(string(e.Kind), ".refused") {
			continue
		}
		var data struct{ Reason string }
		l.must(json.Unmarshal(e.Data, &data))
		reasons = append(reasons, data.Reason)
	}
	return reasons
}
