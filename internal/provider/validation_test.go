package provider_test

import (
	"slices"
	"strings"
	"testing"

	frameworkresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// TestEveryKnownValueIsValidated writes unknown values, as terraform validate has them for references, beside errors.
func TestEveryKnownValueIsValidated(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	type object = map[string]any
	type list = []any
	for name, c := range map[string]struct {
		typ    string
		config object
		want   []string // the paths of the errors, and a part of each message
	}{
		"pipeline with references": {"cd_pipeline", object{"name": "shop", "stages": list{
			object{"name": "dev", "environments": list{unknown}, "promotion": "sometimes", "on_failure": "panic"},
			object{"name": unknown, "environments": list{unknown, "no name"}, "promotion": "manual",
				"config": object{"A": unknown, "no variable": "1"}, "rollout": object{"max_parallel": 2000},
				"verify": object{"smoke": object{"command": object{"argv": list{unknown}, "timeout": "soon"}}, "health": object{"http": object{"url": unknown, "expect_status": 7}}},
				"gates": object{
					"approvals": object{"required": 101, "approvers": list{unknown, "bob@example.com"}, "expires_after": "soon"},
					"soak":      object{"stage": "dev", "duration": "none"},
					"windows":   object{"office": object{"days": list{unknown, "funday"}, "start": unknown, "end": "25:00", "time_zone": "Mars"}},
				}},
		}}, []string{
			`ElementKeyInt(0).AttributeName("promotion"): Invalid pipeline: "sometimes"`,
			`ElementKeyInt(0).AttributeName("on_failure"): Invalid pipeline: "panic"`,
			`ElementKeyInt(1).AttributeName("config").ElementKeyString("no variable")`,
			`ElementKeyInt(1).AttributeName("rollout").AttributeName("max_parallel")`,
			`AttributeName("command").AttributeName("timeout"): Invalid pipeline: "soon"`,
			`AttributeName("http").AttributeName("expect_status"): Invalid pipeline: 7`,
			`AttributeName("approvals").AttributeName("required"): Invalid pipeline: 101`,
			`AttributeName("approvals").AttributeName("expires_after"): Invalid pipeline: "soon"`,
			`AttributeName("soak").AttributeName("duration"): Invalid pipeline: "none"`,
			`AttributeName("windows").ElementKeyString("office").AttributeName("days"): Invalid pipeline: "funday"`,
			`AttributeName("windows").ElementKeyString("office").AttributeName("end"): Invalid pipeline: "25:00"`,
			`AttributeName("windows").ElementKeyString("office").AttributeName("time_zone"): Invalid pipeline: "Mars"`,
		}},
		"what an unknown value can still solve": {"cd_pipeline", object{"name": "shop", "stages": list{
			object{"name": unknown, "environments": list{unknown}, "promotion": "manual"},
			object{"name": "two", "environments": list{unknown}, "promotion": unknown, "gates": object{
				"approvals": object{"required": 2, "approvers": list{unknown, "bob@example.com"}},
				"soak":      object{"stage": "dev", "duration": "1h"},
				"windows":   object{"night": object{"start": unknown, "end": "00:00"}},
				"checks":    object{"up": object{"http": object{"url": unknown}}},
			}},
		}}, nil},
		"soak in a stage that does not come earlier": {"cd_pipeline", object{"name": unknown, "stages": list{
			object{"name": "one", "environments": list{unknown}, "promotion": "manual"},
			object{"name": "two", "environments": list{unknown}, "promotion": "manual", "gates": object{"soak": object{"stage": "two", "duration": "1h"}}},
		}}, []string{`AttributeName("soak").AttributeName("stage"): Invalid pipeline: "two" is not an earlier stage`}},
		"environment": {"cd_environment", object{"name": unknown, "tier": "prod", "config": object{"A": "1", "B": unknown}, "secrets": object{"B": "env:B"},
			"target": object{"webhook": object{"url": unknown, "secret": "plain text", "timeout": unknown, "poll_interval": "20m"}}}, []string{
			`AttributeName("tier"): Invalid environment: "prod"`, `ElementKeyString("B"): Invalid environment: B is in config too`,
			`AttributeName("secret"): Invalid environment: a secret is a reference`}},
		"unknown target":            {"cd_environment", object{"name": "qa", "tier": "testing", "target": object{"directory": object{"path": unknown}}}, nil},
		"freeze without a scope":    {"cd_freeze", object{"name": "f", "reason": unknown, "starts_at": "2027-01-01T00:00:00Z", "ends_at": unknown}, []string{": Invalid freeze: say what is frozen"}},
		"freeze with some scope":    {"cd_freeze", object{"name": "f", "reason": unknown, "starts_at": "noon", "ends_at": "2027-01-01T00:00:00Z", "tiers": list{unknown}}, []string{`AttributeName("starts_at"): Invalid freeze: "noon"`}},
		"freeze from some time on":  {"cd_freeze", object{"name": "f", "reason": "r", "starts_at": unknown, "ends_at": "2027-01-01T00:00:00Z", "tiers": list{"production"}}, nil},
		"policy without a scope":    {"cd_policy", object{"name": unknown, "gates": object{"approvals": object{"required": 0, "approvers": []any{"*"}}}}, []string{": Invalid policy: say where", `AttributeName("required"): Invalid policy: 0`}},
		"policy with unknown tiers": {"cd_policy", object{"name": "p", "tiers": list{unknown, "prod"}, "gates": object{"soak": object{"stage": unknown, "duration": unknown}}}, []string{`AttributeName("tiers"): Invalid policy: "prod"`}},
		"release":                   {"cd_release", object{"pipeline": unknown, "version": "no version", "artifacts": object{"page": object{"uri": unknown, "digest": "md5:1"}}}, []string{`AttributeName("version")`, `AttributeName("digest"): Invalid release: "md5:1"`}},
		"promotion":                 {"cd_promotion", object{"pipeline": unknown, "stage": "production", "version": unknown, "when_blocked": "panic"}, []string{`AttributeName("when_blocked"): Invalid promotion: "panic"`}},
		"verification":              {"cd_verification", object{"pipeline": "a/b", "stage": "production", "version": unknown}, []string{`AttributeName("pipeline"): Invalid verification: "a/b"`}},
		"approval":                  {"cd_approval", object{"pipeline": unknown, "version": unknown, "stage": unknown, "decision": "maybe"}, []string{`AttributeName("decision"): Invalid approval: "maybe"`}},
		"override":                  {"cd_override", object{"pipeline": "shop", "version": unknown, "stage": "s", "gates": list{unknown, "all"}, "reason": unknown, "ticket": " ", "expires_at": "2027-01-01T00:00:00Z"}, []string{`AttributeName("gates"): Invalid override: "all"`, `AttributeName("ticket")`}},
		"test report":               {"cd_test_report", object{"pipeline": "shop", "version": unknown, "suite": "a/b", "junit": unknown}, []string{`AttributeName("suite"): Invalid test report: "a/b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := said(w.validate(c.typ, c.config))
			require.Len(t, got, len(c.want), strings.Join(got, "\n"))
			for _, want := range c.want {
				require.Contains(t, strings.Join(got, "\n"), want)
			}
		})
	}
}

// TestEveryIntegerExplainsFractions writes numbers that are no integers to every integer of every schema.
func TestEveryIntegerExplainsFractions(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	integers := 0
	for _, newResource := range provider.New("test", provider.Host{})().Resources(t.Context()) {
		var name frameworkresource.MetadataResponse
		var described frameworkresource.SchemaResponse
		r := newResource()
		r.Metadata(t.Context(), frameworkresource.MetadataRequest{ProviderTypeName: "cd"}, &name)
		r.Schema(t.Context(), frameworkresource.SchemaRequest{}, &described)
		eachInteger(described.Schema.Attributes, nil, func(path []string, configOf func(number any) map[string]any) {
			integers++
			at := name.TypeName + " " + strings.Join(path, ".")
			for number, want := range map[any]string{1.5: "Invalid number: 1.5 is not a whole number. Write an integer", 1e30: "Invalid number: 1e+30 is too large. Write an integer"} {
				got := slices.DeleteFunc(said(w.validate(name.TypeName, configOf(number))), func(line string) bool { return strings.Contains(line, "Missing Configuration") })
				require.Len(t, got, 1, "%s: %s", at, strings.Join(got, "\n"))
				require.Contains(t, got[0], `AttributeName("`+path[len(path)-1]+`"): `+want, at)
			}
			for _, line := range said(w.validate(name.TypeName, configOf(2))) {
				require.NotContains(t, line, "Invalid number", at)
			}
		})
	}
	require.Greater(t, integers, 20)
}

// eachInteger visits every integer that a user can write, with a function that returns a configuration with a number there and nothing else.
func eachInteger(attributes map[string]schema.Attribute, above []string, visit func(path []string, configOf func(any) map[string]any)) {
	for name, attribute := range attributes {
		path := append(append([]string{}, above...), name)
		within := func(wrap func(any) any) func([]string, func(any) map[string]any) {
			return func(path []string, configOf func(any) map[string]any) {
				visit(path, func(number any) map[string]any { return map[string]any{name: wrap(configOf(number))} })
			}
		}
		switch a := attribute.(type) {
		case schema.Int64Attribute:
			if a.IsOptional() || a.IsRequired() {
				visit(path, func(number any) map[string]any { return map[string]any{name: number} })
			}
		case schema.SingleNestedAttribute:
			eachInteger(a.Attributes, path, within(func(below any) any { return below }))
		case schema.MapNestedAttribute:
			eachInteger(a.NestedObject.Attributes, path, within(func(below any) any { return map[string]any{"key": below} }))
		case schema.ListNestedAttribute:
			eachInteger(a.NestedObject.Attributes, path, within(func(below any) any { return []any{below} }))
		}
	}
}
