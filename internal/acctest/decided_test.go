package acctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
)

// registered matches the releases of a configuration.
var registered = regexp.MustCompile(`(?m)^resource "cd_release" "(\w+)"`)

// applyByTwo applies a configuration as two people would: dave registers the releases that need approvals, and alice approves and promotes. The
// person who registers a release may not approve it.
func (w *workspace) applyByTwo() {
	w.t.Helper()
	w.register()
	if strings.Contains(w.read("main.tf"), `variable "approved"`) {
		w.decide()
	}
	w.run("apply")
}

// register applies the releases of a configuration with approvals, as dave.
func (w *workspace) register() {
	w.t.Helper()
	text := w.read("main.tf")
	if !strings.Contains(text, `resource "cd_approval"`) {
		return
	}
	targets := []string{"apply"}
	for _, at := range registered.FindAllStringSubmatchIndex(text, -1) {
		if !strings.HasPrefix(text[at[1]:], " {\n  count ") { // that one comes later, after what is approved here
			targets = append(targets, "-target=cd_release."+text[at[2]:at[3]])
		}
	}
	w.as("dave@example.com").run(targets...)
}

// as returns the workspace of somebody else, in the same directory.
func (w *workspace) as(actor string) *workspace {
	other := *w
	other.env = append(append([]string{}, w.env...), "CD_ACTOR="+actor)
	return &other
}

// read returns the configuration of a workspace: its main.tf, or the only other file that declares resources.
func (w *workspace) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if os.IsNotExist(err) && name == "main.tf" {
		for _, other := range []string{"resource.tf", "data-source.tf", "provider.tf", "function.tf"} {
			if text, err = os.ReadFile(filepath.Join(w.dir, other)); err == nil {
				break
			}
		}
	}
	require.NoError(w.t, err)
	return string(text)
}
