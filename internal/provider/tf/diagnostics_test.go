package tf

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestAttributePath(t *testing.T) {
	cases := map[string]struct {
		field string
		want  path.Path
	}{
		"root":            {`tier`, path.Root("tier")},
		"nested":          {`target.directory.path`, path.Root("target").AtName("directory").AtName("path")},
		"key":             {`config["LOG_LEVEL"]`, path.Root("config").AtMapKey("LOG_LEVEL")},
		"key, then name":  {`parity.allow["DB_*"].reason`, path.Root("parity").AtName("allow").AtMapKey("DB_*").AtName("reason")},
		"index":           {`stages[1].environments[0]`, path.Root("stages").AtListIndex(1).AtName("environments").AtListIndex(0)},
		"key with quotes": {`config["a\"]b[.c"]`, path.Root("config").AtMapKey(`a"]b[.c`)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			at, ok := AttributePath(c.field)
			require.True(t, ok)
			require.Equal(t, c.want.String(), at.String())
		})
	}
	for _, bad := range []string{"", "[0]", "config[", "config[x]", `config["a`, `config["a"`} {
		_, ok := AttributePath(bad)
		require.False(t, ok, bad)
	}
}

// TestAttributePathReadsWhatValidationWrites builds fields as package delivery does.
func TestAttributePathReadsWhatValidationWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z_]{0,8}`)
		root := name.Draw(t, "root")
		field, want := root, path.Root(root)
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				step := name.Draw(t, "name")
				field, want = field+"."+step, want.AtName(step)
			case 1:
				step := rapid.IntRange(0, 100).Draw(t, "index")
				field, want = field+"["+strconv.Itoa(step)+"]", want.AtListIndex(step)
			case 2:
				step := rapid.String().Draw(t, "key")
				field, want = fmt.Sprintf("%s[%q]", field, step), want.AtMapKey(step)
			}
		}
		at, ok := AttributePath(field)
		require.True(t, ok, field)
		require.True(t, at.Equal(want), "%s: %s, want %s", field, at, want)
	})
}

func TestAddErrors(t *testing.T) {
	var diags diag.Diagnostics
	AddErrors(&diags, "create", "environment", "staging", fmt.Errorf("wrapped: %w", delivery.Errors{
		{Code: delivery.CodeConflict, Field: `config["A"]`, Message: "A differs"},
		{Code: delivery.CodeConflict, Field: "parity.with", Message: "B does not exist"},
		{Code: delivery.CodeConflict, Message: "it is in use"},
		{Code: delivery.CodeConflict, Field: "[broken", Message: "no such path"},
	}))
	require.Len(t, diags, 4)
	require.Equal(t, `Unable to create environment "staging"`, diags[0].Summary())
	require.Equal(t, "A differs", diags[0].Detail())
	withPath, ok := diags[0].(diag.DiagnosticWithPath)
	require.True(t, ok)
	require.Equal(t, `config["A"]`, withPath.Path().String())
	require.Equal(t, "B does not exist\n\nAttribute: parity.with", diags[1].Detail(), "Terraform shows the source of the resource only")
	require.Equal(t, "it is in use", diags[2].Detail())
	require.Equal(t, "[broken: no such path", diags[3].Detail())
}

func TestAddErrorsExplainsInterruptions(t *testing.T) {
	cases := map[error]string{
		context.DeadlineExceeded: "Raise timeouts to wait longer",
		context.Canceled:         "The apply was interrupted",
		errors.New("disk full"):  "disk full",
	}
	for err, want := range cases {
		var diags diag.Diagnostics
		AddErrors(&diags, "create", "release", "shop/1.0.0", fmt.Errorf("waiting: %w", err))
		require.Len(t, diags, 1)
		require.Contains(t, diags[0].Detail(), want)
	}
}

func TestProblemsInsideASetHaveNoPosition(t *testing.T) {
	for field, want := range map[string]string{
		"stages[1].gates.approvals.approvers[2]":          "stages[1].gates.approvals.approvers",
		`stages[1].gates.windows["office hours"].days[0]`: `stages[1].gates.windows["office hours"].days`,
		"stages[1].overridable[0]":                        "stages[1].overridable",
		"stages[1].environments[0]":                       "stages[1].environments[0]",
		"stages[1].gates.approvals.signed_by[0]":          "stages[1].gates.approvals.signed_by[0]",
		"environments[0]":                                 "environments",
		"tiers[3]":                                        "tiers",
		"pipelines[0]":                                    "pipelines",
		"gates[0]":                                        "gates",
		`gates.windows["days[0]"].start`:                  `gates.windows["days[0]"].start`,
	} {
		at, ok := AttributePath(field)
		require.True(t, ok)
		require.Equal(t, want, at.String())
	}
}
