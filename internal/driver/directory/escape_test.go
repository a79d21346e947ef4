package directory

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requireNoEscape unpacks an archive into a directory and requires that nothing outside changed and that no link leads there.
func requireNoEscape(t require.TestingT, above string, unpack func(*tree) error) {
	inside := filepath.Join(above, "inside")
	require.NoError(t, os.Mkdir(inside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(above, "sentinel"), []byte("untouched"), 0o600))
	root, err := os.OpenRoot(inside)
	require.NoError(t, err)
	limits := Limits{Entries: 200, TotalBytes: 1 << 20}.orDefaults()
	wrote := newTree(root, &budget{limits: limits}, func(w io.Writer) io.Writer { return w })
	refused := unpack(wrote)
	require.NoError(t, root.Close())

	text, err := os.ReadFile(filepath.Join(above, "sentinel"))
	require.NoError(t, err)
	require.Equal(t, "untouched", string(text))
	found, err := os.ReadDir(above)
	require.NoError(t, err)
	require.Len(t, found, 2, "something was written beside the release")
	whole, err := filepath.EvalSymlinks(inside)
	require.NoError(t, err)
	total, count := int64(0), 0
	require.NoError(t, filepath.WalkDir(inside, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == inside {
			return err
		}
		count++
		info, err := entry.Info()
		if err != nil {
			return err
		}
		require.Zero(t, info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeDevice|fs.ModeNamedPipe), path)
		if entry.Type().IsRegular() && refused == nil {
			total += info.Size()
		}
		if to, err := filepath.EvalSymlinks(path); err == nil {
			require.True(t, to == whole || strings.HasPrefix(to, whole+string(filepath.Separator)), "%s leads to %s", path, to)
		}
		return nil
	}))
	require.LessOrEqual(t, count, limits.Entries+1)
	if refused == nil {
		require.Len(t, wrote.entries, count, "the manifest knows all that was unpacked, and nothing else")
	}
}

func TestNothingEscapes(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "c", "..", ".", "", "sentinel", ".env"})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 1, 5).Draw(t, "parts"), "/")
	})
	kind := rapid.SampledFrom([]byte{tar.TypeReg, tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo})
	base := t.TempDir()
	tries := 0
	rapid.Check(t, func(t *rapid.T) {
		tries++
		above := filepath.Join(base, strconv.Itoa(tries))
		require.NoError(t, os.Mkdir(above, 0o755))
		requireNoEscape(t, above, func(wrote *tree) error {
			var all error
			for range rapid.IntRange(1, 12).Draw(t, "entries") {
				header := &tar.Header{
					Typeflag: kind.Draw(t, "kind"), Name: name.Draw(t, "name"), Linkname: name.Draw(t, "link"),
					Mode: rapid.Int64Range(0, 0o7777).Draw(t, "mode"),
				}
				// An entry that is refused ends a deployment; here the next one is tried all the same.
				all = errors.Join(all, addTarEntry(wrote, header, strings.NewReader("content")))
			}
			return all
		})
		require.NoError(t, os.RemoveAll(above))
	})
}

func FuzzUnpack(f *testing.F) {
	files := []packed{{name: "d", directory: true}, {name: "d/x", text: "hello", mode: 0o755}, {name: "l", link: "d/x"}}
	for _, hostile := range [][]packed{files, {{name: "../x", text: "1"}}, {{name: "x", link: "/etc"}, {name: "x/y", text: "1"}}} {
		f.Add(true, tarGz(f, hostile...))
		f.Add(true, ungzipped(f, tarGz(f, hostile...)))
		f.Add(false, zipped(f, hostile...))
	}
	f.Fuzz(func(t *testing.T, isTar bool, content []byte) {
		if isTar && !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
			content = gzipped(t, content) // the fuzzer cannot find a checksum, so it may leave that to us
		}
		archive, err := os.Create(filepath.Join(t.TempDir(), "archive"))
		require.NoError(t, err)
		defer func() { require.NoError(t, archive.Close()) }()
		_, err = archive.Write(content)
		require.NoError(t, err)
		_, err = archive.Seek(0, io.SeekStart)
		require.NoError(t, err)
		requireNoEscape(t, t.TempDir(), func(wrote *tree) error {
			if isTar {
				return unpackTarGz(t.Context(), wrote, archive)
			}
			return unpackZip(t.Context(), wrote, archive, int64(len(content)))
		})
	})
}

func ungzipped(f *testing.F, content []byte) []byte {
	f.Helper()
	r, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(f, err)
	text, err := io.ReadAll(r)
	require.NoError(f, err)
	return text
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var text bytes.Buffer
	w := gzip.NewWriter(&text)
	_, err := w.Write(content)
	require.NoError(t, errors.Join(err, w.Close()))
	return text.Bytes()
}
