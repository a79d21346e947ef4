package delivery

import (
	"maps"
	"reflect"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/expr"
)

// conditions notes each expression that is still asked and reads something that is no longer the same: nobody can say whether it is as strict
// as it was.
func (c crossing) conditions(found *[]string) {
	changed := c.changedVariables()
	if c.than != "" || len(changed) == 0 {
		return
	}
	for _, asked := range c.old.asks() {
		for _, name := range sortedKeys(asked.gates.Expressions) {
			program, flaws := expr.Compile(asked.gates.Expressions[name].Condition)
			for _, variable := range changed {
				if len(flaws) == 0 && program.Reads(variable) {
					c.stage(found).add("gate expressions.%s reads %s, which changes", name, variable)
				}
			}
		}
	}
}

// changedVariables lists the variables of conditions whose values differ on the two ways, whatever the release.
func (c crossing) changedVariables() []string {
	differs, old, now := map[string]bool{}, c.old, c.now
	differs["pipeline"] = old.pipeline.Name != now.pipeline.Name
	differs["stage"] = old.stage().Name != now.stage().Name || old.stage().Promotion != now.stage().Promotion
	differs["environment"] = old.environment.Name != now.environment.Name || old.environment.Tier != now.environment.Tier ||
		!maps.Equal(old.environment.Platform, now.environment.Platform)
	differs["config"] = !reflect.DeepEqual(overlaid(old.environment.Config, old.stage().Config), overlaid(now.environment.Config, now.stage().Config))
	differs["previous"] = old.pipeline.Name != now.pipeline.Name || old.environment.Name != now.environment.Name
	maps.DeleteFunc(differs, func(_ string, differs bool) bool { return !differs })
	return sortedKeys(differs)
}
