package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestWarnRelaxation(t *testing.T) {
	lines := []string{`stage "production": 1 approvals instead of 2`, `stage "production": gate soak removed`}
	for name, c := range map[string]struct {
		report delivery.RelaxationReport
		want   string
	}{
		"nothing got weaker": {delivery.RelaxationReport{}, ""},
		"no release waits": {delivery.RelaxationReport{Lines: lines[:1]},
			"stage \"production\": 1 approvals instead of 2\nIt lets no waiting release through."},
		"two wait": {delivery.RelaxationReport{Lines: lines, Unblocked: []string{"shop/1.1.0 into production", "shop/1.1.0 into staging"}},
			"stage \"production\": 1 approvals instead of 2\nstage \"production\": gate soak removed\n" +
				"Releases that it lets through: shop/1.1.0 into production, shop/1.1.0 into staging."},
	} {
		t.Run(name, func(t *testing.T) {
			var diags diag.Diagnostics
			warnRelaxation(&diags, always("This edit weakens"), c.report, false)
			if c.want == "" {
				require.Empty(t, diags)
				return
			}
			require.Len(t, diags, 1)
			require.Equal(t, diag.SeverityWarning, diags[0].Severity())
			require.Equal(t, "This edit weakens", diags[0].Summary())
			require.Equal(t, c.want, diags[0].Detail())
		})
	}
}
