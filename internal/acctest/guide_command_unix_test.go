//go:build unix

package acctest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTargetCommandGuide runs the example of the guide "Target: command": it deploys, plans nothing, drifts, and heals. The scripts need jq.
// The test gives them an implementation in Go that tools/go.mod pins, so that nobody has to install one.
func TestTargetCommandGuide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../templates/guides/target-command.md")
	require.NoError(t, err)
	programs := t.TempDir()
	output, err := exec.CommandContext(t.Context(), "go", "-C", "../../tools", "build", "-o", filepath.Join(programs, "jq"), "github.com/itchyny/gojq/cmd/gojq").CombinedOutput()
	require.NoError(t, err, "%s", output)
	w := newWorkspace(t, "", "LAB_API_KEY="+sentinel, "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	w.write("main.tf", string(regexp.MustCompile("(?s)```terraform\n(.*?)```").FindSubmatch(text)[1]))
	scripts := regexp.MustCompile("(?s)```sh\n(#!/bin/sh\n# (\\w+\\.sh) .*?)```").FindAllSubmatch(text, -1)
	require.Len(t, scripts, 2)
	for _, script := range scripts {
		w.write(string(script[2]), string(script[1]))
	}
	w.write("build/index.html", "hello")
	output, err = w.command("tar", "-czf", "shop-1.4.2.tar.gz", "-C", "build", ".").CombinedOutput()
	require.NoError(t, err, "%s", output)

	w.run("apply")
	w.requireEmptyPlan()
	pages, err := filepath.Glob(filepath.Join(w.dir, "lab", "*", "index.html"))
	require.NoError(t, err)
	require.Len(t, pages, 1)
	settings, err := os.ReadFile(filepath.Join(filepath.Dir(pages[0]), ".env"))
	require.NoError(t, err)
	require.Equal(t, "GREETING=hello\nAPI_KEY="+sentinel+"\n", string(settings))

	require.NoError(t, os.Remove(pages[0]))
	drifted, status := w.try("plan", "-detailed-exitcode")
	require.Equal(t, 2, status, drifted)
	require.Contains(t, drifted, "index.html is gone")
	w.run("apply")
	w.requireEmptyPlan()

	// Without an answer it is unknown what runs.
	w.write("observe.sh", "exit 3\n")
	require.Contains(t, w.run("plan"), `Unable to see what runs in "lab"`)
}
