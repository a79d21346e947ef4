package directory

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// tarOf packs headers as they are, for what no honest packer makes.
func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var text bytes.Buffer
	packed := gzip.NewWriter(&text)
	tape := tar.NewWriter(packed)
	for _, h := range headers {
		require.NoError(t, tape.WriteHeader(&h))
		_, err := io.CopyN(tape, zeros{}, h.Size)
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(tape.Close(), packed.Close()))
	return text.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestHostileNames(t *testing.T) {
	both := map[string]struct {
		files []packed
		says  string
	}{
		"absolute":                  {[]packed{{name: "/etc/passwd", text: "x"}}, "leads out of the release"},
		"climbing":                  {[]packed{{name: "a/../../x", text: "x"}}, "leads out of the release"},
		"climbing inside":           {[]packed{{name: "a/../x", text: "x"}}, "leads out of the release"},
		"climbing directory":        {[]packed{{name: "../d", directory: true}}, "leads out of the release"},
		"file twice":                {[]packed{{name: "x", text: "1"}, {name: "./x", text: "2"}}, `holds "x" twice`},
		"link twice":                {[]packed{{name: "x", link: "a"}, {name: "x", link: "b"}}, `holds "x" twice`},
		"file over link":            {[]packed{{name: "x", link: "a"}, {name: "x", text: "2"}}, `holds "x" twice`},
		"link over file":            {[]packed{{name: "x", text: "2"}, {name: "x", link: "a"}}, `holds "x" twice`},
		"directory over link":       {[]packed{{name: "x", link: "a"}, {name: "x", directory: true}}, `below "x", which is a link`},
		"below a link":              {[]packed{{name: "x", link: "."}, {name: "x/y", text: "1"}}, `below "x", which is a link`},
		"below a file":              {[]packed{{name: "x", text: "1"}, {name: "x/y", text: "1"}}, `below "x", which is a file`},
		"link out":                  {[]packed{{name: "x", link: "../y"}}, "leads out of the release"},
		"absolute link":             {[]packed{{name: "x", link: "/etc/passwd"}}, "leads out of the release"},
		"link that climbs late":     {[]packed{{name: "d/up", link: ".."}, {name: "x", link: "d/up/../y"}}, "leads out of the release"},
		"the configuration":         {[]packed{{name: "./.env", text: "A=1"}}, "a name that the deployment itself writes"},
		"the secrets, loudly":       {[]packed{{name: ".SECRETS.env", text: "A=1"}}, "a name that the deployment itself writes"},
		"below the manifest":        {[]packed{{name: ".cd-manifest.json/x", text: "A=1"}}, "a name that the deployment itself writes"},
		"not UTF-8":                 {[]packed{{name: "caf\xe9", text: "x"}}, "not UTF-8"},
		"too deep":                  {[]packed{{name: strings.Repeat("d/", 101) + "x", text: "x"}}, "too deep"},
		"the release's own as file": {[]packed{{name: ".", text: "x"}}, "must be a directory"},
	}
	for name, c := range both {
		t.Run("tar "+name, func(t *testing.T) {
			requireRefused(t, Limits{}, artifactFile(t, "a.tar.gz", tarGz(t, c.files...)), c.says, "a.tar.gz")
		})
		t.Run("zip "+name, func(t *testing.T) {
			requireRefused(t, Limits{}, artifactFile(t, "a.zip", zipped(t, c.files...)), c.says, "a.zip")
		})
	}
	for name, h := range map[string]tar.Header{
		"device":               {Name: "x", Typeflag: tar.TypeChar},
		"block device":         {Name: "x", Typeflag: tar.TypeBlock},
		"pipe":                 {Name: "x", Typeflag: tar.TypeFifo},
		"hard link out":        {Name: "x", Typeflag: tar.TypeLink, Linkname: "../../../etc/passwd"},
		"hard link to nothing": {Name: "x", Typeflag: tar.TypeLink, Linkname: "y"},
		"hard link to .env":    {Name: "x", Typeflag: tar.TypeLink, Linkname: ".env"},
	} {
		t.Run("tar "+name, func(t *testing.T) {
			requireRefused(t, Limits{}, artifactFile(t, "a.tgz", tarOf(t, h)), `holds`)
		})
	}
	t.Run("tar hard link to a link", func(t *testing.T) {
		archive := tarOf(t, tar.Header{Name: "up", Typeflag: tar.TypeSymlink, Linkname: "page"}, tar.Header{Name: "x", Typeflag: tar.TypeLink, Linkname: "up"})
		requireRefused(t, Limits{}, artifactFile(t, "a.tgz", archive), `holds the hard link "x" to "up"`)
	})
	t.Run("zip device", func(t *testing.T) {
		requireRefused(t, Limits{}, artifactFile(t, "a.zip", zipped(t, packed{name: "x", mode: fs.ModeDevice | 0o644})), "devices and pipes")
	})
	t.Run("zip backslash", func(t *testing.T) {
		requireRefused(t, Limits{}, artifactFile(t, "a.zip", zipped(t, packed{name: `a\..\..\x`, text: "1"})), "with slashes")
	})
}

func TestHonestArchives(t *testing.T) {
	target := t.TempDir()
	archive := tarOf(t,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "3f2c"}},
		tar.Header{Name: "./", Typeflag: tar.TypeDir}, tar.Header{Name: "d/", Typeflag: tar.TypeDir}, tar.Header{Name: "d/", Typeflag: tar.TypeDir},
		tar.Header{Name: "d/e/file", Typeflag: tar.TypeReg, Size: 10},
		tar.Header{Name: "d/hard", Typeflag: tar.TypeLink, Linkname: "./d/e/file"},
		tar.Header{Name: "d/e/up", Typeflag: tar.TypeSymlink, Linkname: "../../d/hard"},
		tar.Header{Name: "dangling", Typeflag: tar.TypeSymlink, Linkname: "not/there"},
		tar.Header{Name: "to-top", Typeflag: tar.TypeSymlink, Linkname: "."},
		tar.Header{Name: `dev-disk-by\x2dlabel.mount`, Typeflag: tar.TypeReg, Size: 1},
		tar.Header{Name: "Grüße/世界 👋", Typeflag: tar.TypeReg, Size: 1})
	d := New(Options{})
	r := deployed(t, d, requestTo(target, "d1", "1", artifactFile(t, "a.tgz", archive)))
	require.Len(t, read(t, target, "shop", "current", "to-top", "d", "e", "up"), 10)
	seen, err := d.Observe(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, delivery.Observation{Running: true, Version: "1"}, seen)
}

func TestBombs(t *testing.T) {
	many := func(n int) (files []packed) {
		for i := range n {
			files = append(files, packed{name: fmt.Sprintf("f%d", i), text: "x"})
		}
		return files
	}
	for name, c := range map[string]struct {
		limits Limits
		files  []packed
		says   string
	}{
		"too many files":    {Limits{Entries: 10}, many(11), "more than 10 entries"},
		"hidden in depth":   {Limits{Entries: 10}, []packed{{name: "a/b/c/d/e/f/g/h/i/j/k", text: "x"}}, "more than 10 entries"},
		"the same over":     {Limits{Entries: 10}, append(many(9), packed{name: "d", directory: true}, packed{name: "d", directory: true}), "more than 10 entries"},
		"names without end": {Limits{Entries: 10}, []packed{{name: strings.Repeat(strings.Repeat("n", 200)+"/", 8) + "x", text: "x"}}, "paths are longer"},
		"one huge file":     {Limits{FileBytes: 1000}, []packed{{name: "x", text: strings.Repeat("x", 1001)}}, `file "x" has more than 1000 bytes`},
		"huge together":     {Limits{TotalBytes: 1500}, []packed{{name: "x", text: strings.Repeat("x", 800)}, {name: "y", text: strings.Repeat("y", 800)}}, "more than 1.46 KiB"},
		"swelling":          {Limits{Ratio: 2, RatioFree: 1000}, []packed{{name: "x", text: strings.Repeat("x", 100_000)}}, "archive bomb"},
		"a huge archive":    {Limits{ArtifactBytes: 10}, many(1), "more than 10 bytes"},
	} {
		t.Run("tar "+name, func(t *testing.T) {
			requireRefused(t, c.limits, artifactFile(t, "a.tgz", tarGz(t, c.files...)), c.says)
		})
		t.Run("zip "+name, func(t *testing.T) {
			requireRefused(t, c.limits, artifactFile(t, "a.zip", zipped(t, c.files...)), c.says)
		})
	}
	t.Run("directory", func(t *testing.T) {
		requireRefused(t, Limits{TotalBytes: 3}, artifactDirectory(t, map[string]string{"x": "12", "y": "34"}), "more than 3 bytes")
	})
	t.Run("a tar of nothing but padding", func(t *testing.T) {
		var text bytes.Buffer
		packed := gzip.NewWriter(&text)
		_, err := io.CopyN(packed, zeros{}, 8<<20)
		require.NoError(t, errors.Join(err, packed.Close()))
		requireRefused(t, Limits{Entries: 1, TotalBytes: 1 << 20}, artifactFile(t, "a.tgz", text.Bytes()), "archive bomb")
	})
	t.Run("a zip of nothing but contents", func(t *testing.T) {
		var text bytes.Buffer
		archive := zip.NewWriter(&text)
		for i := range 20_000 {
			_, err := archive.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%0100d", i)})
			require.NoError(t, err)
		}
		require.NoError(t, archive.Close())
		requireRefused(t, Limits{Entries: 1}, artifactFile(t, "a.zip", text.Bytes()), "archive bomb")
	})
}

func TestBrokenArchives(t *testing.T) {
	var long strings.Builder
	for i := range 2_000 {
		fmt.Fprintln(&long, sha256Of(fmt.Append(nil, i)))
	}
	file := packed{name: "x", text: long.String()}
	tape, archive := tarGz(t, file), zipped(t, file)
	flipped := bytes.Clone(archive)
	flipped[len(flipped)/2] ^= 0xff
	spoiled := bytes.Clone(tape)
	spoiled[len(spoiled)-6] ^= 0xff // the checksum
	for name, c := range map[string]struct {
		file    string
		content []byte
		says    string
	}{
		"truncated tar":      {"a.tgz", tape[:len(tape)/2], "truncated"},
		"tar without end":    {"a.tgz", tape[:len(tape)-4], "truncated"},
		"empty tar":          {"a.tgz", nil, "truncated"},
		"no gzip":            {"a.tar.gz", []byte("hello, this is plain text"), "no valid gzip archive"},
		"a checksum off":     {"a.tgz", spoiled, "damaged"},
		"truncated zip":      {"a.zip", archive[:len(archive)/2], "no valid zip archive"},
		"no zip":             {"a.zip", []byte("hello"), "no valid zip archive"},
		"zip with a flipped": {"a.zip", flipped, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, Limits{}, artifactFile(t, c.file, c.content), c.says, c.file)
		})
	}
}

func TestZipsThatCannotBeUnpacked(t *testing.T) {
	archive := zipped(t, packed{name: "x", text: "hello"})
	encrypted := bytes.Clone(archive)
	directory := bytes.LastIndex(encrypted, []byte("PK\x01\x02"))
	encrypted[6] |= 1
	encrypted[directory+8] |= 1
	requireRefused(t, Limits{}, artifactFile(t, "a.zip", encrypted), "encrypted")
	strange := bytes.Clone(archive)
	strange[8], strange[directory+10] = 99, 99
	requireRefused(t, Limits{}, artifactFile(t, "a.zip", strange), "pack it with deflate")
}
