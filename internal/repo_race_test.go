package internal_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// concurrent are packages whose use says that something runs at the same time.
var concurrent = []string{"sync", "sync/atomic", "golang.org/x/sync/errgroup"}

// TestOnlySequentialCodeIsTestedWithoutTheRaceDetector checks the packages that GNUmakefile lists as SEQUENTIAL.
func TestOnlySequentialCodeIsTestedWithoutTheRaceDetector(t *testing.T) {
	text, err := os.ReadFile("../GNUmakefile")
	require.NoError(t, err)
	list := regexp.MustCompile(`(?m)^SEQUENTIAL := (.+)$`).FindSubmatch(text)
	require.NotNil(t, list)
	sequential := strings.Fields(string(list[1]))
	require.NotEmpty(t, sequential)

	var found []string
	seen := map[string]bool{}
	for _, f := range parseRepository(t) {
		name := "./" + path.Dir(f.path)
		if !slices.Contains(sequential, name) {
			continue
		}
		seen[name] = true
		if !f.test {
			found = append(found, concurrencyOf(f)...)
		}
	}
	report(t, found)
	for _, name := range sequential {
		require.True(t, seen[name], "%s of SEQUENTIAL does not exist", name)
	}
}

// concurrencyOf lists what in a file may run at the same time as something else.
func concurrencyOf(f sourceFile) []string {
	found := []string{}
	if startsGoroutine(f.syntax) {
		found = append(found, f.path+": a goroutine: take the package off SEQUENTIAL in GNUmakefile")
	}
	for _, spec := range f.syntax.Imports {
		if slices.Contains(concurrent, strings.Trim(spec.Path.Value, `"`)) {
			found = append(found, f.path+": imports "+spec.Path.Value+": take the package off SEQUENTIAL in GNUmakefile")
		}
	}
	return found
}

func TestConcurrencyIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"package api\n\nfunc f() {}\n":                                          "",
		"package api\n\nfunc f() { go f() }\n":                                  "a goroutine",
		"package api\n\nimport \"sync\"\n\nvar mu sync.Mutex\n":                 `imports "sync"`,
		"package api\n\nimport a \"sync/atomic\"\n\nvar n a.Int64\n":            `imports "sync/atomic"`,
		"package api\n\nimport \"strings\"\n\nvar sync = strings.ToUpper(``)\n": "",
	} {
		f, err := parseSource("../internal/api/api.go", []byte(text))
		require.NoError(t, err)
		found := strings.Join(concurrencyOf(f), "\n")
		if want == "" {
			require.Empty(t, found, text)
			continue
		}
		require.Contains(t, found, want, text)
	}
}
