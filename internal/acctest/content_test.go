package acctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	// printedContent matches the line that a plan prints, to be copied.
	printedContent = regexp.MustCompile(`content = "([0-9a-f]{12})"`)
	// writtenContent matches the line in a configuration.
	writtenContent = regexp.MustCompile(`(\n +content +=) "[0-9a-f]*"`)
)

// decide plans a configuration whose decisions name no content or another one, and copies what the plan prints: into each decision, into the
// variable "approved" of the scenarios, and into the file "content", from where some configurations read it.
func (w *workspace) decide() {
	w.t.Helper()
	output, _ := w.try("plan") // an error, or a warning of an approval that has become void
	printed := printedContent.FindAllStringSubmatch(flat(output), -1)
	require.NotEmpty(w.t, printed, output)
	content := printed[len(printed)-1][1] // before it, the output may quote what the configuration has
	w.write("content", content)
	files, err := filepath.Glob(filepath.Join(w.dir, "*.tf"))
	require.NoError(w.t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(w.t, err)
		w.write(filepath.Base(file), writtenContent.ReplaceAllString(string(text), `${1} "`+content+`"`))
		if strings.Contains(string(text), `variable "approved"`) {
			w.write("approved.auto.tfvars", "approved = \""+content+"\"\n")
		}
	}
}

// copyContent lets a step of a test plan what no decision names yet, and copies what the plan prints into the file "content" of a directory.
// Every other error stays one.
func copyContent(t *testing.T, dir string) func(error) error {
	return func(err error) error {
		printed := printedContent.FindStringSubmatch(err.Error())
		if printed == nil {
			return err
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "content"), []byte(printed[1]), 0o600))
		return nil
	}
}

// contentOf is what a decision names that is about what would be delivered now.
func contentOf(t *testing.T, api *client.Client, pipeline, version, stage string) string {
	t.Helper()
	request, err := api.ApprovalRequest(t.Context(), pipeline, version, stage, string(delivery.Approve))
	require.NoError(t, err)
	return delivery.ShortContent(request.ContentDigest)
}
