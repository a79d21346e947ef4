package configuration

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Shape says which keys the objects of an attribute have. A nil shape has no keys to judge: a text, a number, a map of texts.
type Shape struct {
	Attributes map[string]*Shape // of an object; nil for a collection
	Elements   *Shape            // of a list, set or map of objects
}

// UnknownKey is a key that a block writes in an object that has none of that name. Terraform drops it before a provider sees it.
type UnknownKey struct {
	Block Block
	// Object is where the key stands, such as stages.gates.
	Object string
	Key    string
	Known  []string // the keys that the object has, in order
	File   string
	Line   int
	// Local is the name of the local value that has the key; empty if the block has it. Other uses of the local value may need the key.
	Local string
}

// UnknownKeys lists the unknown keys of all blocks of a type, by position. It sees through parentheses, conditionals, for expressions, merge,
// concat and the like, and through local values that are used as a whole. It does not judge what is only known when it is evaluated:
// variables, decoded files, computed keys.
func (c *Configuration) UnknownKeys(kind Kind, typ string, shape *Shape) []UnknownKey {
	found := map[hcl.Range]UnknownKey{}
	for _, r := range c.readings {
		for _, m := range r.modules {
			for _, b := range m.resources {
				if b.Kind != kind || b.Type != typ {
					continue
				}
				k := keys{module: m, block: b, found: found}
				for name, attribute := range shape.Attributes {
					k.look(b.content.attributes[name], attribute, name)
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b UnknownKey) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
}

// keys looks for the unknown keys of one block.
type keys struct {
	module *module
	block  Block
	locals []string // the local values on the way to what is looked at
	found  map[hcl.Range]UnknownKey
}

// passing are the functions that return objects of the shape of their arguments.
var passing = map[string]bool{"merge": true, "concat": true, "coalesce": true, "coalescelist": true, "try": true, "tolist": true, "toset": true, "tomap": true,
	"setunion": true, "distinct": true, "reverse": true, "sensitive": true, "nonsensitive": true, "ephemeralasnull": true}

func (k *keys) look(expression hcl.Expression, shape *Shape, object string) {
	if expression == nil || shape == nil {
		return
	}
	switch e := expression.(type) {
	case *hclsyntax.ParenthesesExpr:
		k.look(e.Expression, shape, object)
	case *hclsyntax.TemplateWrapExpr:
		k.look(e.Wrapped, shape, object)
	case *hclsyntax.ConditionalExpr:
		k.look(e.TrueResult, shape, object)
		k.look(e.FalseResult, shape, object)
	case *hclsyntax.ForExpr:
		k.look(e.ValExpr, shape.Elements, object)
	case *hclsyntax.FunctionCallExpr:
		k.lookAtCall(e, shape, object)
	case *hclsyntax.ScopeTraversalExpr:
		k.lookAtLocal(e.Traversal, shape, object)
	default:
		k.lookInside(expression, shape, object)
	}
}

func (k *keys) lookAtCall(call *hclsyntax.FunctionCallExpr, shape *Shape, object string) {
	if !passing[strings.TrimPrefix(call.Name, "core::")] {
		return
	}
	for i, argument := range call.Args {
		if call.ExpandFinal && i == len(call.Args)-1 {
			k.look(argument, &Shape{Elements: shape}, object)
		} else {
			k.look(argument, shape, object)
		}
	}
}

// lookAtLocal looks at a local value that is used as a whole.
func (k *keys) lookAtLocal(t hcl.Traversal, shape *Shape, object string) {
	target, rest, ok := k.module.target(t)
	if !ok || target.kind != kindLocal || len(rest) > 0 || slices.Contains(k.locals, target.name) {
		return
	}
	k.locals = append(k.locals, target.name)
	k.look(k.module.locals[target.name], shape, object)
	k.locals = k.locals[:len(k.locals)-1]
}

// lookInside looks at an object or a list that is written out, in either syntax.
func (k *keys) lookInside(expression hcl.Expression, shape *Shape, object string) {
	if pairs, diags := hcl.ExprMap(expression); !diags.HasErrors() {
		for _, pair := range pairs {
			k.lookAtPair(pair, shape, object)
		}
		return
	}
	if elements, diags := hcl.ExprList(expression); !diags.HasErrors() {
		for _, element := range elements {
			k.look(element, shape.Elements, object)
		}
		return
	}
	if _, native := expression.(hclsyntax.Expression); !native {
		k.look(template(expression), shape, object)
	}
}

func (k *keys) lookAtPair(pair hcl.KeyValuePair, shape *Shape, object string) {
	key, literal := keyOf(pair.Key)
	switch {
	case shape.Attributes == nil:
		k.look(pair.Value, shape.Elements, object)
	case !literal || key == "//": // computed, or a comment in JSON
	default:
		if attribute, known := shape.Attributes[key]; known {
			k.look(pair.Value, attribute, object+"."+key)
			return
		}
		at := pair.Key.Range()
		unknown := UnknownKey{Block: k.block, Object: object, Key: key, Known: slices.Sorted(maps.Keys(shape.Attributes)), File: at.Filename, Line: at.Start.Line}
		if len(k.locals) > 0 {
			unknown.Local = k.locals[len(k.locals)-1]
		}
		if prior, ok := k.found[at]; !ok || prior.Local != "" {
			k.found[at] = unknown
		}
	}
}

// template is what a string in JSON means, such as "${local.gates}"; nil if it is none.
func template(expression hcl.Expression) hcl.Expression {
	text, diags := expression.Value(nil) // without a context, as it is written
	if diags.HasErrors() || text.IsNull() || !text.IsKnown() || text.Type() != cty.String {
		return nil
	}
	at := expression.Range()
	parsed, diags := hclsyntax.ParseTemplate([]byte(text.AsString()), at.Filename, at.Start)
	if diags.HasErrors() {
		return nil // Terraform refuses it
	}
	return parsed
}
