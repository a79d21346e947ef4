package configuration_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
)

// pipelineShape has a list of objects, an object, a map of objects, and texts.
var pipelineShape = &configuration.Shape{Attributes: map[string]*configuration.Shape{
	"name": nil,
	"stages": {Elements: &configuration.Shape{Attributes: map[string]*configuration.Shape{
		"name": nil, "config": nil,
		"gates": {Attributes: map[string]*configuration.Shape{
			"soak":  {Attributes: map[string]*configuration.Shape{"duration": nil}},
			"tests": {Elements: &configuration.Shape{Attributes: map[string]*configuration.Shape{"min_tests": nil}}}}},
	}}},
}}

func unknownIn(t *testing.T, files map[string]string) []string {
	t.Helper()
	found := []string{}
	for _, k := range read(t, files).UnknownKeys(configuration.Resource, "cd_pipeline", pipelineShape) {
		text := fmt.Sprintf("%s:%d %s %s.%s", k.File, k.Line, k.Block.Address(), k.Object, k.Key)
		if k.Local != "" {
			text += " in local." + k.Local
		}
		found = append(found, text)
	}
	return found
}

func TestUnknownKeys(t *testing.T) {
	for name, c := range map[string]struct {
		stages string // the value of the attribute, on line 2
		more   string // after the block
		want   []string
	}{
		"none":                      {`[{ name = "a", gates = { soak = { duration = "1h" }, tests = { unit = { min_tests = 1 } } } }]`, "", nil},
		"in an object of a list":    {`[{ name = "a", gate = {} }]`, "", []string{"stages.gate"}},
		"in an object":              {`[{ gates = { soke = {} } }]`, "", []string{"stages.gates.soke"}},
		"in an object of an object": {`[{ gates = { soak = { minutes = 1 } } }]`, "", []string{"stages.gates.soak.minutes"}},
		"in an object of a map":     {`[{ gates = { tests = { unit = { min = 1 } } } }]`, "", []string{"stages.gates.tests.min"}},
		"two":                       {`[{ gate = {}, gates = { soke = {} } }]`, "", []string{"stages.gate", "stages.gates.soke"}},
		"a quoted key":              {`[{ "gate" = {} }]`, "", []string{"stages.gate"}},
		"a key of texts":            {`[{ config = { anything = "a" } }]`, "", nil},
		"parentheses":               {`([({ gate = {} })])`, "", []string{"stages.gate"}},
		"a conditional":             {`var.a ? [{ gate = {} }] : [{ door = {} }]`, "", []string{"stages.door", "stages.gate"}},
		"a for expression":          {`[for e in var.all : { name = e, gate = {} }]`, "", []string{"stages.gate"}},
		"a for expression of a map": {`[{ gates = { tests = { for s in var.all : s => { min = 1 } } } }]`, "", []string{"stages.gates.tests.min"}},
		"merge":                     {`[merge(var.a, { gate = {} }, { gates = { soke = {} } })]`, "", []string{"stages.gate", "stages.gates.soke"}},
		"an expanded argument":      {`[merge([{ gate = {} }]...)]`, "", []string{"stages.gate"}},
		"concat":                    {`concat([{ gate = {} }], var.more)`, "", []string{"stages.gate"}},
		"a function of another use": {`jsondecode("[]") == [{ gate = {} }] ? [] : []`, "", nil},
		"a computed key":            {`[{ (var.key) = {}, "${var.key}s" = {} }]`, "", nil},
		"a variable":                {`var.stages`, "", nil},
		"a part of a local":         {`local.all.stages`, "locals {\n  all = { stages = [{ gate = {} }] }\n}\n", nil},
		"a local":                   {`local.stages`, "locals {\n  stages = [{ gate = {} }]\n}\n", []string{"stages.gate in local.stages"}},
		"a local of a local":        {`local.a`, "locals {\n  a = concat(local.b, [])\n  b = [{ gate = {} }]\n}\n", []string{"stages.gate in local.b"}},
		"locals in a circle":        {`local.a`, "locals {\n  a = local.b\n  b = local.a\n}\n", nil},
		"a local and the block":     {`[merge(local.s, { gate = {} })]`, "locals {\n  s = { door = {} }\n}\n", []string{"stages.gate", "stages.door in local.s"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := "resource \"cd_pipeline\" \"p\" {\n  stages = " + c.stages + "\n}\nresource \"cd_other\" \"o\" {\n  stages = [{ gate = {} }]\n}\n" + c.more
			got := []string{}
			for _, k := range unknownIn(t, map[string]string{"main.tf": text}) {
				var file, address, key string
				_, err := fmt.Sscanf(k, "%s %s %s", &file, &address, &key)
				require.NoError(t, err)
				require.Equal(t, "cd_pipeline.p", address)
				got = append(got, k[len(file)+len(address)+2:])
			}
			require.ElementsMatch(t, c.want, got)
		})
	}
}

func TestUnknownKeysOfOtherFiles(t *testing.T) {
	const block = "resource \"cd_pipeline\" \"p\" {\n  stages = [{ gate = {} }]\n}\n"
	require.Equal(t, []string{"p.tf.json:1 cd_pipeline.p stages.gate"}, unknownIn(t, map[string]string{
		"p.tf.json": `{"resource": {"cd_pipeline": {"p": {"//": "a comment", "stages": [{"//": "another", "gate": {}, "gates": {"soak": {"duration": "1h"}}}]}}}}`}))
	require.Equal(t, []string{"p.tf.json:1 cd_pipeline.p stages.gates.soke in local.gates"}, unknownIn(t, map[string]string{
		"p.tf.json": `{"locals": {"gates": {"soke": {}}}, "resource": {"cd_pipeline": {"p": {"stages": [{"gates": "${local.gates}"}]}}}}`}))
	require.Equal(t, []string{"p.tf.json:1 cd_pipeline.p stages.gate"}, unknownIn(t, map[string]string{
		"p.tf.json": `{"resource": {"cd_pipeline": {"p": {"stages": "${[for e in var.all : { gate = e }]}"}}}}`}))
	require.Equal(t, []string{"a/main.tf:2 module.a.cd_pipeline.p stages.gate"}, unknownIn(t, map[string]string{
		"main.tf": `module "a" { source = "./a" }`, "a/main.tf": block, manifest: modules("a", "a")}))
	require.Equal(t, []string{"main.tofu:2 cd_pipeline.p stages.gate"}, unknownIn(t, map[string]string{"main.tofu": block}))
	require.Equal(t, []string{"z_override.tf:2 cd_pipeline.p stages.gate"}, unknownIn(t, map[string]string{
		"main.tf": "resource \"cd_pipeline\" \"p\" {\n  stages = [{ door = {} }]\n}\n", "z_override.tf": block}), "an override replaces the attribute")
}
