package configuration

import (
	"github.com/hashicorp/hcl/v2"
)

// module is one module as its files declare it.
type module struct {
	path      string
	resources map[string]Block // by local address
	calls     map[string]*body
	outputs   map[string]*body
	locals    map[string]hcl.Expression
	providers map[string]*body // by name and alias, such as cd.bob
}

func newModule(path string) *module {
	return &module{path, map[string]Block{}, map[string]*body{}, map[string]*body{}, map[string]hcl.Expression{}, map[string]*body{}}
}

// add takes over the blocks of a file. Those of an override file change what is there already.
func (m *module) add(f *file, override bool) {
	for _, b := range f.blocks {
		switch b.typ {
		case "locals":
			for name, expression := range b.body.attributes {
				m.locals[name] = expression
			}
		case "module":
			addNamed(m.calls, b, override)
		case "provider":
			m.addProvider(b, override)
		case "output":
			addNamed(m.outputs, b, override)
		case string(Resource), string(Data), string(Ephemeral):
			m.addResource(b, override)
		}
	}
}

func addNamed(all map[string]*body, b block, override bool) {
	if len(b.labels) != 1 {
		return // Terraform refuses it
	}
	name := b.labels[0]
	if prior, ok := all[name]; ok && override {
		all[name] = prior.overridden(b.body)
		return
	}
	all[name] = b.body
}

func (m *module) addResource(b block, override bool) {
	if len(b.labels) != 2 {
		return // Terraform refuses it
	}
	added := Block{Kind: Kind(b.typ), Type: b.labels[0], Name: b.labels[1], Module: modulePath(m.path), File: b.file, Line: b.line, content: b.body}
	added.node = node{m.path, kindResource, added.LocalAddress()}
	if prior, ok := m.resources[added.LocalAddress()]; ok && override {
		prior.content = prior.content.overridden(b.body)
		added = prior
	}
	m.resources[added.LocalAddress()] = added
}
