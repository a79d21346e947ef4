package acctest_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/directory"
)

// withoutFiles is an attempt to replace what runs by nothing: with an artifact that holds no file. It is refused when it is released, so its
// version is still free, and the real content may have it.
func withoutFiles(name string, artifact func(sc *scenario) delivery.Artifact) attempt {
	return attempt{name: "an artifact without a file: " + name,
		do: func(sc *scenario) {
			sc.next("1.1.0")
			sc.version = "1.2.0"
			sc.h.Clock.Advance(soaking)
			spec := sc.spec(sc.version)
			spec.Artifacts = map[string]delivery.Artifact{"app": artifact(sc)}
			sc.refused(sc.register(spec, 1))
			sc.before = len(sc.production())
		},
		reasons: []string{"it holds no file, so nothing would run; pack the files again, or correct the path", "Nothing was recorded", `has no release "1.2.0"`},
		fix:     func(sc *scenario) { sc.validPath() }}
}

func (sc *scenario) archive(name string, text []byte, err error) delivery.Artifact {
	sc.Helper()
	sc.must(err)
	at := filepath.Join(sc.h.Dir, name)
	sc.must(os.WriteFile(at, text, 0o600))
	return delivery.Artifact{URI: at, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(text))}
}

// tarOf packs entries without content.
func tarOf(headers ...tar.Header) ([]byte, error) {
	var text bytes.Buffer
	zipped := gzip.NewWriter(&text)
	tape := tar.NewWriter(zipped)
	for _, h := range headers {
		h.Mode = 0o755
		if err := tape.WriteHeader(&h); err != nil {
			return nil, err
		}
	}
	err := errors.Join(tape.Close(), zipped.Close())
	return text.Bytes(), err
}

func zipOf(names ...string) ([]byte, error) {
	var text bytes.Buffer
	archive := zip.NewWriter(&text)
	for _, name := range names {
		if _, err := archive.Create(name); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return text.Bytes(), err
}

// attemptsOnArchives try to deliver nothing.
func attemptsOnArchives() []attempt {
	return []attempt{
		withoutFiles("a tar of nothing", func(sc *scenario) delivery.Artifact {
			text, err := tarOf()
			return sc.archive("nothing.tar.gz", text, err)
		}),
		withoutFiles("a tar of directories and links", func(sc *scenario) delivery.Artifact {
			text, err := tarOf(tar.Header{Name: "bin/", Typeflag: tar.TypeDir}, tar.Header{Name: "run", Typeflag: tar.TypeSymlink, Linkname: "bin"})
			return sc.archive("links.tgz", text, err)
		}),
		withoutFiles("a zip of directories", func(sc *scenario) delivery.Artifact {
			text, err := zipOf("bin/", "etc/")
			return sc.archive("directories.zip", text, err)
		}),
		withoutFiles("a directory of directories", func(sc *scenario) delivery.Artifact {
			dir := filepath.Join(sc.h.Dir, "dist")
			sc.must(os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
			digest, err := directory.Digest(dir)
			sc.must(err)
			return delivery.Artifact{URI: dir, Digest: digest}
		}),
	}
}
