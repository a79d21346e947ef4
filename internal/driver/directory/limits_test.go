package directory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLimits is at each limit of a release, and one over it.
func TestLimits(t *testing.T) {
	files := func(sizes ...int) (all []packed) {
		for i, size := range sizes {
			all = append(all, packed{name: fmt.Sprintf("f%d", i), text: strings.Repeat("x", size)})
		}
		return all
	}
	link := func(length int) []packed {
		return []packed{{name: "f", text: "x"}, {name: "l", link: strings.Repeat("n", length-len("fl"))}}
	}
	for name, c := range map[string]struct {
		limits   Limits
		at, over []packed
		says     string
	}{
		"entries":          {Limits{Entries: 10}, files(make([]int, 10)...), files(make([]int, 11)...), "more than 10 entries"},
		"names":            {Limits{Entries: 2}, link(2 * nameBytes), link(2*nameBytes + 1), "paths are longer than 512 bytes"},
		"one file":         {Limits{FileBytes: 1000}, files(1000), files(1001), "more than 1000 bytes"},
		"all files":        {Limits{TotalBytes: 1000}, files(500, 500), files(500, 501), "the most that a release may unpack to"},
		"what is free":     {Limits{Ratio: 1, RatioFree: 1000}, files(1000), files(1001), "archive bomb"},
		"directories deep": {Limits{}, []packed{{name: strings.Repeat("d/", maxDepth) + "x", text: "x"}}, []packed{{name: strings.Repeat("d/", maxDepth+1) + "x", text: "x"}}, "too deep"},
	} {
		for kind, pack := range map[string]func(testing.TB, ...packed) []byte{"a.tgz": tarGz, "a.zip": zipped} {
			t.Run(name+" in "+kind, func(t *testing.T) {
				deployed(t, New(Options{Limits: c.limits}), requestTo(t.TempDir(), "d1", "1", artifactFile(t, kind, pack(t, c.at...))))
				requireRefused(t, c.limits, artifactFile(t, kind, pack(t, c.over...)), c.says)
			})
		}
	}
	archive := tarGz(t, files(1)...)
	size := int64(len(archive))
	deployed(t, New(Options{Limits: Limits{ArtifactBytes: size}}), requestTo(t.TempDir(), "d1", "1", artifactFile(t, "a.tgz", archive)))
	requireRefused(t, Limits{ArtifactBytes: size - 1}, artifactFile(t, "a.tgz", archive), fmt.Sprintf("more than %d bytes", size-1))
}

func TestWhatAnArchiveMayUnpackTo(t *testing.T) {
	limits := Limits{Ratio: 2, RatioFree: 1000}
	for size, most := range map[int64]int64{0: 1000, 499: 1000, 500: 1000, 501: 1002, 5000: 10_000} {
		require.Equal(t, most, limits.unpacked(size), size)
	}
}

func TestPathsAreTakenUpToTheirLimit(t *testing.T) {
	path := func(length int) string {
		return strings.Repeat(strings.Repeat("n", 63)+"/", maxPathBytes/64)[:length-1] + "x"
	}
	_, err := cleanName(path(maxPathBytes))
	require.NoError(t, err)
	_, err = cleanName(path(maxPathBytes) + "x")
	require.ErrorContains(t, err, "too long")

	require.Equal(t, strings.Repeat("x", maxShown), shortened(strings.Repeat("x", maxShown)))
	require.Equal(t, strings.Repeat("x", maxShown)+"…", shortened(strings.Repeat("x", maxShown+1)))
}

func TestDifferencesAreListedUpToTheirLimit(t *testing.T) {
	for _, missing := range []int{maxDifferences, maxDifferences + 1} {
		files := map[string]string{}
		for i := range missing {
			files[fmt.Sprintf("f%03d", i)] = "x"
		}
		d := New(Options{})
		r := deployed(t, d, requestTo(t.TempDir(), "d1", "1", artifactDirectory(t, files)))
		for name := range files {
			require.NoError(t, os.Remove(filepath.Join(r.Target.Directory.Path, "shop", "current", name)))
		}
		seen, err := d.Observe(t.Context(), r)
		require.NoError(t, err)
		require.Len(t, seen.Differences, missing)
		require.Equal(t, missing > maxDifferences, seen.Differences[missing-1] == "… and 1 more", seen.Differences[missing-1])
	}
}
