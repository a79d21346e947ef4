package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATargetMoves(t *testing.T) {
	directory := func(path string) *Target { return &Target{Directory: &DirectoryTarget{Path: path}} }
	command := func(place string, argv ...string) *Target {
		return &Target{Command: &CommandTarget{Deploy: Command{Argv: argv}, Place: place}}
	}
	webhook := func(url string) *Target { return &Target{Webhook: &WebhookTarget{URL: url}} }
	variable := func(name, value string) *Target {
		t := command("", "x")
		t.Command.Deploy.Environment = map[string]string{name: value}
		return t
	}
	keep := directory("/a")
	keep.Directory.Keep = 7
	for name, c := range map[string]struct {
		from, to *Target
		moved    bool
	}{
		"the same": {directory("/a"), directory("/a"), false}, "another directory": {directory("/a"), directory("/b"), true}, "written otherwise": {directory("/a"), directory("/a/"), false},
		"another number of old releases": {directory("/a"), keep, false}, "another kind": {directory("/a"), command("", "x"), true}, "by Terraform": {directory("/a"), nil, false},
		"from Terraform": {nil, directory("/a"), true}, "by another name": {directory("/link/a"), directory("/srv/a"), false},
		"to another kind at the same place": {command("p", "x"), &Target{Webhook: &WebhookTarget{URL: "https://a", Place: "p"}}, false},
		"to another kind at another place":  {command("p", "x"), &Target{Webhook: &WebhookTarget{URL: "https://a", Place: "q"}}, true}, "into another cluster": {command("", "x"), variable("CLUSTER", "b"), true}, "another program": {command("", "x"), command("", "y"), true}, "the same program": {command("", "x"), command("", "x"), false},
		"another program for the same place": {command("p", "x"), command("p", "y"), false}, "another place": {command("p", "x"), command("q", "x"), true},
		"another receiver": {webhook("https://a"), webhook("https://b"), true}, "the same receiver": {webhook("https://a"), webhook("https://a"), false},
	} {
		require.Equal(t, c.moved, c.from.movedTo(c.to, link), name)
	}
}

// TestAMoveAndAnotherVersion moves eu, where 1.1 runs.
func TestAMoveAndAnotherVersion(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.1", "stg", Superseded), deployed(w, 2, "1.0", "stg", Verified), deployed(w, 3, "1.1", "eu", Verified), deployed(w, 4, "1.1", "us", Verified)})
	env := w.Environments["eu"]
	env.Target = directoryTarget("elsewhere")
	w.Environments["eu"] = env
	w = wants(seen(w), "production", "1.0")
	d := Decide(w, "production")
	require.Empty(t, d.Steps)
	refused := d.Irreversible()
	require.Equal(t, "version", refused.Field)
	require.Equal(t, `1.0 may not enter stage "production": the target of eu moved, and 1.0 is not what runs there: if it failed, nothing could be rolled back at the new place. Move first, deliver then: apply the new target with version 1.1, and then deliver 1.0`, refused.Message)
	require.NotNil(t, Outcome(w.Promotions["production"], d))

	w.History.record(deployed(w, 5, "1.1", "stg", Verified))
	moved := Decide(wants(w, "production", "1.1"), "production")
	require.Equal(t, []string{"deploy 1.1 eu"}, lines(moved.Steps), "the same version is redeployed at the new place")
	require.Nil(t, moved.Irreversible())
	w.Pipeline.Stages[1].OnFailure = Halt
	require.Equal(t, []string{"deploy 1.0 eu"}, lines(Decide(w, "production").Steps), "nothing would be rolled back")
}

// TestAPlatformAndAnotherVersion changes the platform of eu, where 1.1 runs, in the plan that brings 1.0.
func TestAPlatformAndAnotherVersion(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.1", "eu", Verified), deployed(w, 3, "1.0", "us", Verified)})
	w = wants(seen(w), "production", "1.0")
	w.Replatformed = []string{"us"}
	require.Nil(t, Decide(w, "production").Irreversible(), "us is not deployed to")
	w.Replatformed = []string{"eu"}
	refused := Decide(w, "production").Irreversible()
	require.Equal(t, `1.0 may not enter stage "production": this plan changes the platform of eu, and 1.0 is not what runs there: if it failed, 1.1 would come back on a platform on which it never ran. Change the platform first, deliver then: apply the new platform with version 1.1, and then deliver 1.0`, refused.Message)
	w.Pipeline.Stages[1].OnFailure = Halt
	require.Nil(t, Decide(w, "production").Irreversible(), "nothing would be rolled back")

	platform := func(version string) map[string]string { return map[string]string{"postgres": version} }
	require.Equal(t, []string{"b", "d"}, Replatformed(
		map[string]EnvironmentSpec{"a": {Platform: platform("15")}, "b": {Platform: platform("15")}, "d": {}, "e": {Platform: platform("15")}},
		map[string]EnvironmentSpec{"a": {Platform: platform("15")}, "b": {Platform: platform("16")}, "c": {Platform: platform("16")}, "d": {Platform: platform("16")}}))
}
