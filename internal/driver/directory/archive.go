package directory

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
)

const (
	maxLinkBytes      = 4096
	headerBytes       = 4096 // of a tar, per entry and on average: name, link, extended attributes
	contentsBytes     = 256  // of a zip's table of contents, per entry and on average
	freeContentsBytes = 1 << 20
)

var errStreamTooLong = errors.New("it is longer than its files can explain, as only an archive bomb is")

// unpackTarGz unpacks a gzipped tar into the tree.
func unpackTarGz(ctx context.Context, t *tree, archive *os.File) error {
	packed, err := gzip.NewReader(artifact.Reader{Context: ctx, From: archive})
	if err != nil {
		return brokenArchive(ctx, "gzip", err)
	}
	limits := t.budget.limits
	most := min(limits.TotalBytes, t.most) + int64(limits.Entries)*headerBytes + freeContentsBytes
	unpacked := &meter{from: packed, left: most}
	tape := tar.NewReader(unpacked)
	for {
		header, err := tape.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return brokenArchive(ctx, "tar", err)
		}
		if err := addTarEntry(t, header, tape); err != nil {
			return brokenArchive(ctx, "tar", err)
		}
	}
	// The checksum is at the end, behind padding.
	if _, err := io.Copy(io.Discard, unpacked); err != nil {
		return brokenArchive(ctx, "gzip", err)
	}
	return nil
}

func addTarEntry(t *tree, header *tar.Header, content io.Reader) error {
	switch header.Typeflag {
	case tar.TypeReg:
		return t.file(header.Name, header.Mode&0o100 != 0, content)
	case tar.TypeDir:
		return t.directory(header.Name)
	case tar.TypeSymlink:
		return t.link(header.Name, header.Linkname)
	case tar.TypeLink:
		return t.hardLink(header.Name, header.Linkname)
	case tar.TypeXGlobalHeader:
		return t.budget.entry() // a comment, such as git writes
	}
	return fmt.Errorf("it holds %q, which is no file, directory or link (tar type %q); devices and pipes are not unpacked",
		header.Name, header.Typeflag)
}

// unpackZip unpacks a zip of the size in bytes into the tree.
func unpackZip(ctx context.Context, t *tree, archive *os.File, size int64) error {
	// The table of contents is read into memory whole, so it is metered while it is read.
	contents := &meteredAt{from: archive, left: int64(t.budget.limits.Entries)*contentsBytes + freeContentsBytes}
	packed, err := zip.NewReader(contents, size)
	if err != nil {
		return brokenArchive(ctx, "zip", err)
	}
	contents.unlimited = true
	for _, f := range packed.File {
		if err := errors.Join(ctx.Err(), addZipEntry(ctx, t, f)); err != nil {
			return brokenArchive(ctx, "zip", err)
		}
	}
	return nil
}

func addZipEntry(ctx context.Context, t *tree, f *zip.File) (err error) {
	mode := f.Mode()
	switch {
	case strings.Contains(f.Name, `\`):
		return fmt.Errorf("it holds %q; a zip names directories with slashes, so pack it with another tool", f.Name)
	case f.Flags&1 != 0:
		return fmt.Errorf("its file %q is encrypted; pack it without a password", f.Name)
	case mode.IsDir():
		return t.directory(f.Name)
	case mode.Type() != 0 && mode.Type() != fs.ModeSymlink:
		return fmt.Errorf("it holds %q, which is no file, directory or link (%s); devices and pipes are not unpacked", f.Name, mode)
	}
	content, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %q: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if mode.Type() == fs.ModeSymlink {
		target, err := io.ReadAll(io.LimitReader(content, maxLinkBytes+1))
		if err != nil {
			return fmt.Errorf("read the link %q: %w", f.Name, err)
		}
		return t.link(f.Name, string(target))
	}
	return t.file(f.Name, mode&0o100 != 0, artifact.Reader{Context: ctx, From: content})
}

// brokenArchive says what a library's error about an archive means.
func brokenArchive(ctx context.Context, format string, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errStreamTooLong):
		return errStreamTooLong
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the %s archive is truncated: it ends too early (%w); pack it again", format, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.Is(err, zip.ErrFormat):
		return fmt.Errorf("it is no valid %s archive, or a damaged one (%w); pack it again", format, err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("the %s archive is damaged (%w); pack it again", format, err)
	case errors.Is(err, zip.ErrAlgorithm):
		return fmt.Errorf("the zip archive is compressed in a way that is not supported (%w); pack it with deflate", err)
	}
	return err
}

// meter lets so many bytes through and no more.
type meter struct {
	from io.Reader
	left int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if m.left -= int64(n); m.left < 0 {
		return 0, errStreamTooLong
	}
	return n, err
}

type meteredAt struct {
	from      io.ReaderAt
	left      int64
	unlimited bool
}

// ReadAt implements io.ReaderAt.
func (m *meteredAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.from.ReadAt(p, off)
	if m.left -= int64(n); m.left < 0 && !m.unlimited {
		return 0, errStreamTooLong
	}
	return n, err
}
