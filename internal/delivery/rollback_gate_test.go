package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// replacingIn returns 1.0 as a candidate for eu, where 1.1 runs with other references to secrets. The others run nothing.
func replacingIn(env string, acting bool) candidate {
	w := shopFixture()
	w.Acting = acting
	was := w.Environments[env]
	was.Secrets = map[string]string{"TOKEN": "env:OLD_TOKEN", "PASSWORD": "env:PASSWORD"}
	was.Target = &Target{Webhook: &WebhookTarget{URL: "https://deploy.example.com", Secret: "env:KEY", Token: "env:OLD_KEY"}}
	w.Environments[env] = was
	before := deployed(w, 1, "1.1", env, Verified).with(func(d *Deployment) { d.Receipt = "left behind" })
	now := was
	now.Secrets = map[string]string{"TOKEN": "env:NEW_TOKEN", "LOGIN": "env:PASSWORD"}
	now.Target = &Target{Webhook: &WebhookTarget{URL: "https://deploy.example.com", Secret: "env:KEY"}}
	w.Environments[env] = now
	w.History = NewHistory([]Deployment{before})
	return production(w)
}

func TestARollbackIsAskedAboutBeforeADeployment(t *testing.T) {
	c := replacingIn("eu", false)
	_, refused := c.cannotGoBack()
	require.False(t, refused, "nobody was asked yet")
	require.Len(t, c.questions.Rollbacks, 1, "us has nothing to go back to")
	q := c.questions.Rollbacks[0]
	require.Equal(t, "1.1", q.Deployment.Content.Version)
	require.Equal(t, "left behind", q.Deployment.Receipt)
	require.Empty(t, q.References, "a plan resolves no secret")

	c.Rollbacks = map[RollbackKey]string{q.RollbackKey: ""}
	_, refused = c.cannotGoBack()
	require.False(t, refused)
	c.Rollbacks[q.RollbackKey] = "it is gone"
	result, refused := c.cannotGoBack()
	require.True(t, refused)
	require.Equal(t, VerdictFailed, result.Verdict)
	require.Equal(t, `if 1.0 failed, it could not be rolled back: 1.1 cannot be put back in eu: it is gone. Bring that back, or set on_failure = "halt" for stage "production": then nothing is rolled back`, result.Reason)

	for name, change := range map[string]func(*candidate){
		"the stage halts":            func(c *candidate) { c.stage.OnFailure = Halt },
		"it is under way":            func(c *candidate) { c.underWay = true },
		"its turn comes later":       func(c *candidate) { c.joining, c.next = "r", []string{"us"} },
		"the same content runs":      func(c *candidate) { c.environments = []string{"us"} },
		"Terraform deploys":          func(c *candidate) { c.Environments["eu"] = EnvironmentSpec{Name: "eu"} },
		"the plan registers it only": func(c *candidate) { c.Unregistered = []string{"1.1"} },
	} {
		other := replacingIn("eu", false)
		change(&other)
		_, refused := other.cannotGoBack()
		require.False(t, refused, name)
		require.Empty(t, other.questions.Rollbacks, name)
	}
}

// TestOnlyTheRollbacksOwnSecretsAreAskedAbout: the others are resolved for the deployment anyway, and once is enough.
func TestOnlyTheRollbacksOwnSecretsAreAskedAbout(t *testing.T) {
	c := replacingIn("eu", true)
	_, refused := c.cannotGoBack()
	require.False(t, refused)
	q := c.questions.Rollbacks[0]
	require.Equal(t, map[string]string{"secret TOKEN": "env:OLD_TOKEN", "target.webhook.token": "env:OLD_KEY"}, q.References)
	require.True(t, q.RollbackKey.References)

	c.Rollbacks = map[RollbackKey]string{{Environment: "eu", ReleaseDigest: q.ReleaseDigest, ConfigRevision: q.ConfigRevision}: ""}
	*c.questions = Questions{}
	_, refused = c.cannotGoBack()
	require.False(t, refused)
	require.Len(t, c.questions.Rollbacks, 1, "the answer of a plan does not say that the secrets are there")
}

// TestEveryEnvironmentIsNamedOnce words what many environments lack.
func TestEveryEnvironmentIsNamedOnce(t *testing.T) {
	require.Equal(t, []string{"1.0 cannot be put back in eu: gone", "1.1 cannot be put back in us, eu: gone"},
		lackLines(map[[2]string][]string{{"1.1", "gone"}: {"us", "eu"}, {"1.0", "gone"}: {"eu"}}))
}
