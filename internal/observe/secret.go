package observe

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// maxSecretBytes bounds a secret read from a file.
const maxSecretBytes = 64 << 10

// ResolveSecret reads a reference: env:NAME or file:PATH (a trailing line break is not part of the secret). Errors name the
// reference, never a value.
func ResolveSecret(_ context.Context, reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	switch kind {
	case "env":
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", delivery.Errorf(delivery.CodeInvalid, "environment variable %s is not set where Terraform runs", name)
		}
		return value, nil
	case "file":
		return readSecret(name)
	}
	return "", delivery.Errorf(delivery.CodeInvalid, "%q is not a secret reference; write env:NAME or file:PATH", reference)
}

func readSecret(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", delivery.Errorf(delivery.CodeInvalid, "the secret's file cannot be read: %v", err)
	}
	defer f.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return "", delivery.Errorf(delivery.CodeInvalid, "the secret's file cannot be read: %v", err)
	}
	if len(text) > maxSecretBytes {
		return "", delivery.Errorf(delivery.CodeInvalid, "the secret's file %s is larger than %d bytes", name, maxSecretBytes)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// secrets resolves every reference of a content. Nothing is deployed with a secret missing.
func (o *Observer) secrets(ctx context.Context, environment string, references map[string]string) (map[string]string, error) {
	values := make(map[string]string, len(references))
	for name, reference := range references {
		value, err := o.Secret(ctx, reference)
		if err != nil {
			return nil, delivery.Errorf(delivery.CodeInvalid, "secret %s of environment %q: %s", name, environment, err)
		}
		values[name] = value
	}
	return values, nil
}

// Confidential is what a driver is told and nobody else may learn.
type Confidential struct {
	Secrets     map[string]string // of what is deployed
	Credentials map[string]string // of the driver itself
}

// Confidential resolves all that deploying a content needs.
func (o *Observer) Confidential(ctx context.Context, environment string, content delivery.Content) (known Confidential, err error) {
	if known.Secrets, err = o.secrets(ctx, environment, content.Secrets); err != nil {
		return known, err
	}
	known.Credentials, err = o.credentials(ctx, environment, content.Target)
	return known, err
}

// credentials resolves what the target's driver needs to be let in.
func (o *Observer) credentials(ctx context.Context, environment string, target *delivery.Target) (map[string]string, error) {
	references := target.Credentials()
	values := make(map[string]string, len(references))
	for _, name := range slices.Sorted(maps.Keys(references)) {
		value, err := o.Secret(ctx, references[name])
		if err != nil {
			return nil, delivery.Errorf(delivery.CodeInvalid, "target.%s.%s of environment %q: %s", target.Kind(), name, environment, err)
		}
		values[name] = value
	}
	return values, nil
}

// Hide puts a mark in place of every secret value in a text. Drivers keep values out of what they say; this is for the one that
// fails to, and for what deployed software answers to a check: the ledger must not depend on them.
func (c Confidential) Hide(text string) string {
	values := []string{}
	for _, kept := range []map[string]string{c.Secrets, c.Credentials} {
		for _, value := range kept {
			for _, form := range []string{value, strings.TrimSpace(value)} {
				if form != "" {
					quoted := strconv.Quote(form)
					values = append(values, form, quoted[1:len(quoted)-1])
				}
			}
		}
	}
	// The longest first: a value may be part of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		text = strings.ReplaceAll(text, value, "***")
	}
	return text
}

// HideError is an error with the secret values hidden in its text. An error without any stays what it is.
func (c Confidential) HideError(err error) error {
	if err == nil {
		return nil
	}
	if text := c.Hide(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// HideObservation is what was seen, with the secret values hidden in it.
func (c Confidential) HideObservation(seen delivery.Observation) delivery.Observation {
	seen.Version, seen.Unknown = c.Hide(seen.Version), c.Hide(seen.Unknown)
	for i := range seen.Differences {
		seen.Differences[i] = c.Hide(seen.Differences[i])
	}
	return seen
}
