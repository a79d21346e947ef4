package observe

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
)

// vault resolves what it holds.
type vault map[string]string

func (v vault) Resolve(_ context.Context, reference string) (string, error) {
	if value, ok := v[reference]; ok {
		return value, nil
	}
	return "", errors.New(reference + " is not in the vault")
}

func TestWhatIsConfidentialIsHiddenInEveryForm(t *testing.T) {
	o := &Observer{Secrets: vault{"env:A": redacttest.Values["QUOTED"], "env:KEY": redacttest.Values["PLAIN"], "env:TOKEN": redacttest.Values["LINES"]}}
	content := delivery.Content{Secrets: map[string]string{"A": "env:A"},
		Target: &delivery.Target{Webhook: &delivery.WebhookTarget{Secret: "env:KEY", Token: "env:TOKEN"}}}
	told := redacttest.Say(redacttest.Values["QUOTED"]) + redacttest.Say(redacttest.Values["PLAIN"]) + redacttest.Say(redacttest.Values["LINES"])
	deploying, err := o.Confidential(t.Context(), "eu", content)
	require.NoError(t, err)
	observing, err := o.forObserving(t.Context(), "eu", content)
	require.NoError(t, err)
	require.Empty(t, observing.Secrets, "who observes gets no secret")
	for _, known := range []Confidential{deploying, observing} {
		seen := known.HideObservation(delivery.Observation{Version: told, Unknown: told, Differences: []string{told, "a file is missing"}})
		for _, text := range append(seen.Differences, seen.Version, seen.Unknown, known.Hide(told), known.HideError(errors.New(told)).Error()) {
			redacttest.RequireNone(t, text, known.Values()...)
		}
		require.Equal(t, "a file is missing", seen.Differences[1])
	}
	plain := errors.New("nothing in it")
	require.Same(t, plain, deploying.HideError(plain))
	require.NoError(t, deploying.HideError(nil))
}

func TestWhatCannotBeResolvedIsSaidWithItsName(t *testing.T) {
	o := &Observer{Secrets: vault{"env:KEY": "key", "env:LONG": "long enough"}}
	content := delivery.Content{Secrets: map[string]string{"A": "env:A"}}
	_, err := o.Confidential(t.Context(), "eu", content)
	require.EqualError(t, err, `secret A of environment "eu": env:A is not in the vault`)
	content = delivery.Content{Target: &delivery.Target{Webhook: &delivery.WebhookTarget{Secret: "env:KEY"}}}
	_, err = o.Confidential(t.Context(), "eu", content)
	require.EqualError(t, err, `target.webhook.secret of environment "eu": env:KEY is shorter than 4 characters, so it could not be masked in output. Use a longer secret`)
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
}

// gossip is a driver that sees all that it may not show.
type gossip struct{ got driver.Request }

func (*gossip) Deploy(context.Context, driver.Request) (driver.Result, error) {
	return driver.Result{}, nil
}

func (g *gossip) Observe(_ context.Context, r driver.Request) (delivery.Observation, error) {
	g.got = r
	return delivery.Observation{Running: true, Version: redacttest.Say("hunter2-hunter2")}, nil
}

func TestObservingMasksTheSecretsThatCanBeResolved(t *testing.T) {
	g := &gossip{}
	o := &Observer{Drivers: map[string]driver.Driver{"directory": g}, Secrets: secret.Func(vault{"env:A": "hunter2-hunter2"}.Resolve)}
	content := delivery.Content{Version: "1.0", Secrets: map[string]string{"A": "env:A", "B": "env:B"}, Target: &delivery.Target{Directory: &delivery.DirectoryTarget{}}}
	seen, err := o.look(t.Context(), delivery.Ledger{}, delivery.Deployment{Environment: "eu", Content: content})
	require.NoError(t, err)
	redacttest.RequireNone(t, seen.Version, "hunter2-hunter2")
	require.Equal(t, []string{"hunter2-hunter2"}, g.got.Hidden)
	require.Empty(t, g.got.Secrets)
}

// listener is a check that is told, and tells everything.
type listener struct{ got delivery.CheckRequest }

func (l *listener) Check(_ context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	l.got = r
	return delivery.CheckResult{Passed: true, Detail: redacttest.Say("hunter2-hunter2")}, nil
}

// The check of a gate may meet the software of its stage, which knows the secrets of its environments: it is told what to mask, and what it
// says is masked once more.
func TestChecksAreToldWhatToMask(t *testing.T) {
	l := &listener{}
	o := &Observer{Checkers: map[string]check.Checker{"http": l}, Secrets: secret.Func(vault{"env:A": "hunter2-hunter2"}.Resolve)}
	ask := delivery.Check{HTTP: &delivery.HTTPCheck{URL: "https://example.com"}}
	w := delivery.World{Pipeline: delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "production", Environments: []string{"eu"}, Gates: delivery.Gates{Checks: map[string]delivery.Check{"errors": ask}}}}},
		Environments: map[string]delivery.EnvironmentSpec{"eu": {Name: "eu", Secrets: map[string]string{"A": "env:A", "B": "env:B"}}}}
	result, err := o.askCheck(t.Context(), w, delivery.CheckKey{Stage: "production", Name: "errors"})
	require.NoError(t, err)
	require.True(t, result.Passed)
	require.Equal(t, "errors", result.Name)
	require.Equal(t, []string{"hunter2-hunter2"}, l.got.Hidden)
	redacttest.RequireNone(t, result.Detail, "hunter2-hunter2")

	result, err = o.askCheck(t.Context(), w, delivery.CheckKey{Stage: "production", Name: "gone"})
	require.NoError(t, err)
	require.True(t, result.Broken)
	require.False(t, result.Passed)
}
