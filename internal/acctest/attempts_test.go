package acctest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// attempt is one way to try to get a release into production past a gate.
//
// The test prepares the release, except for the steps of without. Then do tries something, and the release is promoted. Nothing may
// be deployed, the refusals must contain the texts of reasons, exactly the gates of blocked must keep the release out, and every refusal
// must be in the event log. Then fix removes the one flaw, and the release must get in. That proves that nothing else was wrong.
type attempt struct {
	name    string
	rules   func(*rules) // edits the strict rules before anything happens
	without []step
	do      func(*scenario)
	// promote promotes the release; nil: with when_blocked = "fail" and attempt 1.
	promote func(*scenario) error
	// blocked names the gates that do not pass, in their order. Empty: something other than a gate refuses.
	blocked []string
	reasons []string
	// tampered: a row was changed outside the log. That is refused without a word in the log, which would make the change look like history,
	// and ledger verify finds it still.
	tampered bool
	fix      func(*scenario)
	// enter promotes the release after the fix; nil: like promote.
	enter func(*scenario) error
}

func TestAttemptsToGetPastAGate(t *testing.T) {
	t.Parallel()
	all := slices.Concat(attemptsOnReleases(), attemptsOnPromotions(), attemptsOnApprovals(), attemptsOnStaleApprovals(), attemptsOnSignatures(),
		attemptsOnReports(), attemptsOnTime(), attemptsOnParity(), attemptsOnChecksAndExpressions(), attemptsOnOverrides(), attemptsOnContent(), attemptsOnFreezes(), attemptsOnTheLedger(), attemptsOnClocks(), attemptsOnRows(), attemptsOnResuming(), attemptsOnRollbacks(), attemptsOnMoves(), attemptsOnEmptyLists(), attemptsOnArchives())
	names := map[string]bool{}
	for _, a := range all {
		require.False(t, names[a.name], "two attempts are named %q", a.name)
		names[a.name] = true
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t)
		})
	}
	require.GreaterOrEqual(t, len(all), 40)
}

func (a attempt) run(t *testing.T) {
	sc := open(t, acctest.New(t), a.rules)
	sc.validPath(a.without...)
	sc.mark()
	if a.do != nil {
		a.do(sc)
	}
	promote := a.promote
	if promote == nil {
		promote = func(sc *scenario) error { return sc.promote() }
	}
	told := len(sc.log())
	err := promote(sc)
	require.Error(t, err, "the release got into production")
	if !sc.pending {
		sc.refusals = append(sc.refusals, err)
	}
	require.Len(t, sc.production(), sc.before, "something was deployed to production")
	require.Equal(t, a.blocked, blockedGates(err), "%v", err)
	sc.requireReasons(append(sc.refusals, err), a.reasons)
	if a.tampered {
		sc.requireUntold(told)
	} else {
		sc.requireLogged(sc.refusals)
	}

	a.fix(sc)
	if a.enter != nil {
		promote = a.enter
	}
	require.NoError(t, promote(sc), "after the fix the release must get in, or the attempt proves nothing")
	require.Equal(t, sc.version, sc.runs())
	reached := sc.production()
	require.Equal(t, sc.rules.release.Artifacts, reached[len(reached)-1].Artifacts)
	sc.log()
}

// requireReasons checks that the refusals contain all texts.
func (sc *scenario) requireReasons(refusals []error, reasons []string) {
	sc.Helper()
	text := ""
	for _, err := range refusals {
		text += err.Error() + "\n"
	}
	require.NotEmpty(sc, reasons)
	for _, reason := range reasons {
		require.Contains(sc, text, reason)
	}
}

// requireLogged checks that the event log has each refusal with its message.
func (sc *scenario) requireLogged(refusals []error) {
	sc.Helper()
	recorded := sc.recordedRefusals()
	for _, refusal := range refusals {
		require.Contains(sc, recorded, refusal.Error(), "the log does not have a refusal")
	}
}

// blockedGates lists the gates that did not pass, as a refusal says.
func blockedGates(refusal error) []string {
	var gates []string
	for _, one := range delivery.ErrorsOf(refusal) {
		for _, gate := range one.Gates {
			if gate.Verdict != delivery.VerdictPassed {
				gates = append(gates, gate.Name)
			}
		}
	}
	return gates
}

// waits returns why a release waits before production, as a refusal: the text of its state, and the gates as data.
func (sc *scenario) waits(waitingOn []string) error {
	sc.Helper()
	sc.pending = true
	readiness, err := sc.by(rita).Readiness(sc.Context(), "shop", sc.version, "production", time.Time{})
	sc.must(err)
	return &delivery.Error{Code: delivery.CodeConflict, Message: strings.Join(waitingOn, "\n"), Gates: readiness.Gates}
}

// TestTheValidPath shows that all gates are evaluated, and let the release through when nothing is wrong, signed or not. So no attempt
// fails only because there is no way in.
func TestTheValidPath(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]func(*rules){"unsigned": nil, "signed": requireSignatures} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
				sc := open(t, h, rules)
				sc.validPath()
				require.NoError(t, sc.promote())
				require.Len(t, sc.production(), 1)
				require.Equal(t, version, sc.runs())
				deployments, err := sc.by(rita).Deployments(t.Context(), "shop", "production", "", 0)
				require.NoError(t, err)
				evaluated := []string{}
				for _, gate := range deployments[0].Gates {
					evaluated = append(evaluated, gate.Name)
				}
				require.Equal(t, []string{"previous_stage", "approvals", "tests.unit", "soak", "windows", "cooldown", "max_deploys", "parity",
					"checks.errors", "expressions.ticket", "policy.guard.tests.security", "policy.guard.soak"}, evaluated)
			})
		})
	}
}

// recordedRefusals lists the reasons of the refusals in the log since the attempt began.
func (sc *scenario) recordedRefusals() []string {
	sc.Helper()
	reasons := []string{}
	for _, e := range sc.log() {
		if e.Seq <= sc.since || !strings.HasSuffix(string(e.Kind), ".refused") {
			continue
		}
		var data struct{ Reason string }
		sc.must(json.Unmarshal(e.Data, &data))
		reasons = append(reasons, data.Reason)
	}
	return reasons
}
