package directory

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func envValues() *rapid.Generator[map[string]string] {
	value := rapid.StringOf(rapid.OneOf(
		rapid.SampledFrom([]rune("\"'`$\\\n\r\t #=!{}()*~&;|<> ab")), rapid.Rune()))
	return rapid.MapOf(rapid.StringMatching(`[A-Z][A-Z0-9_]{0,8}X`), value.Filter(func(s string) bool {
		for _, r := range s {
			if r == 0 {
				return false
			}
		}
		return true
	}))
}

func TestEnvReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := envValues().Draw(t, "values")
		got, err := parseEnv(string(renderEnv(values)))
		require.NoError(t, err)
		require.Equal(t, values, got)
	})
}

func TestAShellReadsWhatEnvWrites(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{}
	for seed := range 200 {
		for key, value := range envValues().Example(seed) {
			values[key] = value
		}
	}
	file := filepath.Join(dir, ".env")
	require.NoError(t, os.WriteFile(file, renderEnv(values), 0o600))
	require.Equal(t, values, sourced(t, file))
}

func TestEnvReadsWhatPeopleWrite(t *testing.T) {
	got, err := parseEnv("# a comment with = and \"\n\nexport A=plain\nB='single $X' C=\"two\nlines\"\r\nD=\nE=mixed' 'up\"\\\"\"\\ z\n  F=\"\\n\"")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"A": "plain", "B": "single $X", "C": "two\nlines", "D": "", "E": "mixed up\" z", "F": `\n`}, got)
	for text, says := range map[string]string{
		"A=1\n\nhello": "line 3", "A=\"1\n2\"\nB='x": "line 3", "A=\"hunter2": "without its end", "A B=1": "line 1",
	} {
		_, err := parseEnv(text)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func FuzzParseEnv(f *testing.F) {
	f.Add("A=\"1\"\nexport B='2' # c\nC=\\")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseEnv(text)
		if err != nil {
			return
		}
		again, err := parseEnv(string(renderEnv(values)))
		if err == nil {
			require.Equal(t, values, again)
		}
	})
}
