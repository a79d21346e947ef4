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
		preview delivery.Weakening
		want    string
	}{
		"nothing got weaker": {delivery.Weakening{}, ""},
		"no release waits": {delivery.Weakening{Relaxations: lines[:1]},
			"stage \"production\": 1 approvals instead of 2\nIt unblocks no waiting release."},
		"two wait": {delivery.Weakening{Relaxations: lines, Unblocked: []string{"shop/1.1.0 into production", "shop/1.1.0 into staging"}},
			"stage \"production\": 1 approvals instead of 2\nstage \"production\": gate soak removed\n" +
				"Waiting releases that it unblocks: shop/1.1.0 into production, shop/1.1.0 into staging."},
	} {
		t.Run(name, func(t *testing.T) {
			var diags diag.Diagnostics
			warnRelaxation(&diags, "This edit weakens", c.preview)
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
