package configuration

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// file is one parsed file: its top-level blocks.
type file struct {
	blocks []block
}

// block is a block with its content. In JSON syntax, nested blocks are among the attributes: only a schema tells them apart.
type block struct {
	typ    string
	labels []string
	body   *body
	file   string
	line   int
}

type body struct {
	attributes map[string]hcl.Expression
	nested     []block
	iterator   string // of a dynamic block: the name of its elements inside
}

// topLevel are the blocks that matter here, with the names of their labels. JSON needs them to be told from attributes.
var topLevel = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "ephemeral", LabelNames: []string{"type", "name"}},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "module", LabelNames: []string{"name"}},
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}},
	{Type: "locals"},
}}

// parse reads one file. name is how errors and positions call it; its suffix decides about the syntax.
func parse(name string, text []byte) (*file, error) {
	if nesting(text) > maxNesting {
		return nil, fmt.Errorf("unable to read %s: brackets are nested more than %d deep", name, maxNesting)
	}
	var parsed *hcl.File
	var diags hcl.Diagnostics
	if suffix := suffixOf(name); suffix == ".tf" || suffix == ".tofu" {
		parsed, diags = hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	} else {
		parsed, diags = json.Parse(text, name)
	}
	if diags.HasErrors() {
		return nil, fmt.Errorf("unable to read the configuration: %w", diags)
	}
	if native, ok := parsed.Body.(*hclsyntax.Body); ok {
		return &file{nativeBody(native).nested}, nil
	}
	content, _, diags := parsed.Body.PartialContent(topLevel)
	if diags.HasErrors() {
		return nil, fmt.Errorf("unable to read the configuration: %w", diags)
	}
	f := &file{}
	for _, b := range content.Blocks {
		attributes, diags := b.Body.JustAttributes()
		if diags.HasErrors() {
			return nil, fmt.Errorf("unable to read the configuration: %w", diags)
		}
		converted := block{b.Type, b.Labels, &body{attributes: map[string]hcl.Expression{}}, b.DefRange.Filename, b.DefRange.Start.Line}
		for key, attribute := range attributes {
			converted.body.attributes[key] = attribute.Expr
		}
		f.blocks = append(f.blocks, converted)
	}
	return f, nil
}

func nativeBody(b *hclsyntax.Body) *body {
	converted := &body{attributes: map[string]hcl.Expression{}}
	for key, attribute := range b.Attributes {
		converted.attributes[key] = attribute.Expr
	}
	for _, nested := range b.Blocks {
		at := nested.DefRange()
		inner := nativeBody(nested.Body)
		if nested.Type == "dynamic" && len(nested.Labels) == 1 {
			inner.iterator = nested.Labels[0]
			if named := hcl.ExprAsKeyword(inner.attributes["iterator"]); named != "" {
				inner.iterator = named
			}
		}
		converted.nested = append(converted.nested, block{nested.Type, nested.Labels, inner, at.Filename, at.Start.Line})
	}
	return converted
}

// nesting returns how deep brackets are nested at most, counting those in strings and comments too. The parsers recurse, and a stack that
// overflows ends the process.
func nesting(text []byte) int {
	deepest, depth := 0, 0
	for _, c := range text {
		switch c {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
	}
	return deepest
}

// literal returns an attribute that is a string without any reference or call.
func (b *body) literal(attribute string) (value string, ok bool) {
	expression, ok := b.attributes[attribute]
	if !ok {
		return "", false
	}
	// An empty context has nothing to refer to and nothing to call. Without any context, a string in JSON would not be taken for a template.
	found, diags := expression.Value(&hcl.EvalContext{})
	if diags.HasErrors() || !found.IsWhollyKnown() || found.IsNull() || found.Type() != cty.String {
		return "", false
	}
	return found.AsString(), true
}

// overridden returns the content of a block after an override file changed it: attributes one by one, nested blocks by type. The arguments
// of lifecycle are merged.
func (b *body) overridden(by *body) *body {
	merged := &body{attributes: maps.Clone(b.attributes)}
	maps.Copy(merged.attributes, by.attributes)
	replaced := map[string]*body{}
	for _, nested := range by.nested {
		replaced[nested.typ] = nested.body
	}
	for _, nested := range b.nested {
		by, ok := replaced[nested.typ]
		switch {
		case !ok:
			merged.nested = append(merged.nested, nested)
		case nested.typ == "lifecycle":
			nested.body = nested.body.overridden(by)
			merged.nested = append(merged.nested, nested)
			delete(replaced, nested.typ)
		}
	}
	for _, nested := range by.nested {
		if replaced[nested.typ] != nil {
			merged.nested = append(merged.nested, nested)
		}
	}
	return merged
}
