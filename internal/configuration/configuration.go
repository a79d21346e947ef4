// Package configuration reads the files of a Terraform or OpenTofu configuration: the root module and the installed modules. It answers
// what the plugin protocol does not tell a provider: which blocks there are, where they stand, which block depends on which, and where a
// value comes from. It evaluates nothing beyond literals, runs nothing, and follows no address other than that of an installed module.
//
// What it cannot follow, it does not claim: a missing dependency is possible, an invented one is not.
package configuration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Configuration is what the files of one configuration say. It does not change, and is safe for concurrent use.
type Configuration struct {
	// readings are the ways in which the files can be meant: as Terraform or as OpenTofu, which disagree about .tofu files, and with the
	// modules of a terraform test as roots of their own. There is no way to know which one a plan is about.
	readings []*reading
}

// reading is one way to read the files.
type reading struct {
	modules map[string]*module // by path: "" is the root, "a.b" is module b in module a
	graph   map[node][]node
}

// Block is a resource, data source or ephemeral resource as the files declare it.
type Block struct {
	Kind   Kind
	Type   string // such as cd_freeze
	Name   string // the label
	Module string // "" for the root module, else such as module.a.module.b
	File   string // relative to the root module where possible
	Line   int

	node    node
	content *body
}

// Kind is what a block declares.
type Kind string

// The kinds of blocks.
const (
	Resource  Kind = "resource"
	Data      Kind = "data"
	Ephemeral Kind = "ephemeral"
)

// Address is how Terraform writes the block, without the keys of instances: module.a.cd_freeze.f.
func (b Block) Address() string {
	if b.Module == "" {
		return b.LocalAddress()
	}
	return b.Module + "." + b.LocalAddress()
}

// LocalAddress is how the block is referred to inside its module: cd_freeze.f or data.cd_release.r.
func (b Block) LocalAddress() string {
	if b.Kind == Resource {
		return b.Type + "." + b.Name
	}
	return string(b.Kind) + "." + b.Type + "." + b.Name
}

// Position is the file and line of the block, such as main.tf:12.
func (b Block) Position() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

// Literal returns an attribute that the block states as a literal string. ok is false if it is absent or no literal.
func (b Block) Literal(attribute string) (value string, ok bool) { return b.content.literal(attribute) }

// Object names objects of a resource type. The zero Values mean every object of the type.
type Object struct {
	Type string
	// Values are attributes of the object, such as its name. A block that states another literal value for one of them does not declare
	// the object; a block that does not state a literal may.
	Values map[string]string
}

// Blocks lists the resource blocks that may declare an object, by address.
func (c *Configuration) Blocks(o Object) []Block {
	found := map[string]Block{}
	for _, r := range c.readings {
		for _, b := range r.blocks(o) {
			found[b.Address()] = b
		}
	}
	return sorted(slices.Collect(maps.Values(found)))
}

// Order is what the files say about the order of two objects.
type Order struct {
	// Fixed is true if the files declare both, and of any two blocks that may declare them one depends on the other. Terraform handles them in
	// that order in every plan and in every apply.
	Fixed bool
	// Reversed is true if it is the later one that always comes first.
	Reversed bool
	// Open lists the pairs of blocks that do not depend on each other, by address.
	Open []Dependency
}

// Dependency is one block that should depend on another.
type Dependency struct{ Later, Earlier Block }

// Order tells whether Terraform always handles two objects of one provider configuration in the same order.
func (c *Configuration) Order(later, earlier Object) Order {
	return c.orderOf(later, func(r *reading) []Block { return r.blocks(earlier) }, (*reading).sameProvider)
}

// sameProvider reports whether two blocks belong to one provider configuration. Objects of two are not planned in one process.
func (r *reading) sameProvider(a, b Block) bool { return r.providerOf(a) == r.providerOf(b) }

func (c *Configuration) orderOf(later Object, earlier func(r *reading) []Block, which ...func(r *reading, later, earlier Block) bool) Order {
	reversed := true
	order := c.order(later, earlier, which, func(w *ways, later, earlier Block) bool {
		reversed = reversed && w.depends(earlier, later)
		return w.depends(later, earlier) || w.depends(earlier, later)
	})
	order.Reversed = order.Fixed && reversed
	return order
}

// Replaced tells whether Terraform always handles an object after another one was replaced: it destroys what it replaces first, unless
// create_before_destroy says otherwise, there or in a block that depends on it.
func (c *Configuration) Replaced(later, earlier Object) Order {
	blocks := func(r *reading) []Block { return r.blocks(earlier) }
	which := []func(*reading, Block, Block) bool{(*reading).sameProvider}
	return c.order(later, blocks, which, func(w *ways, later, earlier Block) bool { return w.depends(later, earlier) && !w.createsFirst(earlier) })
}

func (c *Configuration) order(later Object, earlier func(r *reading) []Block, which []func(r *reading, later, earlier Block) bool, fixed func(w *ways, later, earlier Block) bool) Order {
	declared := false
	open := map[string]Dependency{}
	for _, r := range c.readings {
		w := &ways{r, map[node]map[node]bool{}}
		before := earlier(r)
		for _, a := range r.blocks(later) {
			for _, b := range before {
				if slices.ContainsFunc(which, func(one func(*reading, Block, Block) bool) bool { return !one(r, a, b) }) {
					continue
				}
				declared = true
				if !fixed(w, a, b) {
					open[a.Address()+" "+b.Address()] = Dependency{a, b}
				}
			}
		}
	}
	order := Order{Fixed: declared && len(open) == 0}
	for _, key := range slices.Sorted(maps.Keys(open)) {
		order.Open = append(order.Open, open[key])
	}
	return order
}

// ways remembers what is reachable in the graph of a reading.
type ways struct {
	*reading
	known map[node]map[node]bool
}

func (w *ways) depends(by, on Block) bool {
	if w.known[by.node] == nil {
		w.known[by.node] = w.reachable(by.node)
	}
	return w.known[by.node][on.node]
}

// createsFirst reports whether Terraform may create the replacement of an object before it destroys the object.
func (w *ways) createsFirst(b Block) bool {
	for _, m := range w.modules {
		for _, other := range m.resources {
			if other.createsFirst() && (other.node == b.node || w.depends(other, b)) {
				return true
			}
		}
	}
	return false
}

// createsFirst reports whether the block states create_before_destroy, or may: in JSON, lifecycle is written like an attribute.
func (b Block) createsFirst() bool {
	if lifecycle := b.content.attributes["lifecycle"]; lifecycle != nil {
		pairs, diags := hcl.ExprMap(lifecycle)
		return diags.HasErrors() || slices.ContainsFunc(pairs, func(pair hcl.KeyValuePair) bool {
			key, diags := pair.Key.Value(nil)
			return diags.HasErrors() || key.RawEquals(cty.StringVal("create_before_destroy"))
		})
	}
	return slices.ContainsFunc(b.content.nested, func(nested block) bool {
		return nested.typ == "lifecycle" && nested.body.attributes["create_before_destroy"] != nil
	})
}

// blocks lists the resource blocks that may declare an object, in no particular order.
func (r *reading) blocks(o Object) []Block {
	var found []Block
	for _, m := range r.modules {
		for _, b := range m.resources {
			if b.MayDeclare(o) {
				found = append(found, b)
			}
		}
	}
	return found
}

// MayDeclare reports whether the block may declare an object: it is a resource of its type, and states no other literal value.
func (b Block) MayDeclare(o Object) bool {
	if b.Kind != Resource || b.Type != o.Type {
		return false
	}
	for attribute, value := range o.Values {
		if literal, ok := b.Literal(attribute); ok && literal != value {
			return false
		}
	}
	return true
}

func sorted(blocks []Block) []Block {
	slices.SortFunc(blocks, func(a, b Block) int { return cmp.Compare(a.Address(), b.Address()) })
	return blocks
}

// modulePath writes the path of a module as Terraform does: a.b becomes module.a.module.b.
func modulePath(path string) string {
	if path == "" {
		return ""
	}
	return "module." + strings.ReplaceAll(path, ".", ".module.")
}

// Argument says what to write where, so that the later block depends on the earlier one: the address of the block to edit, the module in
// which both can be named, and the element of depends_on. Where the two are in different modules, it is about the calls of these modules.
func (d Dependency) Argument() (block, module, element string) {
	later, earlier := d.Later.path(), d.Earlier.path()
	shared := 0
	for shared < len(later)-1 && shared < len(earlier)-1 && later[shared] == earlier[shared] {
		shared++
	}
	return later[shared], strings.Join(later[:shared], "."), earlier[shared]
}

// path is the way from the root module to the block: the modules, and then the block itself.
func (b Block) path() []string {
	var steps []string
	if b.node.module != "" {
		for _, name := range strings.Split(b.node.module, ".") {
			steps = append(steps, "module."+name)
		}
	}
	return append(steps, b.LocalAddress())
}
