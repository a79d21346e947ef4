package delivery

import (
	"fmt"
	"maps"
	"slices"
)

// moveGate is the name of the verdict that refuses a move and another version at once.
const moveGate = "move"

// moving refuses to bring another version to an environment that moved since: to another place, or to another platform by the same plan. A
// failure could not be rolled back, because what ran before never ran there. Where the stage halts on failure, nothing would be rolled back.
// ok is false where that is not so.
func (c candidate) moving() (result GateResult, ok bool) {
	if c.stage.Failure() == Halt {
		return result, false
	}
	for _, env := range c.environments {
		current := c.History.Current(env)
		if current == nil || current.Content.ReleaseDigest == c.release.Digest {
			continue
		}
		var what, why string
		switch to := c.Environments[env].Target; {
		case current.Content.Target.movedTo(to, c.ResolvePath):
			what, why = fmt.Sprintf("the target of %s moved", env), "nothing could be rolled back at the new place. Move first, deliver then: apply the new target"
		case to != nil && slices.Contains(c.Replatformed, env):
			what, why = fmt.Sprintf("this plan changes the platform of %s", env),
				fmt.Sprintf("%s would come back on a platform on which it never ran. Change the platform first, deliver then: apply the new platform", current.Content.Version)
		default:
			continue
		}
		return GateResult{Name: moveGate, Verdict: VerdictFailed, Reason: fmt.Sprintf("%s, and %s is not what runs there: if it failed, %s with version %s, and then deliver %s",
			what, c.release.Spec.Version, why, current.Content.Version, c.release.Spec.Version)}, true
	}
	return result, false
}

// movedTo reports whether another target deploys to another place, as far as can be told. Where places are named, their names decide, also for
// targets of different kinds. What a driver deploys instead of Terraform begins at a new place; what Terraform deploys only Terraform moves.
func (t *Target) movedTo(o *Target, resolve PathResolver) bool {
	switch {
	case o == nil:
		return false
	case t == nil:
		return true
	case t.Place(nil) != "" && o.Place(nil) != "":
		return t.Place(nil) != o.Place(nil) && t.Place(resolve) != o.Place(resolve)
	case t.Kind() != o.Kind():
		return true
	case t.Command != nil:
		from, to := t.Command.Deploy, o.Command.Deploy
		return !slices.Equal(from.Argv, to.Argv) || from.Directory != to.Directory || !maps.Equal(from.Environment, to.Environment)
	case t.Webhook != nil:
		return t.Webhook.URL != o.Webhook.URL
	}
	return false
}

// Replatformed lists the environments whose platform differs, of those that exist before and after.
func Replatformed(before, after map[string]EnvironmentSpec) []string {
	names := []string{}
	for _, name := range sortedKeys(after) {
		if was, existed := before[name]; existed && !maps.Equal(was.Platform, after[name].Platform) {
			names = append(names, name)
		}
	}
	return names
}
