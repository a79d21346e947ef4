package configuration

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Setting is an attribute of a provider configuration, as far as the files say it.
type Setting struct {
	Stated bool
	Value  string // of a literal
	Known  bool   // whether it is a literal, or not stated
}

// Elsewhere lists the resource blocks of a type that belong to another provider configuration than an object, by address. Terraform runs one
// process for each configuration, so what these blocks plan is not seen where the object is planned. A block that may belong to the same one is
// listed only if the object may be declared in several.
func (c *Configuration) Elsewhere(o Object, typ string) []Block {
	found := map[string]Block{}
	for _, r := range c.readings {
		own := map[string]bool{}
		for _, b := range r.blocks(o) {
			own[r.providerOf(b)] = true
		}
		for _, b := range r.blocks(Object{Type: typ}) {
			if own[r.providerOf(b)] && len(own) == 1 || len(own) == 0 {
				continue
			}
			found[b.Address()] = b
		}
	}
	blocks := make([]Block, 0, len(found))
	for _, b := range found {
		blocks = append(blocks, b)
	}
	return sorted(blocks)
}

// HasSeveralProviders reports whether resource blocks of the types that begin with prefix belong to more than one provider configuration.
func (c *Configuration) HasSeveralProviders(prefix string) bool {
	for _, r := range c.readings {
		first := ""
		for _, m := range r.modules {
			for _, b := range m.resources {
				if b.Kind != Resource || !strings.HasPrefix(b.Type, prefix) {
					continue
				}
				switch provider := r.providerOf(b); {
				case first == "":
					first = provider
				case provider != first:
					return true
				}
			}
		}
	}
	return false
}

// ProviderSetting returns an attribute of the provider configuration of a block. The readings have to agree; else it is not known.
func (c *Configuration) ProviderSetting(b Block, attribute string) Setting {
	var settings []Setting
	for _, r := range c.readings {
		for _, other := range r.blocks(Object{Type: b.Type}) {
			if other.Address() == b.Address() {
				settings = append(settings, r.setting(r.providerOf(other), attribute))
			}
		}
	}
	if len(settings) == 0 || slices.ContainsFunc(settings, func(s Setting) bool { return s != settings[0] }) {
		return Setting{Stated: true}
	}
	return settings[0]
}

// OrderOf tells whether Terraform always handles an object and one block in the same order.
func (c *Configuration) OrderOf(later Object, earlier Block) Order {
	return c.orderOf(later, func(r *reading) []Block {
		return slices.DeleteFunc(r.blocks(Object{Type: earlier.Type}), func(b Block) bool { return b.Address() != earlier.Address() })
	})
}

// providerOf is the provider configuration of a block, as the module that declares it calls it: cd or cd.bob, after the path of the module.
func (r *reading) providerOf(b Block) string {
	local, _, _ := strings.Cut(b.Type, "_")
	if expression := b.content.attributes["provider"]; expression != nil {
		local = providerName(expression)
	}
	return r.resolveProvider(b.node.module, local)
}

// resolveProvider follows what the calls of modules pass. A module that gets nothing inherits a configuration without an alias.
func (r *reading) resolveProvider(module, local string) string {
	for module != "" {
		if r.modules[module].providers[local] != nil { // a module of an old kind has its own
			break
		}
		parent, name := cutLast(module)
		call := r.modules[parent].calls[name]
		passed := passedProviders(call)
		switch to, ok := passed[local]; {
		case ok:
			local = to
		case strings.Contains(local, "."):
			return module + " " + local // Terraform refuses it
		}
		module = parent
	}
	return module + " " + local
}

// passedProviders reads the providers argument of a module call.
func passedProviders(call *body) map[string]string {
	passed := map[string]string{}
	if call == nil || call.attributes["providers"] == nil {
		return passed
	}
	pairs, diags := hcl.ExprMap(call.attributes["providers"])
	if diags.HasErrors() {
		return passed
	}
	for _, pair := range pairs {
		passed[providerName(pair.Key)] = providerName(pair.Value)
	}
	return passed
}

// providerName reads cd or cd.bob, which JSON writes as a string. Which instance of a configuration is meant makes no difference here.
func providerName(expression hcl.Expression) string {
	if traversal, diags := hcl.AbsTraversalForExpr(expression); !diags.HasErrors() {
		return nameOfTraversal(traversal)
	}
	for _, traversal := range expression.Variables() {
		return nameOfTraversal(traversal)
	}
	name, _ := (&body{attributes: map[string]hcl.Expression{"name": expression}}).literal("name")
	return name
}

func nameOfTraversal(traversal hcl.Traversal) string {
	steps := stepsOf(traversal)
	if len(steps) > 1 && !steps[1].any {
		return steps[0].name + "." + steps[1].name
	}
	return steps[0].name
}

// setting reads an attribute of a provider configuration.
func (r *reading) setting(provider, attribute string) Setting {
	module, local, _ := strings.Cut(provider, " ")
	block := r.modules[module].providers[local]
	switch {
	case block == nil && !strings.Contains(local, "."):
		return Setting{Known: true} // Terraform makes an empty one
	case block == nil:
		return Setting{Stated: true}
	case block.attributes[attribute] == nil:
		return Setting{Known: true}
	}
	value, ok := block.literal(attribute)
	return Setting{Stated: true, Value: value, Known: ok}
}

// addProvider adds a provider configuration, under its name and alias.
func (m *module) addProvider(b block, override bool) {
	if len(b.labels) != 1 {
		return // Terraform refuses it
	}
	name := b.labels[0]
	if alias, ok := b.body.literal("alias"); ok {
		name += "." + alias
	}
	if prior, ok := m.providers[name]; ok && override {
		m.providers[name] = prior.overridden(b.body)
		return
	}
	m.providers[name] = b.body
}
