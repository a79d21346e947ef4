// Command kit does small tasks of the demo that would need a different shell command on each system.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"
)

const usage = `usage: kit <chore>
  pack <archive.tar.gz> <file>...   pack files, the same bytes each time, and print the digest as sha256:<hex>
  ports <n>                         print n free loopback ports, one a line
  get <url>                         print what the url answers`

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) >= 3 && args[0] == "pack":
		return pack(args[1], args[2:], out)
	case len(args) == 2 && args[0] == "ports":
		return ports(ctx, args[1], out)
	case len(args) == 2 && args[0] == "get":
		return get(ctx, args[1], out)
	}
	return errors.New(usage)
}

// pack leaves out everything that differs from one build or machine to the next: times, owners, order, umask.
func pack(archive string, files []string, out io.Writer) error {
	sort.Slice(files, func(i, j int) bool { return filepath.Base(files[i]) < filepath.Base(files[j]) })
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	tape := tar.NewWriter(zip)
	for _, file := range files {
		if err := add(tape, file); err != nil {
			return fmt.Errorf("pack %s: %w", file, err)
		}
	}
	if err := errors.Join(tape.Close(), zip.Close()); err != nil {
		return fmt.Errorf("pack %s: %w", archive, err)
	}
	if err := os.MkdirAll(filepath.Dir(archive), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(archive, packed.Bytes(), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "sha256:%x\n", sha256.Sum256(packed.Bytes()))
	return err
}

func add(tape *tar.Writer, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	header := &tar.Header{Name: filepath.Base(file), Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := tape.WriteHeader(header); err != nil {
		return err
	}
	_, err = tape.Write(content)
	return err
}

// ports holds all n ports until the last is found, so that they differ.
func ports(ctx context.Context, count string, out io.Writer) (err error) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > 100 {
		return fmt.Errorf("ports: %q is not a number from 1 to 100", count)
	}
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			err = errors.Join(err, listener.Close())
		}
	}()
	for range n {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("ports: %w", err)
		}
		held = append(held, listener)
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return fmt.Errorf("ports: %w", err)
		}
		if _, err := fmt.Fprintln(out, port); err != nil {
			return err
		}
	}
	return nil
}

func get(ctx context.Context, url string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(out, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}
