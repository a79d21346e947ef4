package directory

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

const noFile = "it holds no file, so nothing would run; pack the files again, or correct the path"

// An artifact without a regular file is refused, in the plan and before anything is deployed; one with an empty file is not.
func TestArtifactsWithoutFiles(t *testing.T) {
	without := map[string][]packed{
		"nothing":               nil,
		"its own directory":     {{name: "./", directory: true}},
		"directories":           {{name: "a/", directory: true}, {name: "a/b/", directory: true}},
		"a link to nothing":     {{name: "x", link: "y"}},
		"a link to a directory": {{name: "a/", directory: true}, {name: "x", link: "a"}},
	}
	with := map[string][]packed{
		"a file":                  {{name: "x", text: "1"}},
		"an empty file":           {{name: "x"}},
		"a file below":            {{name: "a/", directory: true}, {name: "a/x", text: "1"}},
		"a file after a link":     {{name: "y", link: "x"}, {name: "x", text: "1"}},
		"a file after many links": append(links(1000), packed{name: "x", text: "1"}),
	}
	forms := map[string]func(t *testing.T, files []packed) map[string]delivery.Artifact{
		"tar.gz": func(t *testing.T, files []packed) map[string]delivery.Artifact {
			return artifactFile(t, "a.tar.gz", tarGz(t, files...))
		},
		"tgz": func(t *testing.T, files []packed) map[string]delivery.Artifact {
			return artifactFile(t, "A.TGZ", tarGz(t, files...))
		},
		"zip": func(t *testing.T, files []packed) map[string]delivery.Artifact {
			return artifactFile(t, "a.zip", zipped(t, files...))
		},
		"directory": onDisk,
	}
	for form, pack := range forms {
		for name, files := range without {
			t.Run(form+" of "+name, func(t *testing.T) {
				artifacts := pack(t, files)
				requireRefused(t, Limits{}, artifacts, `artifact "app"`, noFile)
				requirePreflight(t, artifacts, noFile)
			})
		}
		for name, files := range with {
			t.Run(form+" of "+name, func(t *testing.T) {
				artifacts := pack(t, files)
				deployed(t, New(Options{}), requestTo(t.TempDir(), "d1", "1", artifacts))
				requirePreflight(t, artifacts, "")
			})
		}
	}
	t.Run("tar of a comment only", func(t *testing.T) {
		artifacts := artifactFile(t, "a.tar.gz", tarOf(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "c"}}))
		requireRefused(t, Limits{}, artifacts, noFile)
		requirePreflight(t, artifacts, noFile)
	})
	t.Run("one of two", func(t *testing.T) {
		artifacts := artifactFile(t, "a.zip", zipped(t))
		artifacts["page"] = artifactDirectory(t, map[string]string{"x": "1"})["app"]
		requireRefused(t, Limits{}, artifacts, `artifact "app"`, noFile)
	})
}

func links(number int) (links []packed) {
	for i := range number {
		links = append(links, packed{name: fmt.Sprintf("link-%d", i), link: "x"})
	}
	return links
}

// onDisk is a directory with the files.
func onDisk(t *testing.T, files []packed) map[string]delivery.Artifact {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		at := filepath.Join(dir, f.name)
		switch {
		case f.directory:
			require.NoError(t, os.MkdirAll(at, 0o755))
		case f.link != "":
			require.NoError(t, os.Symlink(f.link, at))
		default:
			require.NoError(t, os.WriteFile(at, []byte(f.text), 0o644))
		}
	}
	return artifactAt(t, dir)
}

func requirePreflight(t *testing.T, artifacts map[string]delivery.Artifact, says string) {
	t.Helper()
	d, ok := New(Options{}).(driver.Preflighter)
	require.True(t, ok)
	err := d.Preflight(t.Context(), requestTo(t.TempDir(), "d1", "1", artifacts))
	if says == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, says)
}
