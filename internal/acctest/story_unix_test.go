//go:build unix

package acctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// TestTheStoryOfTheDemo follows the demo: a first delivery, a promotion that waits for an approval, a version that does not work and is
// rolled back, and a deployment that somebody edits by hand.
func TestTheStoryOfTheDemo(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		healthy := filepath.Join(h.Dir, "healthy")
		write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
		write(filepath.Join(h.Dir, "page.html"), "hello")
		write(healthy, "")
		whole := storefront(h.Dir, 1)
		unapproved := strings.NewReplacer("cd_approval.shop.version", "cd_release.shop.version", `decision = "approve"`, `decision = "reject"`).Replace(whole)
		next := strings.ReplaceAll(whole, `"1.0.0"`, `"1.1.0"`)
		running := func(environment, want string) {
			deployed, err := h.Client(mallory).Deployed(t.Context(), "shop", environment)
			require.NoError(t, err)
			require.Equal(t, want, deployed.Version, environment)
		}
		edited := filepath.Join(h.Dir, "srv", "production", "shop", "current", "page.html")
		resource.Test(t, resource.TestCase{
			ProtoV6ProviderFactories: h.Factories(),
			WorkingDir:               h.WorkingDir(),
			ErrorCheck:               copyContent(t, h.Dir),
			Steps: []resource.TestStep{
				{Config: whole}, // prints the content
				{Config: unapproved, ExpectError: regexp.MustCompile(`(?s)approvals\s+(failed|pending)`)},
				{PreConfig: func() { running("staging", "1.0.0"); running("production", "") }, Config: whole},
				{Config: next, PreConfig: func() { running("production", "1.0.0"); require.NoError(t, os.Remove(healthy)) }}, // prints the content
				{Config: next, ExpectError: regexp.MustCompile(`(?s)did\s+not\s+pass`)},
				{PreConfig: func() { running("staging", "1.0.0"); write(healthy, "") },
					Config: next, ExpectError: regexp.MustCompile(`(?s)is\s+held`)},
				{Config: strings.Replace(next, "attempt   = 1", "attempt   = 2", 1)},
				{PreConfig: func() { running("production", "1.1.0"); write(edited, "defaced") },
					Config:           strings.Replace(next, "attempt   = 1", "attempt   = 2", 1),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: wholePlan(map[string]plancheck.ResourceActionType{"cd_promotion.shop": plancheck.ResourceActionUpdate})}},
				{PreConfig: func() {
					text, err := os.ReadFile(edited)
					require.NoError(t, err)
					require.Equal(t, "hello", string(text))
				}, Config: strings.Replace(next, "attempt   = 1", "attempt   = 2", 1), PlanOnly: true},
			},
		})
		requireWholeLedger(t, h)
	})
}
