package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/expr"
)

func exampleInput() expr.Input {
	return expr.Input{
		Now: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC), Environment: expr.Environment{Name: "eu"}, Config: map[string]string{"LOG": "info"},
		Release: expr.Release{Version: "1.4.0", Labels: map[string]string{"ticket": "SHOP-7"}}, Previous: &expr.Release{Version: "1.3.0"},
	}
}

func TestExpressionsGate(t *testing.T) {
	eu, us := exampleInput(), exampleInput()
	us.Environment.Name, us.Config = "us", map[string]string{"LOG": "debug"}
	cases := map[string]struct {
		condition string
		inputs    []expr.Input
		verdict   Verdict
		reason    string
	}{
		"true":               {`config.LOG != ""`, []expr.Input{eu, us}, VerdictPassed, "the condition is true"},
		"false in one":       {`config.LOG == "info"`, []expr.Input{eu, us}, VerdictFailed, "logs are quiet (us)"},
		"false in both":      {`config.LOG == ""`, []expr.Input{eu, us}, VerdictFailed, "logs are quiet (eu, us)"},
		"false in the only":  {`config.LOG == ""`, []expr.Input{eu}, VerdictFailed, "logs are quiet"},
		"time can change it": {`now.getHours() >= 10`, []expr.Input{eu}, VerdictPending, "logs are quiet"},
		"an error is worse":  {`config.LOG == "info" ? now.getHours() >= 10 : config.X == ""`, []expr.Input{eu, us}, VerdictFailed, `the condition cannot be answered for us: no such key: X; where a key may be missing, ask for it with "in" first`},
		"nobody to ask":      {`true`, nil, VerdictFailed, "there is no environment to ask about"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result := expressionsGate("quiet", Expression{Condition: c.condition, Message: "logs are quiet"}, c.inputs)
			require.Equal(t, GateResult{Name: "expressions.quiet", Verdict: c.verdict, Reason: c.reason}, result)
		})
	}
}

func BenchmarkExpressionsGate(b *testing.B) {
	e := Expression{Condition: `"ticket" in release.labels && (previous == null || previous.version != release.version)`, Message: "why"}
	inputs := []expr.Input{exampleInput()}
	for b.Loop() {
		if expressionsGate("x", e, inputs).Verdict != VerdictPassed {
			b.Fatal("did not pass")
		}
	}
}

func TestInvalidExpressions(t *testing.T) {
	for e, want := range map[Expression][]string{
		{Condition: "relaese == 1 || x == 1", Message: "why"}: {
			"condition: line 1, column 1: undeclared reference to 'relaese' (did you mean 'release'?); the variables are config, environment, now, pipeline, previous, release, stage",
			"condition: line 1, column 17: undeclared reference to 'x'; the variables are config, environment, now, pipeline, previous, release, stage",
		},
		{Condition: "true", Message: " "}:                                    {"message: say why the condition matters; the message is what people read when it is false"},
		{Condition: "true", Message: strings.Repeat("m", MaxMessageBytes+1)}: {"message: the message has 1025 bytes; at most 1024 are allowed"},
		{Condition: "true", Message: strings.Repeat("m", MaxMessageBytes)}:   nil,
	} {
		p := newProblems()
		e.validate(p)
		var got []string
		for _, problem := range p.errors() {
			require.Equal(t, CodeInvalid, problem.Code)
			got = append(got, problem.Error())
		}
		require.Equal(t, want, got)
	}
	result := expressionsGate("x", Expression{Condition: "release"}, []expr.Input{exampleInput()})
	require.Equal(t, GateResult{Name: "expressions.x", Verdict: VerdictFailed,
		Reason: "the condition is not valid: line 1, column 1: the condition gives a release, but it must be true or false; compare it with something"}, result)
}

// What a condition reads is what the world holds.
func TestExpressionInputs(t *testing.T) {
	at := time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)
	digest := "sha256:" + strings.Repeat("b", 64)
	release := Release{
		Spec: ReleaseSpec{
			Pipeline: "shop", Version: "1.4.0", Labels: map[string]string{"ticket": "SHOP-7"}, Artifacts: map[string]Artifact{"app": {URI: "oci://app", Digest: digest}},
			Source: &Source{Repository: "https://git.example/shop", Revision: "4c0ffee", Author: "ann", CommittedAt: "2027-01-04T07:00:00Z"},
		},
		Digest: digest, RegisteredBy: "ci", RegisteredAt: at,
	}
	w := World{
		Now: at.Add(time.Hour), Pipeline: PipelineSpec{Name: "shop"},
		Environments: map[string]EnvironmentSpec{
			"eu": {Name: "eu", Tier: TierProduction, Platform: map[string]string{"region": "eu-1"}, Config: map[string]string{"LOG": "info", "COLOR": "red"}},
		},
	}
	entering := candidate{World: w, stage: Stage{Name: "production", Promotion: Manual, Config: map[string]string{"LOG": "debug"}}, environments: []string{"eu"}, release: release}
	require.Equal(t, []expr.Input{{
		Now: at.Add(time.Hour), Pipeline: "shop", Stage: expr.Stage{Name: "production", Promotion: "manual"},
		Environment: expr.Environment{Name: "eu", Tier: "production", Platform: map[string]string{"region": "eu-1"}},
		Config:      map[string]string{"LOG": "debug", "COLOR": "red"},
		Release: expr.Release{
			Version: "1.4.0", Digest: digest, Author: "ann", RegisteredBy: "ci", RegisteredAt: at, Labels: map[string]string{"ticket": "SHOP-7"},
			Artifacts: map[string]expr.Artifact{"app": {URI: "oci://app", Digest: digest}},
			Source:    &expr.Source{Repository: "https://git.example/shop", Revision: "4c0ffee", Author: "ann", CommittedAt: at.Add(-time.Hour)},
		},
	}}, entering.expressionInputs())
}
