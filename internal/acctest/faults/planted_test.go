package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// testFunction finds the names of the tests in a file.
var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)

// Every patch of this repository can be planted in the code as it is, and the tests that it names exist. A change that rewrites the
// lines around a fault, or renames its test, has to bring the patch along. Otherwise the fault would no longer be planted.
func TestEveryPatchCanBePlanted(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	faults, err := load("testdata", regexp.MustCompile(""))
	require.NoError(t, err)
	require.NotEmpty(t, faults)
	tests := map[string][]string{} // names by package
	for _, f := range faults {
		for _, file := range f.files {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file.path)))
			if err == nil {
				_, err = file.apply(string(text))
			}
			if err != nil {
				t.Errorf("%s.patch: %v", f.name, err)
			}
		}
		for _, pkg := range f.tests {
			if tests[pkg] == nil {
				tests[pkg] = testsOf(t, filepath.Join(root, filepath.FromSlash(pkg)))
			}
			if !slices.ContainsFunc(tests[pkg], regexp.MustCompile(f.run).MatchString) {
				t.Errorf("%s.patch: no test of %s matches %q", f.name, pkg, f.run)
			}
		}
	}
}

func testsOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range testFunction.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}
