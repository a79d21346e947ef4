package acctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stubs declare, by resource type, what a snippet refers to but does not declare. The format takes the name.
var stubs = map[string]string{
	"cd_environment": `{
		name = %q
		tier = "other"
	}`,
	"cd_pipeline": `{
		name   = %q
		stages = [{ name = "stage", environments = ["stage"], promotion = "manual" }]
	}`,
	"cd_release": `{
		pipeline  = %q
		version   = "1"
		artifacts = { app = { uri = "app.tar.gz", digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } }
	}`,
	"cd_promotion": `{
		pipeline = %q
		stage    = "production"
		version  = "1"
	}`,
	"cd_approval": `{
		pipeline = %q
		stage    = "production"
		version  = "1"
		decision = "approve"
		content  = "0123456789ab"
	}`,
	"cd_policy": `{
		name  = %q
		tiers = ["production"]
		gates = { parity = {} }
	}`,
	"cd_freeze": `{
		name      = %q
		reason    = "r"
		tiers     = ["production"]
		starts_at = "2026-01-01T00:00:00Z"
		ends_at   = "2026-01-02T00:00:00Z"
	}`,
	"cd_test_report": `{
		pipeline = %q
		version  = "1"
		suite    = "unit"
		junit    = "x"
	}`,
	"terraform_data": `{
		input = %q
	}`,
	"data.cd_deployed": `{
		pipeline    = %q
		environment = "production"
	}`,
}

// fragments has what surrounds a snippet that shows only one attribute.
var fragments = map[string]string{
	"gates": "resource \"cd_pipeline\" \"fragment\" {\n  name   = \"fragment\"\n  stages = [{ name = \"staging\", environments = [\"staging\"], promotion = \"automatic\" },\n" +
		"{ name = \"production\", environments = [\"production\"], promotion = \"manual\",\n%s}]\n}\n",
	"target": "resource \"cd_environment\" \"fragment\" {\n  name = \"fragment\"\n  tier = \"other\"\n%s}\n",
}

var (
	terraformBlock = regexp.MustCompile("(?s)\n```(?:hcl|terraform)\n(.*?\n)```\n")
	topLevel       = regexp.MustCompile(`(?m)^(\w+)(?: "([^"]*)")?(?: "([^"]*)")? *[{=]`)
	reference      = regexp.MustCompile(`\b((?:data\.)?cd_\w+|terraform_data)\.(\w+)`)
	variable       = regexp.MustCompile(`\bvar\.(\w+)`)
)

// completed makes a valid configuration of a snippet; empty if the snippet has resources of other providers or is a test.
func completed(t *testing.T, snippet string) string {
	t.Helper()
	declared := map[string]bool{}
	for _, found := range topLevel.FindAllStringSubmatch(snippet, -1) {
		kind, name := found[1], found[2]+"."+found[3]
		switch {
		case kind == "run" || kind == "resource" && !strings.HasPrefix(name, "cd_"):
			return ""
		case kind == "data":
			name = "data." + name
		case kind == "variable":
			name = "var." + found[2]
		case fragments[kind] != "":
			snippet = fmt.Sprintf(fragments[kind], snippet)
		}
		declared[name] = true
	}
	if !strings.Contains(snippet, "required_providers") {
		snippet = required + snippet
	}
	snippet = strings.ReplaceAll(snippet, "helm_release.", "terraform_data.") // Terraform has this one itself
	for _, found := range reference.FindAllStringSubmatch(snippet, -1) {
		if typ, name := found[1], found[2]; !declared[typ+"."+name] {
			require.Contains(t, stubs, typ, "the snippet refers to %s.%s", typ, name)
			declared[typ+"."+name] = true
			kind := "resource"
			if strings.HasPrefix(typ, "data.") {
				kind = "data"
			}
			snippet += fmt.Sprintf("%s %q %q ", kind, strings.TrimPrefix(typ, "data."), name) + fmt.Sprintf(stubs[typ], name) + "\n"
		}
	}
	for _, found := range variable.FindAllStringSubmatch(snippet, -1) {
		if !declared["var."+found[1]] {
			declared["var."+found[1]] = true
			snippet += fmt.Sprintf("variable %q {\n  default = null\n}\n", found[1])
		}
	}
	return snippet
}

// TestSnippetsOfTheGuidesAreValid validates every snippet of the guides, the first page and the README with Terraform and the provider. Each
// is a module of one configuration, so that one run validates all. Snippets with resources of other providers, and tests, are only parsed.
func TestSnippetsOfTheGuidesAreValid(t *testing.T) {
	t.Parallel()
	guides, err := filepath.Glob("../../templates/guides/*.md")
	require.NoError(t, err)
	w := newWorkspace(t, "")
	modules, judged := "", 0
	for _, page := range append(guides, "../../templates/index.md.tmpl", "../../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for i, block := range terraformBlock.FindAllStringSubmatch(string(text), -1) {
			name := fmt.Sprintf("%s-%d", strings.TrimSuffix(strings.TrimSuffix(filepath.Base(page), ".tmpl"), ".md"), i+1)
			w.write(filepath.Join("read", name+".tf"), block[1])
			configuration := completed(t, block[1])
			if configuration == "" {
				continue
			}
			judged++
			modules += fmt.Sprintf("module %q {\n  source = \"./%s\"\n}\n", name, name)
			w.write(filepath.Join(name, "main.tf"), configuration)
			w.write(filepath.Join(name, "shop-1.4.2.tar.gz"), "") // the file that path.module leads to
		}
	}
	require.Greater(t, judged, 25)
	for _, file := range []string{"payload.sig", "dist/shop-1.4.2.tar.gz"} { // the files of paths without path.module
		w.write(file, "")
	}
	w.write("main.tf", modules)
	w.run("fmt", "read")
	w.run("get")
	require.Contains(t, w.run("validate", "-no-color"), "Success!")
}

// The first page links to every guide, and shows the pipeline of the README.
func TestTheFirstPageLinksToEveryGuide(t *testing.T) {
	t.Parallel()
	first, err := os.ReadFile("../../templates/index.md.tmpl")
	require.NoError(t, err)
	guides, err := filepath.Glob("../../templates/guides/*.md")
	require.NoError(t, err)
	want := []string{}
	for _, guide := range guides {
		want = append(want, strings.TrimSuffix(filepath.Base(guide), ".md"))
	}
	linked := []string{}
	for _, found := range regexp.MustCompile(`\]\(guides/([a-z-]+)\)`).FindAllStringSubmatch(string(first), -1) {
		linked = append(linked, found[1])
	}
	slices.Sort(linked)
	require.Equal(t, want, linked)

	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Equal(t, terraformBlock.FindSubmatch(readme)[1], terraformBlock.FindSubmatch(first)[1])
}
