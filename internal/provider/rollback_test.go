package provider_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/stretchr/testify/require"
)

// TestAccGoingBackIsRefusedInThePlan sets production back to an older version: the plan fails while its artifact is gone, or is not what
// was released anymore, and nothing moves; once it is back, the same plan goes back.
func TestAccGoingBackIsRefusedInThePlan(t *testing.T) {
	s := newShop(t)
	promoted := func(version string) wish { return wish{"release": release("1.1.0"), "promotion": release(version)} }
	page := filepath.Join(s.Dir, "shop-1.0.0.html")
	keep := func(text string) func() {
		return func() { require.NoError(t, os.WriteFile(page, []byte(text), 0o600)) }
	}
	gone := s.step(promoted("1.0.0"))
	gone.PreConfig = func() { require.NoError(t, os.Remove(page)) }
	gone.ExpectError = regexp.MustCompile(`(?s)version\s+= var\.promotion\.version.*1\.0\.0\s+cannot\s+be\s+deployed\s+to\s+production.*there\s+is\s+no\s+such\s+file`)
	gone.PlanOnly = true
	another := s.step(promoted("1.0.0"))
	another.PreConfig = keep("something else")
	another.ExpectError = regexp.MustCompile(`it\s+is\s+not\s+what\s+was\s+released`)
	back := expecting(s.then(s.step(promoted("1.0.0")), "1.1.0", "1.0.0"), plancheck.ExpectResourceAction("cd_promotion.production[0]", plancheck.ResourceActionUpdate))
	back.PreConfig = keep("1.0.0")
	s.test(
		s.then(s.step(wish{"release": release("1.0.0"), "promotion": release("1.0.0")}), "1.0.0", "1.0.0"),
		s.then(s.step(promoted("1.1.0")), "1.1.0", "1.1.0"),
		gone, another, back,
	)
}
