package configuration

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Reference says that the value of an attribute comes from another block.
type Reference struct {
	By   Block  // the block with the attribute
	To   string // the address of the block from which the value comes, such as cd_release.shop
	File string // where the reference is written: in the block itself, or in a local value, an output, or a module's input
	Line int
}

// References lists the resources and data sources whose type begins with prefix, such as "cd_", from which the attribute of an object
// comes: directly, or through local values, inputs and outputs of modules, and each.value. What merely orders the block, as depends_on
// does, is no origin. References through resources of other types are not followed. The attribute is one at the top of the block.
func (c *Configuration) References(o Object, attribute, prefix string) []Reference {
	var found []Reference
	seen := map[Reference]bool{}
	for _, r := range c.readings {
		for _, b := range sorted(r.blocks(o)) {
			search := origins{reading: r, prefix: prefix, visited: map[visit]bool{}}
			search.follow(r.modules[b.node.module], b.content, b.content.attributes[attribute], nil)
			for _, reference := range search.found {
				reference.By = Block{}
				if !seen[reference] {
					seen[reference] = true
					reference.By = b
					found = append(found, reference)
				}
			}
		}
	}
	return found
}

// origins searches where a value comes from.
type origins struct {
	reading *reading
	prefix  string
	visited map[visit]bool
	found   []Reference
}

// visit is a node with the part of its value that matters: following it once is enough.
type visit struct {
	node node
	part string
}

// follow looks at an expression in a module, of which only the part at the end of steps matters. in is the block that holds it, for each.value.
func (s *origins) follow(m *module, in *body, expression hcl.Expression, steps []step) {
	if expression == nil {
		return
	}
	for _, part := range narrowed(expression, steps) {
		for _, traversal := range part.expression.Variables() {
			rest := part.steps
			if !isTraversal(part.expression) {
				rest = nil // the value is made of this one somehow
			}
			s.followReference(m, in, traversal, rest)
		}
	}
}

func (s *origins) followReference(m *module, in *body, traversal hcl.Traversal, steps []step) {
	if traversal.RootName() == "each" && in != nil {
		path := stepsOf(traversal)
		if len(path) > 1 && path[1].name == "value" {
			s.follow(m, nil, in.attributes["for_each"], append([]step{{any: true}}, append(path[2:], steps...)...))
		} else {
			s.follow(m, nil, in.attributes["for_each"], nil)
		}
		return
	}
	target, rest, ok := m.target(traversal)
	if !ok {
		return
	}
	rest = append(rest[:len(rest):len(rest)], steps...)
	key := visit{target, partOf(rest)}
	if s.visited[key] {
		return
	}
	s.visited[key] = true
	switch owner := s.reading.modules[target.module]; target.kind {
	case kindResource:
		if name := strings.TrimPrefix(strings.TrimPrefix(target.name, "data."), "ephemeral."); strings.HasPrefix(name, s.prefix) {
			at := traversal.SourceRange()
			address := target.name
			if path := modulePath(target.module); path != "" {
				address = path + "." + address
			}
			s.found = append(s.found, Reference{To: address, File: at.Filename, Line: at.Start.Line})
		}
	case kindLocal:
		s.follow(owner, nil, owner.locals[target.name], rest)
	case kindOutput:
		if owner != nil && owner.outputs[target.name] != nil {
			s.follow(owner, nil, owner.outputs[target.name].attributes["value"], rest)
		}
	case kindVariable:
		parent, name := cutLast(target.module)
		if caller := s.reading.modules[parent]; target.module != "" && caller != nil {
			call := caller.calls[name]
			s.follow(caller, call, call.attributes[target.name], rest)
		}
	case kindEnd: // all outputs of the module
		for name := range owner.outputs {
			s.follow(owner, nil, owner.outputs[name].attributes["value"], nil)
		}
	case kindStart:
	}
}

func partOf(steps []step) string {
	var b strings.Builder
	for _, one := range steps {
		b.WriteByte('.')
		if one.any {
			b.WriteByte('*')
		}
		b.WriteString(one.name)
	}
	return b.String()
}

// part is an expression of which the part at the end of steps matters.
type part struct {
	expression hcl.Expression
	steps      []step
}

// narrowed walks into objects and lists that are written out, so that another key of an object is not taken for an origin.
func narrowed(expression hcl.Expression, steps []step) []part {
	if inner, ok := expression.(*hclsyntax.ParenthesesExpr); ok {
		return narrowed(inner.Expression, steps)
	}
	if len(steps) == 0 {
		return []part{{expression, nil}}
	}
	var found []part
	switch e := expression.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			key, literal := keyOf(item.KeyExpr)
			if steps[0].any || !literal || key == steps[0].name {
				found = append(found, narrowed(item.ValueExpr, steps[1:])...)
			}
		}
		return found
	case *hclsyntax.TupleConsExpr:
		for _, element := range e.Exprs {
			found = append(found, narrowed(element, steps[1:])...)
		}
		return found
	}
	return []part{{expression, steps}}
}

func keyOf(expression hcl.Expression) (key string, literal bool) {
	if keyword := hcl.ExprAsKeyword(expression); keyword != "" {
		return keyword, true
	}
	return (&body{attributes: map[string]hcl.Expression{"key": expression}}).literal("key")
}

// isTraversal reports whether an expression is nothing but a reference, so that its steps go on into what it names.
func isTraversal(expression hcl.Expression) bool {
	_, ok := expression.(*hclsyntax.ScopeTraversalExpr)
	return ok
}
