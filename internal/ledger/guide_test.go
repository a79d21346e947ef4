package ledger

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// guideProgram builds the program that the guide "Move, verify and export the ledger" gives to anyone who does not want to believe ours, and
// returns a function that runs it on an exported ledger. It shares no line with the provider, and the tests hold that it needs none.
func guideProgram(t *testing.T) (check func(t *testing.T, exported string) (said string, ok bool)) {
	t.Helper()
	guide, err := os.ReadFile("../../templates/guides/ledger-tools.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	require.Len(t, blocks, 1)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "verify.go"), filepath.Join(dir, "verify.exe")
	require.NoError(t, os.WriteFile(source, []byte(blocks[0][1]), 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, source)
	build.Dir = dir // outside of any module
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return func(t *testing.T, exported string) (string, bool) {
		t.Helper()
		run := exec.CommandContext(t.Context(), program)
		run.Stdin = strings.NewReader(exported)
		said, err := run.CombinedOutput()
		return string(said), err == nil
	}
}

// What the guide tells is enough to check an exported ledger without this program.
func TestTheProgramOfTheGuideVerifies(t *testing.T) {
	t.Parallel()
	source := databases["sqlite"](t)
	history(t, source)
	text := exported(t, source)
	found, err := VerifyFile(t.Context(), "it", strings.NewReader(text), "", quiet)
	require.NoError(t, err)
	check := guideProgram(t)
	said, ok := check(t, text)
	require.True(t, ok, said)
	require.Contains(t, said, found.Last)

	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1]
	firstRow := 0
	for !strings.HasPrefix(lines[firstRow], `{"type":"row"`) {
		firstRow++
	}
	all := func() []string { return append([]string{}, lines...) }
	without := func(i int) []string { return append(all()[:i:i], lines[i+1:]...) }
	for name, tampered := range map[string][]string{
		"an event changed":     replaced(3, alice, "mallory")(all()),
		"an event removed":     without(4),
		"the last one removed": without(firstRow - 1),
		"an event twice":       append(all()[:4:4], lines[3:]...),
		"events exchanged":     append(append(all()[:2:2], lines[3], lines[2]), lines[4:]...),
		"an event at the end":  append(all(), lines[firstRow-1]),
		"a row changed":        replaced(firstRow, "production", "productiom")(all()),
		"a row removed":        without(firstRow),
		"a row twice":          append(all(), lines[firstRow]),
		"no row left":          all()[:firstRow],
		"cut off in a line":    append(all()[:9:9], lines[9][:20]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, ok := check(t, strings.Join(tampered, ""))
			require.False(t, ok, said)
		})
	}
	for i := 1; i < firstRow; i++ {
		at := strings.Index(lines[i], `"at":`) + len(`"at":`)
		tampered := all()
		tampered[i] = lines[i][:at] + "1" + lines[i][at:]
		said, ok := check(t, strings.Join(tampered, ""))
		require.False(t, ok, "another moment of event %d: %s", i, said)
	}
}
