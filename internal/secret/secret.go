// Package secret turns references into secret values. Declarations hold references only (env:NAME, file:PATH); their values are
// resolved right before they are needed, go only to the code that needs them, and are kept nowhere.
package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// MaxBytes is the size of the largest secret.
const MaxBytes = 64 << 10

// Resolver finds the value that a reference stands for. Its errors name the reference, never the value.
type Resolver interface {
	Resolve(ctx context.Context, reference string) (string, error)
}

// Func is a function as a Resolver.
type Func func(ctx context.Context, reference string) (string, error)

// Resolve implements Resolver.
func (f Func) Resolve(ctx context.Context, reference string) (string, error) {
	return f(ctx, reference)
}

// Resolve resolves a reference and demands that the value can be used: not empty, not too large, and long enough to be masked
// wherever it is printed. This holds for every Resolver.
func Resolve(ctx context.Context, from Resolver, reference string) (string, error) {
	value, err := from.Resolve(ctx, reference)
	switch {
	case err != nil:
		return "", err
	case strings.TrimSpace(value) == "":
		return "", fmt.Errorf("%s is empty. Set it to the secret's value", reference)
	case !redact.Maskable(value):
		return "", fmt.Errorf("%s is shorter than %d characters, so it could not be masked in output. Use a longer secret", reference, redact.MinCharacters)
	case len(value) > MaxBytes:
		return "", fmt.Errorf("%s is larger than %d bytes, the most that a secret may have", reference, MaxBytes)
	}
	return value, nil
}

// Local reads references where this process runs: env:NAME is an environment variable, and file:PATH is a file. Line breaks at the
// end of the file are no part of the secret.
type Local struct{}

// Resolve implements Resolver.
func (Local) Resolve(_ context.Context, reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	switch kind {
	case "env":
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set where Terraform runs", name)
		}
		return value, nil
	case "file":
		value, err := readFile(name)
		if err != nil {
			return "", fmt.Errorf("the secret's file cannot be read: %w", err)
		}
		return value, nil
	}
	return "", fmt.Errorf("%q is not a secret reference; write env:NAME or file:PATH", reference)
}

var errNotRegular = errors.New("it is not a regular file")

// readFile reads a regular file of limited size. It may be behind links, as mounted secrets are. Opening anything else must not
// wait, as opening a pipe does until somebody writes to it.
func readFile(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errNotRegular}
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+int64(len("\r\n"))+1)) // more than a secret and its line break
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
