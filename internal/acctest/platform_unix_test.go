//go:build unix

package acctest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// platformShop delivers a page to a directory on a platform, and authorizes it for Terraform elsewhere. FREEZE is a freeze of that, or nothing.
const platformShop = `
resource "cd_environment" "production" {
  name     = "production"
  tier     = "testing"
  platform = { os = "PLATFORM" }
  target   = { directory = { path = "DIR/srv" } }
}

resource "cd_environment" "mirror" {
  name = "mirror"
  tier = "testing"
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    { name = "production", environments = [cd_environment.production.name], promotion = "automatic" },
    { name = "mirror", environments = [cd_environment.mirror.name], promotion = "manual" },
  ]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "VERSION"
  artifacts = { page = { uri = "DIR/VERSION/page.html", digest = "sha256:${filesha256("DIR/VERSION/page.html")}" } }
}

resource "cd_promotion" "mirror" {
  pipeline = cd_pipeline.shop.name
  stage    = "mirror"
  version  = cd_release.shop.version
}
FREEZE
`

const freezeOfMirror = `
resource "cd_freeze" "mirror" {
  name         = "inventory"
  reason       = "we count"
  starts_at    = "2020-01-01T00:00:00Z"
  ends_at      = "2090-01-01T00:00:00Z"
  environments = [cd_environment.mirror.name]
  depends_on   = [cd_promotion.mirror]
}
`

// TestAPlatformIsChangedFirst changes a platform with another version, which is refused in the plan, and then without. What Terraform was
// authorized to deploy, and a freeze would stop by now, is a warning in the plan.
func TestAPlatformIsChangedFirst(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	declare := func(platform, version, freeze string) {
		w.release(strings.NewReplacer("PLATFORM", platform, "FREEZE", freeze).Replace(platformShop), version)
	}
	declare("debian-12", "1.0.0", "")
	w.run("apply")
	declare("debian-13", "2.0.0", "")
	require.Contains(t, w.fails("plan"), `2.0.0 may not enter stage "production": this plan changes the platform of production, and 2.0.0 is not what runs there: `+
		`if it failed, 1.0.0 would come back on a platform on which it never ran. Change the platform first, deliver then: apply the new platform with version 1.0.0, and then deliver 2.0.0`)
	declare("debian-13", "1.0.0", "")
	w.run("apply")
	declare("debian-13", "2.0.0", "")
	w.run("apply")
	require.Equal(t, "2.0.0", w.runs())

	require.NotContains(t, flat(w.run("plan")), "would not be now")
	declare("debian-13", "2.0.0", freezeOfMirror)
	w.run("apply")
	frozen := flat(w.run("plan"))
	require.Contains(t, frozen, `Warning: 2.0.0 is authorized for "mirror", and would not be now`)
	require.Contains(t, frozen, `by now something stops it: freeze: mirror is frozen until 2090-01-01T00:00:00Z by "inventory": we count. The authorization stays`)
	require.Contains(t, frozen, "No changes.")
}
