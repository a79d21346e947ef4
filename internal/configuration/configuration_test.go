package configuration_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
)

// write makes a directory with files, by path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
	}
	return dir
}

func read(t *testing.T, files map[string]string) *configuration.Configuration {
	t.Helper()
	c, err := configuration.Read(write(t, files), "")
	require.NoError(t, err)
	return c
}

// modules is what init writes: keys and directories.
func modules(pairs ...string) string {
	listed := []string{`{"Key":"","Source":"","Dir":"."}`}
	for i := 0; i < len(pairs); i += 2 {
		listed = append(listed, fmt.Sprintf(`{"Key":%q,"Source":"x","Dir":%q}`, pairs[i], pairs[i+1]))
	}
	return `{"Modules":[` + strings.Join(listed, ",") + `]}`
}

const manifest = ".terraform/modules/modules.json"

var (
	release = configuration.Object{Type: "cd_release"}
	freeze  = configuration.Object{Type: "cd_freeze"}
)

const freezeF = `resource "cd_freeze" "f" { name = "f" }` + "\n"

func TestOrderIsFixedBy(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"the other way round":     {"main.tf": "resource \"cd_freeze\" \"f\" {\n depends_on = [cd_release.r]\n}\n" + `resource "cd_release" "r" { version = "1" }`},
		"one way and the other":   {"main.tf": "resource \"cd_freeze\" \"f\" {\n depends_on = [cd_release.r]\n}\n" + `resource "cd_freeze" "g" {}` + "\n" + `resource "cd_release" "r" { depends_on = [cd_freeze.g] }`},
		"depends_on":              {"main.tf": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`},
		"a reference":             {"main.tf": freezeF + `resource "cd_release" "r" { labels = { freeze = cd_freeze.f.name } }`},
		"an instance":             {"main.tf": freezeF + `resource "cd_release" "r" { labels = { freeze = cd_freeze.f["a"].name } }`},
		"a splat":                 {"main.tf": freezeF + `resource "cd_release" "r" { labels = { freeze = join(",", cd_freeze.f[*].name) } }`},
		"a template":              {"main.tf": freezeF + `resource "cd_release" "r" { version = "1-${cd_freeze.f.name}" }`},
		"the long form":           {"main.tf": freezeF + `resource "cd_release" "r" { version = resource.cd_freeze.f.name }`},
		"count":                   {"main.tf": freezeF + `resource "cd_release" "r" { count = length(cd_freeze.f.tiers) }`},
		"for_each":                {"main.tf": freezeF + `resource "cd_release" "r" { for_each = cd_freeze.f.tiers }`},
		"a for expression":        {"main.tf": freezeF + `resource "cd_release" "r" { labels = { for x in cd_freeze.f.tiers : x => x } }`},
		"a precondition":          {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n lifecycle {\n  precondition {\n   condition = cd_freeze.f.name != \"\"\n   error_message = \"x\"\n  }\n }\n}"},
		"replace_triggered_by":    {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n lifecycle {\n  replace_triggered_by = [cd_freeze.f.id]\n }\n}"},
		"a dynamic block":         {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n dynamic \"x\" {\n  for_each = cd_freeze.f.tiers\n  content {}\n }\n}"},
		"content of a dynamic":    {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n dynamic \"x\" {\n  for_each = []\n  content {\n   y = cd_freeze.f.name\n  }\n }\n}"},
		"a provisioner":           {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n provisioner \"local-exec\" {\n  command = cd_freeze.f.name\n }\n}"},
		"another resource":        {"main.tf": freezeF + "resource \"terraform_data\" \"x\" {\n depends_on = [cd_freeze.f]\n}\n" + `resource "cd_release" "r" { depends_on = [terraform_data.x] }`},
		"a data source":           {"main.tf": freezeF + "data \"cd_readiness\" \"x\" {\n depends_on = [cd_freeze.f]\n}\n" + `resource "cd_release" "r" { version = data.cd_readiness.x.version }`},
		"locals":                  {"main.tf": freezeF + "locals {\n a = local.b\n b = { c = cd_freeze.f.name }\n}\n" + `resource "cd_release" "r" { version = local.a.d }`},
		"two files":               {"a.tf": freezeF, "b.tf": `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`},
		"JSON depends_on":         {"a.tf": freezeF, "b.tf.json": `{"resource":{"cd_release":{"r":{"depends_on":["cd_freeze.f"]}}}}`},
		"JSON reference":          {"a.tf.json": `{"resource":{"cd_freeze":{"f":{"name":"f"}}}}`, "b.tf.json": `{"resource":[{"cd_release":{"r":[{"labels":{"x":"${cd_freeze.f.name}"}}]}}]}`},
		"JSON local":              {"a.tf": freezeF, "b.tf.json": `{"locals":{"x":"${cd_freeze.f.name}"},"resource":{"cd_release":{"r":{"version":"${local.x}"}}}}`},
		"an override":             {"a.tf": freezeF + `resource "cd_release" "r" { version = "1" }`, "a_override.tf": `resource "cd_release" "r" { version = cd_freeze.f.name }`},
		"all of several releases": {"main.tf": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }` + "\n" + `resource "cd_release" "s" { depends_on = [cd_release.r] }`},
		"OpenTofu's files":        {"main.tofu": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`},
		"a shadowed file":         {"main.tf": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`, "main.tofu": freezeF + `resource "cd_release" "r" { version = cd_freeze.f.name }`},

		"a whole module": {manifest: modules("m", "m"), "m/a.tf": freezeF,
			"main.tf": "module \"m\" {\n source = \"./m\"\n}\n" + `resource "cd_release" "r" { depends_on = [module.m] }`},
		"a module in a module": {manifest: modules("m", "m", "m.n", "m/n"), "m/a.tf": "module \"n\" {\n source = \"./n\"\n}", "m/n/a.tf": freezeF,
			"main.tf": "module \"m\" {\n source = \"./m\"\n}\n" + `resource "cd_release" "r" { depends_on = [module.m] }`},
		"an output": {manifest: modules("m", "m"), "m/a.tf": freezeF + "output \"o\" {\n value = cd_freeze.f.name\n}",
			"main.tf": "module \"m\" {\n source = \"./m\"\n}\n" + `resource "cd_release" "r" { version = module.m.o }`},
		"an output of an instance": {manifest: modules("m", "m"), "m/a.tf": freezeF + "output \"o\" {\n value = cd_freeze.f.name\n}",
			"main.tf": "module \"m\" {\n source = \"./m\"\n count = 1\n}\n" + `resource "cd_release" "r" { version = module.m[0].o }`},
		"an output's depends_on": {manifest: modules("m", "m"), "m/a.tf": freezeF + "output \"o\" {\n value = 1\n depends_on = [cd_freeze.f]\n}",
			"main.tf": "module \"m\" {\n source = \"./m\"\n}\n" + `resource "cd_release" "r" { version = module.m.o }`},
		"an input": {manifest: modules("m", "m"), "m/a.tf": "variable \"v\" {}\n" + `resource "cd_release" "r" { version = var.v }`,
			"main.tf": freezeF + "module \"m\" {\n source = \"./m\"\n v = cd_freeze.f.name\n}"},
		"depends_on of a module": {manifest: modules("m", "m", "m.n", "m/n"), "m/a.tf": "module \"n\" {\n source = \"./n\"\n}", "m/n/a.tf": `resource "cd_release" "r" { version = "1" }`,
			"main.tf": freezeF + "module \"m\" {\n source = \"./m\"\n depends_on = [cd_freeze.f]\n}"},
		"for_each of a module": {manifest: modules("m", "m"), "m/a.tf": `resource "cd_release" "r" { version = "1" }`,
			"main.tf": freezeF + "module \"m\" {\n source = \"./m\"\n for_each = cd_freeze.f.tiers\n}"},
		"modules outside": {"root/" + manifest: modules("m", "../m"), "m/a.tf": freezeF,
			"root/main.tf": "module \"m\" {\n source = \"../m\"\n}\n" + `resource "cd_release" "r" { depends_on = [module.m] }`},
		"a run of terraform test": {manifest: modules("test.tests.a.setup", "setup"), "main.tf": "locals {}", "setup/a.tf": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, files)
			if _, err := os.Stat(filepath.Join(dir, "root")); err == nil {
				dir = filepath.Join(dir, "root")
			}
			c, err := configuration.Read(dir, "")
			require.NoError(t, err)
			order := c.Order(release, freeze)
			require.Empty(t, order.Open)
			require.True(t, order.Fixed)
			require.True(t, c.Order(freeze, release).Fixed, "whichever is named first")
		})
	}
}

func TestOrderIsNotFixedBy(t *testing.T) {
	r := `resource "cd_release" "r" { version = "1" }` + "\n"
	for name, files := range map[string]map[string]string{
		"nothing":                      {"main.tf": freezeF + r},
		"one of two freezes":           {"main.tf": freezeF + `resource "cd_freeze" "g" {}` + "\n" + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`},
		"one of two releases":          {"main.tf": freezeF + r + `resource "cd_release" "s" { depends_on = [cd_freeze.f] }`},
		"a name that is no reference":  {"main.tf": freezeF + `resource "cd_release" "r" { version = "cd_freeze.f" }`},
		"a comment":                    {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n # depends_on = [cd_freeze.f]\n}"},
		"a JSON comment":               {"a.tf": freezeF, "b.tf.json": `{"resource":{"cd_release":{"r":{"//":"${cd_freeze.f.name}"}}}}`},
		"ignore_changes":               {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n lifecycle {\n  ignore_changes = [cd_freeze.f]\n }\n}"},
		"an element of a for":          {"main.tf": freezeF + `resource "cd_release" "r" { labels = { for cd_freeze in [] : cd_freeze.f => 1 } }`},
		"an iterator":                  {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n dynamic \"x\" {\n  for_each = []\n  iterator = cd_freeze\n  content {\n   y = cd_freeze.f\n  }\n }\n}"},
		"the label of a dynamic":       {"main.tf": freezeF + "resource \"cd_release\" \"r\" {\n dynamic \"cd_freeze\" {\n  for_each = []\n  content {\n   y = cd_freeze.f\n  }\n }\n}"},
		"what an override replaces":    {"a.tf": freezeF + `resource "cd_release" "r" { version = cd_freeze.f.name }`, "override.tf": `resource "cd_release" "r" { version = "1" }`},
		"a local that is replaced":     {"a.tf": freezeF + "locals {\n x = cd_freeze.f.name\n}\n" + `resource "cd_release" "r" { version = local.x }`, "x_override.tf": "locals {\n x = 1\n}"},
		"an unused local":              {"main.tf": freezeF + "locals {\n x = cd_freeze.f.name\n}\n" + r},
		"another output":               {manifest: modules("m", "m"), "m/a.tf": freezeF + "output \"o\" {\n value = cd_freeze.f.name\n}\noutput \"p\" {\n value = 1\n}", "main.tf": "module \"m\" {\n source = \"./m\"\n}\n" + `resource "cd_release" "r" { version = module.m.p }`},
		"another input":                {manifest: modules("m", "m"), "m/a.tf": `resource "cd_release" "r" { version = var.w }`, "main.tf": freezeF + "module \"m\" {\n source = \"./m\"\n v = cd_freeze.f.name\n}"},
		"another module's resource":    {manifest: modules("m", "m", "n", "n"), "m/a.tf": freezeF, "n/a.tf": `resource "cd_freeze" "f" {}` + "\n" + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`, "main.tf": "module \"m\" {\n source = \"./m\"\n}\nmodule \"n\" {\n source = \"./n\"\n}"},
		"the source of a module":       {manifest: modules("m", "m"), "m/a.tf": r, "main.tf": freezeF + "module \"m\" {\n source = cd_freeze.f.name\n}"},
		"OpenTofu, by Terraform":       {"main.tofu": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`, "main.tf": freezeF + r},
		"no release":                   {"main.tf": freezeF},
		"no freeze":                    {"main.tf": r},
		"a data source of that type":   {"main.tf": "data \"cd_freeze\" \"f\" {}\n" + `resource "cd_release" "r" { version = data.cd_freeze.f.name }`},
		"a module that depends on it":  {manifest: modules("m", "m"), "m/a.tf": "", "main.tf": freezeF + r + "module \"m\" {\n source = \"./m\"\n depends_on = [cd_freeze.f]\n}"},
		"an alias of the provider":     {"main.tf": freezeF + `resource "cd_release" "r" { provider = cd_freeze.f }`},
		"a test's module and its root": {manifest: modules("test.tests.a.setup", "setup"), "main.tf": freezeF + r, "setup/a.tf": freezeF + `resource "cd_release" "r" { depends_on = [cd_freeze.f] }`},
	} {
		t.Run(name, func(t *testing.T) {
			require.False(t, read(t, files).Order(release, freeze).Fixed)
		})
	}
}

// What is replaced is destroyed before what depends on it is changed, unless create_before_destroy says otherwise.
func TestReplacedIsFixedBy(t *testing.T) {
	const depends = `resource "cd_release" "r" { depends_on = [cd_freeze.f] }` + "\n"
	first := func(header string) string { return header + " {\n lifecycle {\n  create_before_destroy = true\n }\n" }
	for name, c := range map[string]struct {
		files map[string]string
		fixed bool
	}{
		"a dependency":         {map[string]string{"main.tf": freezeF + depends}, true},
		"the other way round":  {map[string]string{"main.tf": `resource "cd_release" "r" {}` + "\n" + `resource "cd_freeze" "f" { depends_on = [cd_release.r] }`}, false},
		"none":                 {map[string]string{"main.tf": freezeF + `resource "cd_release" "r" {}`}, false},
		"create first":         {map[string]string{"main.tf": first(`resource "cd_freeze" "f"`) + "}\n" + depends}, false},
		"create first later":   {map[string]string{"main.tf": freezeF + depends + first(`resource "null" "n"`) + " x = cd_release.r.id\n}"}, false},
		"create first beside":  {map[string]string{"main.tf": freezeF + depends + first(`resource "null" "n"`) + "}"}, true},
		"create first, JSON":   {map[string]string{"main.tf": depends, "f.tf.json": `{"resource":{"cd_freeze":{"f":{"lifecycle":{"create_before_destroy":true}}}}}`}, false},
		"a list, JSON":         {map[string]string{"main.tf": depends, "f.tf.json": `{"resource":{"cd_freeze":{"f":{"lifecycle":[{"prevent_destroy":true}]}}}}`}, false},
		"another rule, JSON":   {map[string]string{"main.tf": depends, "f.tf.json": `{"resource":{"cd_freeze":{"f":{"lifecycle":{"prevent_destroy":true}}}}}`}, true},
		"another rule, native": {map[string]string{"main.tf": "resource \"cd_freeze\" \"f\" {\n lifecycle {\n  prevent_destroy = true\n }\n}\n" + depends}, true},
	} {
		require.Equal(t, c.fixed, read(t, c.files).Replaced(release, freeze).Fixed, name)
	}
}

func TestOrderNamesTheBlocks(t *testing.T) {
	c := read(t, map[string]string{manifest: modules("m", "m", "m.n", "m/n"), "main.tf": "\n" + freezeF + "module \"m\" {\n source = \"./m\"\n}",
		"m/a.tf": "module \"n\" {\n source = \"./n\"\n}", "m/n/r.tf": "\n\nresource \"cd_release\" \"r\" {}"})
	order := c.Order(release, freeze)
	require.Len(t, order.Open, 1)
	require.Equal(t, "module.m.module.n.cd_release.r", order.Open[0].Later.Address())
	require.Equal(t, "cd_release.r", order.Open[0].Later.LocalAddress())
	require.Equal(t, "m/n/r.tf:3", order.Open[0].Later.Position())
	require.Equal(t, "cd_freeze.f", order.Open[0].Earlier.Address())
	require.Equal(t, "main.tf:2", order.Open[0].Earlier.Position())
	block, module, element := order.Open[0].Argument()
	require.Equal(t, []string{"module.m", "", "cd_freeze.f"}, []string{block, module, element}, "where both can be named")
}

func TestArgumentIsWhereBothCanBeNamed(t *testing.T) {
	nested := map[string]string{manifest: modules("m", "m", "m.n", "m/n", "m.o", "m/o"), "main.tf": "module \"m\" {\n source = \"./m\"\n}",
		"m/a.tf": "module \"n\" {\n source = \"./n\"\n}\nmodule \"o\" {\n source = \"./o\"\n}"}
	for name, c := range map[string]struct {
		release, freeze string // the files
		want            []string
	}{
		"one module":                {"m/n/r.tf", "m/n/f.tf", []string{"cd_release.r", "module.m.module.n", "cd_freeze.f"}},
		"two modules":               {"m/n/r.tf", "m/o/f.tf", []string{"module.n", "module.m", "module.o"}},
		"the freeze further inside": {"m/r.tf", "m/o/f.tf", []string{"cd_release.r", "module.m", "module.o"}},
		"the freeze at the root":    {"m/n/r.tf", "f.tf", []string{"module.m", "", "cd_freeze.f"}},
		"the release at the root":   {"r.tf", "m/n/f.tf", []string{"cd_release.r", "", "module.m"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"m/n/x.tf": "", "m/o/x.tf": ""}
			maps.Copy(files, nested)
			files[c.release], files[c.freeze] = `resource "cd_release" "r" {}`, freezeF
			open := read(t, files).Order(release, freeze).Open
			require.Len(t, open, 1)
			block, module, element := open[0].Argument()
			require.Equal(t, c.want, []string{block, module, element})
		})
	}
}

// A literal tells which block declares an object. It never makes a block that states none count less.
func TestLiteralsTellBlocksApart(t *testing.T) {
	c := read(t, map[string]string{"a.tf": freezeF + `resource "cd_freeze" "g" { name = "g" }` + "\n" + `resource "cd_freeze" "h" { name = var.name }` + "\n" +
		`resource "cd_release" "r" { depends_on = [cd_freeze.f, cd_freeze.h] }`, "b.tf.json": `{"resource":{"cd_freeze":{"i":{"name":"i"}}}}`})
	computed := read(t, map[string]string{"a.tf.json": `{"resource":{"cd_freeze":{"a":{"name":"${var.name}"},"b":{"name":"b"},"c":{"name":"c-${1}"}}}}`})
	named := func(name string) configuration.Object {
		return configuration.Object{Type: "cd_freeze", Values: map[string]string{"name": name}}
	}
	addresses := []string{}
	for _, b := range c.Blocks(named("f")) {
		addresses = append(addresses, b.Address())
	}
	require.Equal(t, []string{"cd_freeze.f", "cd_freeze.h"}, addresses)
	require.True(t, c.Order(release, named("f")).Fixed)
	require.True(t, c.Order(release, named("z")).Fixed, "h may be z, and the release depends on it")
	require.False(t, c.Order(release, named("g")).Fixed)
	require.False(t, c.Order(release, named("i")).Fixed)

	may := []string{}
	for _, b := range computed.Blocks(named("c-1")) {
		may = append(may, b.Address())
	}
	require.Equal(t, []string{"cd_freeze.a", "cd_freeze.c"}, may, "a template in JSON is no literal")
}

func TestReferences(t *testing.T) {
	approval := configuration.Object{Type: "cd_approval"}
	module := func(in, out string) map[string]string {
		return map[string]string{manifest: modules("m", "m"), "m/a.tf": in, "main.tf": out}
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string // what the content comes from; empty for nothing of cd
	}{
		"literal":               {map[string]string{"main.tf": `resource "cd_approval" "a" { content = "0123456789ab" }`}, ""},
		"variable":              {map[string]string{"main.tf": `resource "cd_approval" "a" { content = var.content }`}, ""},
		"absent":                {map[string]string{"main.tf": `resource "cd_approval" "a" { version = cd_release.r.version }`}, ""},
		"only ordered":          {map[string]string{"main.tf": "resource \"cd_approval\" \"a\" {\n content = \"x\"\n depends_on = [cd_release.r]\n}"}, ""},
		"resource":              {map[string]string{"main.tf": `resource "cd_approval" "a" { content = cd_release.r.digest }`}, "cd_release.r main.tf:1"},
		"data source":           {map[string]string{"main.tf": `resource "cd_approval" "a" { content = substr(data.cd_approval_request.r.content, 0, 12) }`}, "data.cd_approval_request.r main.tf:1"},
		"template":              {map[string]string{"main.tf": `resource "cd_approval" "a" { content = "${cd_release.r.digest}" }`}, "cd_release.r main.tf:1"},
		"conditional":           {map[string]string{"main.tf": `resource "cd_approval" "a" { content = var.x ? "a" : cd_release.r.digest }`}, "cd_release.r main.tf:1"},
		"another provider":      {map[string]string{"main.tf": `resource "cd_approval" "a" { content = terraform_data.x.output }`}, ""},
		"local":                 {map[string]string{"main.tf": "locals {\n x = cd_release.r.digest\n}\n" + `resource "cd_approval" "a" { content = local.x }`}, "cd_release.r main.tf:2"},
		"another key of local":  {map[string]string{"main.tf": "locals {\n x = { content = \"x\", version = cd_release.r.version }\n}\n" + `resource "cd_approval" "a" { content = local.x.content }`}, ""},
		"that key of local":     {map[string]string{"main.tf": "locals {\n x = { \"content\" = cd_release.r.digest }\n}\n" + `resource "cd_approval" "a" { content = local.x.content }`}, "cd_release.r main.tf:2"},
		"some key of local":     {map[string]string{"main.tf": "locals {\n x = { (var.k) = cd_release.r.digest }\n}\n" + `resource "cd_approval" "a" { content = local.x.content }`}, "cd_release.r main.tf:2"},
		"key through locals":    {map[string]string{"main.tf": "locals {\n y = local.x\n x = { content = cd_release.r.digest }\n}\n" + `resource "cd_approval" "a" { content = local.y.content }`}, "cd_release.r main.tf:3"},
		"local through a call":  {map[string]string{"main.tf": "locals {\n x = merge({ content = cd_release.r.digest }, {})\n}\n" + `resource "cd_approval" "a" { content = local.x.content }`}, "cd_release.r main.tf:2"},
		"list":                  {map[string]string{"main.tf": "locals {\n x = [cd_release.r.digest]\n}\n" + `resource "cd_approval" "a" { content = local.x[0] }`}, "cd_release.r main.tf:2"},
		"each.value":            {map[string]string{"main.tf": "resource \"cd_approval\" \"a\" {\n for_each = { a = { content = cd_release.r.digest } }\n content = each.value.content\n}"}, "cd_release.r main.tf:2"},
		"another of each.value": {map[string]string{"main.tf": "resource \"cd_approval\" \"a\" {\n for_each = { a = { content = \"x\", version = cd_release.r.version } }\n content = each.value.content\n}"}, ""},
		"each.key":              {map[string]string{"main.tf": "resource \"cd_approval\" \"a\" {\n for_each = toset([cd_release.r.digest])\n content = each.key\n}"}, "cd_release.r main.tf:2"},
		"locals in a circle":    {map[string]string{"main.tf": "locals {\n x = local.y\n y = local.x\n}\n" + `resource "cd_approval" "a" { content = local.x }`}, ""},
		"JSON":                  {map[string]string{"main.tf.json": `{"resource":{"cd_approval":{"a":{"content":"${cd_release.r.digest}"}}}}`}, "cd_release.r main.tf.json:1"},
		"input":                 {module(`resource "cd_approval" "a" { content = var.c }`, "module \"m\" {\n source = \"./m\"\n c = cd_release.r.digest\n}"), "cd_release.r main.tf:3"},
		"another input":         {module(`resource "cd_approval" "a" { content = var.c }`, "module \"m\" {\n source = \"./m\"\n c = \"x\"\n v = cd_release.r.version\n}"), ""},
		"input by each.value":   {module(`resource "cd_approval" "a" { content = var.c }`, "module \"m\" {\n source = \"./m\"\n for_each = { a = cd_release.r.digest }\n c = each.value\n}"), "cd_release.r main.tf:3"},
		"output":                {module("output \"o\" {\n value = cd_release.r.digest\n}", "module \"m\" {\n source = \"./m\"\n}\n"+`resource "cd_approval" "a" { content = module.m.o }`), "module.m.cd_release.r m/a.tf:2"},
		"all outputs":           {module("output \"o\" {\n value = cd_release.r.digest\n}", "module \"m\" {\n source = \"./m\"\n for_each = {}\n}\n"+`resource "cd_approval" "a" { content = values(module.m)[0].o }`), "module.m.cd_release.r m/a.tf:2"},
		"another output":        {module("output \"o\" {\n value = cd_release.r.digest\n}\noutput \"p\" {\n value = 1\n}", "module \"m\" {\n source = \"./m\"\n}\n"+`resource "cd_approval" "a" { content = module.m.p }`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := []string{}
			for _, r := range read(t, c.files).References(approval, "content", "cd_") {
				require.Equal(t, "a", r.By.Name)
				found = append(found, fmt.Sprintf("%s %s:%d", r.To, r.File, r.Line))
			}
			require.Equal(t, c.want, strings.Join(found, ", "))
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a file that does not parse":     {map[string]string{"main.tf": `resource "x`}, "main.tf:1"},
		"JSON that does not parse":       {map[string]string{"main.tf.json": `{"resource":`}, "main.tf.json:1"},
		"a file that is too large":       {map[string]string{"main.tf": strings.Repeat("# x\n", 2<<20)}, "at most 4194304"},
		"brackets that are too deep":     {map[string]string{"main.tf": "locals {\n x = " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + "\n}"}, "nested more than 1000 deep"},
		"a module that is not installed": {map[string]string{"main.tf": "module \"m\" {\n source = \"./m\"\n}"}, "module m: it is not installed"},
		"a module that is gone":          {map[string]string{manifest: modules("m", "m"), "main.tf": "module \"m\" {\n source = \"./m\"\n}"}, "no such file"},
		"a manifest that does not parse": {map[string]string{manifest: "{", "main.tf": "locals {}"}, "modules.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := configuration.Read(write(t, c.files), "")
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := configuration.Read(write(t, map[string]string{"main.txt": "", ".hidden.tf": "{", "main.tf~": "{"}), "")
	require.ErrorIs(t, err, configuration.ErrNoFiles)
}

func TestReadUsesTheDataDirectory(t *testing.T) {
	files := map[string]string{"elsewhere/modules/modules.json": modules("m", "m"), "m/a.tf": freezeF,
		"main.tf": "module \"m\" {\n source = \"./m\"\n}\n" + `resource "cd_release" "r" { depends_on = [module.m] }`}
	dir := write(t, files)
	for _, data := range []string{"elsewhere", filepath.Join(dir, "elsewhere")} {
		c, err := configuration.Read(dir, data)
		require.NoError(t, err)
		require.True(t, c.Order(release, freeze).Fixed)
	}
}
