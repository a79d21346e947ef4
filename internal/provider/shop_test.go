package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// shop is the configuration in testdata/shop over a ledger of its own: staging is automatic, production is manual.
type shop struct {
	*acctest.Harness
	t *testing.T
}

// newShop makes a shop of the test's own, so that the test may run beside others.
func newShop(t *testing.T) shop {
	t.Helper()
	t.Parallel()
	return newShopOn(t, acctest.New(t))
}

// onEachLedger tells a story of a shop on each kind of ledger.
func onEachLedger(t *testing.T, story func(t *testing.T, s shop)) {
	t.Helper()
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) { story(t, newShopOn(t, h)) })
}

func newShopOn(t *testing.T, h *acctest.Harness) shop {
	t.Helper()
	s := shop{h, t}
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		s.write("shop-"+version+".html", version)
	}
	return s
}

// write makes a file in the test's directory and returns its path.
func (s shop) write(name, text string) string {
	s.t.Helper()
	at := filepath.Join(s.Dir, filepath.FromSlash(name))
	require.NoError(s.t, os.MkdirAll(filepath.Dir(at), 0o755))
	require.NoError(s.t, os.WriteFile(at, []byte(text), 0o600))
	return at
}

// wish says what one step's configuration asks for; what is left out takes the configuration's defaults.
type wish map[string]any

// release asks for a version, with everything else of the release by default.
func release(version string) map[string]any { return map[string]any{"version": version} }

// step applies the shop's configuration; the framework then demands that a second plan is empty.
func (s shop) step(w wish) resource.TestStep {
	s.t.Helper()
	variables := config.Variables{"dir": config.StringVariable(filepath.ToSlash(s.Dir))}
	for name, value := range w {
		variables[name] = variable(s.t, value)
	}
	return resource.TestStep{ConfigDirectory: config.StaticDirectory("testdata/shop"), ConfigVariables: variables}
}

func variable(t *testing.T, value any) config.Variable {
	t.Helper()
	switch v := value.(type) {
	case string:
		return config.StringVariable(v)
	case int:
		return config.IntegerVariable(v)
	case bool:
		return config.BoolVariable(v)
	case []string:
		list := []config.Variable{}
		for _, one := range v {
			list = append(list, config.StringVariable(one))
		}
		return config.ListVariable(list...)
	case []map[string]any:
		tuple := []config.Variable{}
		for _, one := range v {
			tuple = append(tuple, variable(t, one))
		}
		return config.TupleVariable(tuple...)
	case map[string]any:
		object := map[string]config.Variable{}
		for name, one := range v {
			object[name] = variable(t, one)
		}
		return config.ObjectVariable(object)
	}
	require.Fail(t, fmt.Sprintf("no variable for %T", value))
	return nil
}

// content is what a decision about production names, to be about what would be delivered there now.
func (s shop) content(version string) string {
	s.t.Helper()
	request, err := s.Client(acctest.Actor).ApprovalRequest(s.t.Context(), "shop", version, "production", string(delivery.Approve))
	require.NoError(s.t, err)
	return delivery.ShortContent(request.ContentDigest)
}

// decided lets the decisions of a step name what would be delivered when the step begins. The release has to be there already.
func (s shop) decided(step resource.TestStep) resource.TestStep {
	before := step.PreConfig
	step.PreConfig = func() {
		if before != nil {
			before()
		}
		step.ConfigVariables["content"] = config.StringVariable(s.content("1.0.0"))
	}
	return step
}

// expecting adds what the plan must say of a resource.
func expecting(step resource.TestStep, checks ...plancheck.PlanCheck) resource.TestStep {
	step.ConfigPlanChecks.PreApply = append(step.ConfigPlanChecks.PreApply, checks...)
	return step
}

// runs is a check that an environment runs a page with this text; empty means that nothing runs there.
func (s shop) runs(environment, want string) error {
	pages, err := filepath.Glob(filepath.Join(s.Dir, "srv", environment, "shop", "current", "*.html"))
	if err != nil {
		return err
	}
	if len(pages) == 0 {
		if want != "" {
			return fmt.Errorf("nothing runs in %s, want %s", environment, want)
		}
		return nil
	}
	text, err := os.ReadFile(pages[0])
	if err == nil && string(text) != want {
		return fmt.Errorf("%s runs %q, want %q", environment, text, want)
	}
	return err
}

// test runs the steps through real Terraform.
func (s shop) test(steps ...resource.TestStep) {
	s.t.Helper()
	resource.Test(s.t, resource.TestCase{ProtoV6ProviderFactories: s.Factories(), WorkingDir: s.WorkingDir(), Steps: steps})
}
