package directory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// thousandFiles is a release of 1,000 files of 10 KiB in 20 directories.
func thousandFiles() []packed {
	files := make([]packed, 1000)
	for i := range files {
		files[i] = packed{name: fmt.Sprintf("d%02d/f%03d", i%20, i), text: strings.Repeat(fmt.Sprintf("%09d\n", i), 1024)}
	}
	return files
}

func BenchmarkDeploy1000Files(b *testing.B) {
	r := requestTo(b.TempDir(), "", "1", artifactFile(b, "a.tgz", tarGz(b, thousandFiles()...)))
	d := New(Options{})
	for n := 0; b.Loop(); n++ {
		r.ID = fmt.Sprintf("d%d", n)
		_, err := d.Deploy(b.Context(), r)
		require.NoError(b, err)
	}
}

func BenchmarkObserve1000Files(b *testing.B) {
	d := New(Options{})
	r := deployed(b, d, requestTo(b.TempDir(), "d1", "1", artifactFile(b, "a.tgz", tarGz(b, thousandFiles()...))))
	for b.Loop() {
		seen, err := d.Observe(b.Context(), r)
		require.NoError(b, err)
		require.False(b, seen.Drifted())
	}
}
