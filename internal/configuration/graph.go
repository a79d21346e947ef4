package configuration

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// node is what Terraform orders: a resource, a local value, an output, an input of a module, or a whole module.
type node struct {
	module string // its path
	kind   nodeKind
	name   string
}

type nodeKind string

const (
	kindResource nodeKind = "resource" // name is the local address
	kindLocal    nodeKind = "local"
	kindOutput   nodeKind = "output"
	kindVariable nodeKind = "variable"
	// kindStart is what each resource of the module comes after: count, for_each and depends_on of its call.
	kindStart nodeKind = "start"
	// kindEnd comes after everything in the module.
	kindEnd nodeKind = "end"
)

// build draws an edge from each node to what it depends on. The rules are Terraform's: dependencies are between blocks, never between their
// instances, and a local value depends on all that its expression names.
func (r *reading) build() {
	r.graph = map[node][]node{}
	for path, m := range r.modules {
		start, end := node{path, kindStart, ""}, node{path, kindEnd, ""}
		for _, b := range m.resources {
			r.edge(b.node, start)
			r.edge(b.node, m.references(b.content)...)
			r.edge(end, b.node)
		}
		for name, expression := range m.locals {
			r.edge(node{path, kindLocal, name}, m.targets(expression.Variables())...)
			r.edge(end, node{path, kindLocal, name})
		}
		for name, output := range m.outputs {
			r.edge(node{path, kindOutput, name}, m.references(output)...)
			r.edge(end, node{path, kindOutput, name})
		}
		for name, call := range m.calls {
			r.buildCall(m, name, call)
			r.edge(end, node{join(path, name), kindEnd, ""})
		}
	}
}

// buildCall connects a module with the block that calls it.
func (r *reading) buildCall(m *module, name string, call *body) {
	child := join(m.path, name)
	start := node{child, kindStart, ""}
	r.edge(start, node{m.path, kindStart, ""})
	for argument, expression := range call.attributes {
		switch argument {
		case "source", "version", "providers":
		case "depends_on":
			r.edge(start, m.targets(listed(expression))...)
		case "count", "for_each":
			r.edge(start, m.targets(expression.Variables())...)
		default:
			r.edge(node{child, kindVariable, argument}, m.targets(expression.Variables())...)
		}
	}
}

func (r *reading) edge(from node, to ...node) { r.graph[from] = append(r.graph[from], to...) }

// reachable is everything that comes before a node.
func (r *reading) reachable(from node) map[node]bool {
	reached := map[node]bool{}
	next := slices.Clone(r.graph[from])
	for len(next) > 0 {
		n := next[len(next)-1]
		next = next[:len(next)-1]
		if !reached[n] {
			reached[n] = true
			next = append(next, r.graph[n]...)
		}
	}
	return reached
}

// references lists what a block depends on: everything that its expressions name.
func (m *module) references(b *body) []node {
	return append(m.targets(listed(b.attributes["depends_on"])), m.targets(b.variables("", nil))...)
}

// variables lists what the expressions of a block name, except iterators: the names that dynamic blocks around it give to their elements. in
// is the type of the block, empty at the top.
func (b *body) variables(in string, iterators []string) []hcl.Traversal {
	var found []hcl.Traversal
	for argument, expression := range b.attributes {
		switch {
		case in == "" && (argument == "depends_on" || argument == "provider"),
			in == "lifecycle" && argument == "ignore_changes",
			in == "dynamic" && (argument == "iterator" || argument == "labels"):
			continue // names of another kind, or told elsewhere
		case in == "lifecycle" && argument == "replace_triggered_by":
			found = append(found, listed(expression)...)
		default:
			found = append(found, without(expression.Variables(), iterators)...)
		}
	}
	for _, nested := range b.nested {
		inner := iterators
		if in == "dynamic" {
			inner = append(slices.Clone(iterators), b.iterator)
		}
		found = append(found, nested.body.variables(nested.typ, inner)...)
	}
	return found
}

// without drops the references to iterators.
func without(traversals []hcl.Traversal, iterators []string) []hcl.Traversal {
	return slices.DeleteFunc(traversals, func(t hcl.Traversal) bool { return slices.Contains(iterators, t.RootName()) })
}

// listed returns the elements of a list that names objects, as depends_on does. In JSON each is a string.
func listed(expression hcl.Expression) []hcl.Traversal {
	if expression == nil {
		return nil
	}
	elements, diags := hcl.ExprList(expression)
	if diags.HasErrors() {
		return nil // Terraform refuses it
	}
	var found []hcl.Traversal
	for _, element := range elements {
		if traversal, diags := hcl.AbsTraversalForExpr(element); !diags.HasErrors() {
			found = append(found, traversal)
		} else {
			found = append(found, element.Variables()...)
		}
	}
	return found
}

// targets lists the nodes that references in the module name. What it does not know leads nowhere.
func (m *module) targets(traversals []hcl.Traversal) []node {
	var found []node
	for _, t := range traversals {
		if target, _, ok := m.target(t); ok {
			found = append(found, target)
		}
	}
	return found
}

// target returns the node that a reference names, and the steps from its value to the part that is meant.
func (m *module) target(t hcl.Traversal) (target node, rest []step, ok bool) {
	steps := stepsOf(t)
	if len(steps) < 2 || steps[1].any {
		return node{}, nil, false
	}
	root, name := steps[0].name, steps[1].name
	switch root {
	case "local":
		return node{m.path, kindLocal, name}, steps[2:], true
	case "var":
		return node{m.path, kindVariable, name}, steps[2:], true
	case "module":
		child := join(m.path, name)
		rest := steps[2:]
		if len(rest) > 0 && rest[0].any { // the key of an instance
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0].any {
			return node{child, kindEnd, ""}, nil, true
		}
		return node{child, kindOutput, rest[0].name}, rest[1:], true
	case "each", "count", "self", "path", "terraform", "tofu":
		return node{}, nil, false
	case "data", "ephemeral":
		if len(steps) < 3 {
			return node{}, nil, false
		}
		return node{m.path, kindResource, root + "." + name + "." + steps[2].name}, steps[3:], true
	case "resource":
		if len(steps) < 3 {
			return node{}, nil, false
		}
		return node{m.path, kindResource, name + "." + steps[2].name}, steps[3:], true
	}
	return node{m.path, kindResource, root + "." + name}, steps[2:], true
}

// step goes from a value to one of its parts: an attribute, or any element.
type step struct {
	name string
	any  bool
}

func stepsOf(t hcl.Traversal) []step {
	var steps []step
	for _, part := range t {
		switch part := part.(type) {
		case hcl.TraverseRoot:
			steps = append(steps, step{name: part.Name})
		case hcl.TraverseAttr:
			steps = append(steps, step{name: part.Name})
		default:
			steps = append(steps, step{any: true})
		}
	}
	return steps
}
