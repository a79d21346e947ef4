package acctest_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// whole is a configuration of every resource with every attribute that can be set, in Terraform's JSON syntax: the configurations of the
// conformance tests, and a forum that is delivered. DIR stands for the workspace, and DIGEST for the digest of its artifact.
var whole = `{"resource": {
	"cd_environment": {
		"reference": {"name": "reference", "tier": "other"},
		"first": ` + environmentConfigs[0] + `,
		"second": ` + environmentConfigs[1] + `,
		"third": {"name": "third", "tier": "other", "target": {"directory": {"path": "/srv/third"}}},
		"fourth": {"name": "fourth", "tier": "other", "target": {"directory": {"path": "/srv/fourth"}}},
		"web": {"name": "web", "tier": "other"},
		"try": {"name": "try", "tier": "development", "config": {}, "target": {"directory": {"path": "DIR/srv/try"}}},
		"live": {"name": "live", "tier": "testing", "target": {"directory": {"path": "DIR/srv/live"}}}},
	"cd_pipeline": {
		"shop": ` + pipelineConfig + `,
		"site": {"name": "site", "stages": [{"name": "web", "environments": ["web"], "promotion": "manual"}]},
		"forum": {"name": "forum", "stages": [
			{"name": "try", "environments": ["try"], "promotion": "automatic", "gates": {}},
			{"name": "live", "environments": ["live"], "promotion": "manual", "overridable": ["soak"],
				"gates": {"approvals": {"required": 1, "approvers": ["*"], "allow_author": true}, "tests": {"unit": {}}, "soak": {"stage": "try", "duration": "1h"}}}]}},
	"cd_policy": {"strict": {"name": "strict", "tiers": ["staging", "production"], "environments": ["second", "first"], "gates": ` + gatesConfig + `}},
	"cd_freeze": {"holidays": {"name": "holidays", "reason": "few \"people\" are here", "starts_at": "2026-12-20T00:00:00Z", "ends_at": "2027-01-04T06:00:00+01:00",
		"environments": ["second", "first"], "tiers": ["staging", "production"], "pipelines": ["shop", "blog"]}},
	"cd_release": {"site": {"pipeline": "site", "version": "2.0.0", "artifacts": {"page": {"uri": "DIR/page.html", "digest": "DIGEST"}}}, "forum": {"pipeline": "forum", "version": "1.0.0", "attempt": 2, "labels": {"ticket": "F-1", "$${a}": "%%{b}"},
		"artifacts": {"page": {"uri": "DIR/page.html", "digest": "DIGEST"}},
		"source": {"repository": "https://git.example.com/forum", "revision": "3f2c", "author": "dave@example.com", "committed_at": "2026-11-20T10:00:00Z"},
		"timeouts": {"create": "5m", "update": "5m"}}},
	"cd_test_report": {
		"unit": {"pipeline": "forum", "version": "1.0.0", "suite": "unit", "stage": "try", "junit": "<testsuite><testcase name=\"a\"/></testsuite>"},
		"bare": {"pipeline": "forum", "version": "1.0.0", "suite": "bare", "junit": "<testsuite><testcase name=\"a\"/></testsuite>"}},
	"cd_override": {"forum": {"pipeline": "forum", "version": "1.0.0", "stage": "live", "gates": ["soak"], "reason": "login is down", "ticket": "INC-7", "duration": "2h", "content": "${try(file(\"DIR/content\"), null)}"}},
	"cd_approval": {"forum": {"pipeline": "forum", "version": "1.0.0", "stage": "live", "decision": "approve", "comment": "looked twice", "content": "${try(file(\"DIR/content\"), null)}"}},
	"cd_verification": {"site": {"pipeline": "site", "stage": "web", "version": "2.0.0"}},
	"cd_promotion": {"site": {"pipeline": "site", "version": "2.0.0", "stage": "web"}, "forum": {"pipeline": "forum", "version": "1.0.0", "stage": "live", "when_blocked": "pend", "attempt": 1, "timeouts": {"create": "5m"}}}
}}`

// wholeConfiguration returns whole with depends_on, so that everything comes after what it needs.
func wholeConfiguration(t *testing.T, dir, digest string) string {
	t.Helper()
	var root map[string]map[string]map[string]map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.NewReplacer("DIR", filepath.ToSlash(dir), "DIGEST", digest).Replace(whole)), &root))
	after := map[string][]string{"cd_environment": nil, "cd_freeze": nil, "cd_pipeline": {"cd_environment.*"}, "cd_policy": {"cd_pipeline.*"}, "cd_release": {"cd_pipeline.*"}, "cd_verification": {"cd_promotion.site"},
		"cd_test_report": {"cd_release.forum"}, "cd_override": {"cd_release.forum"}, "cd_approval": {"cd_release.forum"},
		"cd_promotion": {"cd_release.site", "cd_test_report.unit", "cd_override.forum", "cd_approval.forum"}}
	for typ, resources := range root["resource"] {
		for name, config := range resources {
			for _, other := range after[typ] {
				if of, ok := strings.CutSuffix(other, ".*"); ok {
					for each := range root["resource"][of] {
						config["depends_on"] = append(asList(config["depends_on"]), of+"."+each)
					}
				} else {
					config["depends_on"] = append(asList(config["depends_on"]), other)
				}
			}
			if name == "first" || name == "second" {
				config["depends_on"] = []any{"cd_environment.reference"}
			}
		}
	}
	text, err := json.Marshal(root)
	require.NoError(t, err)
	return string(text)
}

func asList(value any) []any {
	list, _ := value.([]any)
	return list
}

// TestGeneratedConfigurationPlansEmpty has Terraform write the configuration of existing objects, from import blocks alone. The written
// configuration is valid, imports everything, and changes nothing, neither then nor later.
func TestGeneratedConfigurationPlansEmpty(t *testing.T) {
	t.Parallel()
	here := newWorkspace(t, "")
	here.write("providers.tf", requiredProviders)
	here.write("main.tf.json", wholeConfiguration(t, here.dir, here.page("hello")))
	here.decide()
	here.run("apply")
	here.requireEmptyPlan()

	there := newWorkspace(t, here.imports(), "CD_LEDGER="+here.ledger())
	output, status := there.try("plan", "-generate-config-out=generated.tf")
	generated, err := os.ReadFile(filepath.Join(there.dir, "generated.tf"))
	require.NoError(t, err, output)
	require.Zero(t, status, "%s\n%s", output, generated)
	require.Regexp(t, `Plan: \d+ to import, 0 to add, 0 to change, 0 to destroy\.`, output, string(generated))
	require.Contains(t, there.run("apply"), "0 added, 0 changed, 0 destroyed.")
	there.requireEmptyPlan()
	here.requireEmptyPlan()
}

const requiredProviders = "terraform {\n  required_providers {\n    cd = { source = \"delivery-as-code/cd\" }\n  }\n}\n"

// page makes the artifact of the whole configuration, and returns its digest.
func (w *workspace) page(text string) string {
	w.t.Helper()
	w.write("page.html", text)
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
}

// imports returns import blocks for everything in the workspace's state, by id.
func (w *workspace) imports() string {
	w.t.Helper()
	var shown struct {
		Values struct {
			Root struct {
				Resources []struct {
					Type, Address string
					Values        struct{ ID string }
				}
			} `json:"root_module"`
		}
	}
	require.NoError(w.t, json.Unmarshal([]byte(w.run("show", "-json")), &shown))
	blocks, seen := []string{requiredProviders}, map[string]bool{}
	for _, r := range shown.Values.Root.Resources {
		seen[r.Type] = true
		blocks = append(blocks, fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", r.Address, r.Values.ID))
	}
	for typ := range newProtocol(w.t, acctest.New(w.t)).schemas.ResourceSchemas {
		require.True(w.t, seen[typ], "%s: add one to the whole configuration", typ)
	}
	return strings.Join(blocks, "")
}
