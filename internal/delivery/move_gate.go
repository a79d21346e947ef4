package delivery

import (
	"fmt"
	"slices"
)

// moveGate is the name of the verdict that refuses a move and another version at once.
const moveGate = "move"

// moving refuses to bring another version to an environment whose target moved since: a failure could not be rolled back, because what ran
// before runs at the old place, and never ran at the new one. Where the stage halts on failure, nothing would be rolled back. ok is false
// where that is not so.
func (c candidate) moving() (result GateResult, ok bool) {
	if c.stage.Failure() == Halt {
		return result, false
	}
	for _, env := range c.environments {
		current := c.History.Current(env)
		if current == nil || current.Content.ReleaseDigest == c.release.Digest || !current.Content.Target.movedTo(c.Environments[env].Target) {
			continue
		}
		return GateResult{Name: moveGate, Verdict: VerdictFailed, Reason: fmt.Sprintf(
			"the target of %s moved, and %s is not what runs there: if it failed, nothing could be rolled back at the new place. Move first, deliver then: apply the new target with version %s, and then deliver %s",
			env, c.release.Spec.Version, current.Content.Version, c.release.Spec.Version)}, true
	}
	return result, false
}

// movedTo reports whether another target deploys to another place, as far as can be told. Only drivers' targets are compared: what Terraform
// deploys only Terraform moves.
func (t *Target) movedTo(o *Target) bool {
	switch {
	case t == nil || o == nil:
		return false
	case t.Kind() != o.Kind():
		return true
	case t.Place(nil) != "" && o.Place(nil) != "":
		return t.Place(nil) != o.Place(nil)
	case t.Command != nil:
		return !slices.Equal(t.Command.Deploy.Argv, o.Command.Deploy.Argv) || t.Command.Deploy.Directory != o.Command.Deploy.Directory
	case t.Webhook != nil:
		return t.Webhook.URL != o.Webhook.URL
	}
	return false
}
