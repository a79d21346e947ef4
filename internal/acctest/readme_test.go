package acctest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadme follows README.md with its snippets, and compares the output that it shows with what Terraform prints.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	blocks := func(kind string) []string {
		found := []string{}
		for _, block := range regexp.MustCompile("(?s)```"+kind+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			found = append(found, block[1])
		}
		require.Len(t, found, 2, "blocks of %s", kind)
		return found
	}
	snippets, samples := blocks("hcl"), blocks("text")
	pipeline, approval := snippets[0], snippets[1]
	w := newWorkspace(t, pipeline, "TF_DISABLE_PLUGIN_TLS=") // all is as users have it
	w.write("build/index.html", "hello")
	w.write("dist/.keep", "")
	output, err := w.command("tar", "-czf", "dist/shop-1.4.2.tar.gz", "-C", "build", ".").CombinedOutput()
	require.NoError(t, err, "%s", output)

	requirePrinted(t, samples[0], w.as("dave@example.com").run("plan"))
	apply, status := w.as("dave@example.com").try("apply")
	require.NotZero(t, status, apply)
	require.Contains(t, apply, `Unable to promote release "shop/1.4.2"`)
	page, err := os.ReadFile(w.dir + "/srv/staging/shop/current/index.html")
	require.NoError(t, err)
	require.Equal(t, "hello", string(page))
	require.NoDirExists(t, w.dir+"/srv/production/shop/current")

	// From here on, the approval and the promotion of the second snippet replace the promotion of the first.
	before, _, ok := strings.Cut(pipeline, `resource "cd_promotion"`)
	require.True(t, ok)
	promote := func(when string) string {
		return strings.Replace(approval, "  depends_on", "  when_blocked = "+when+"\n  depends_on", 1)
	}
	w.write("main.tf", before+promote(`"pend"`))
	w.decide()
	w.run("apply")
	w.requireEmptyPlan()
	require.NoDirExists(t, w.dir+"/srv/production/shop/current", "it is approved, but an hour has not passed")
	// A test cannot wait for an hour, so the soak is shortened. The approval covers the gates, so it must be given again.
	w.write("main.tf", strings.ReplaceAll(before, `"1h"`, `"1s"`)+promote(`"wait"`))
	w.decide()
	w.run("apply")
	require.FileExists(t, w.dir+"/srv/production/shop/current/index.html")
	w.requireEmptyPlan()

	w.write("main.tf", strings.Replace(pipeline, `REGION = "eu-west-1"`, `REGION = "eu-west-2"`, 1))
	parity, status := w.try("plan")
	require.Equal(t, 1, status, parity)
	requirePrinted(t, samples[1], parity)

	w.write("main.tf", pipeline)
	destroy, status := w.try("destroy")
	require.Equal(t, 1, status, destroy)
	require.Contains(t, destroy, "deletion protection")
}

// requirePrinted requires that each line of a page was printed, in the same order. Times and contents are ignored.
func requirePrinted(t *testing.T, shown, printed string) {
	t.Helper()
	times := regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z|content = "[0-9a-f]{12}"`)
	lines := strings.Split(times.ReplaceAllString(printed, "…"), "\n")
	for line := range strings.Lines(times.ReplaceAllString(shown, "…")) {
		line = strings.TrimRight(line, "\n")
		at := 0
		for at < len(lines) && lines[at] != line {
			at++
		}
		require.Less(t, at, len(lines), "the page shows a line that Terraform does not print there: %q\nIt printed:\n%s", line, printed)
		lines = lines[at+1:]
	}
}
