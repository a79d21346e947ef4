package observe

import (
	"context"
	"maps"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
)

// secrets resolves every reference of a content. Nothing is deployed with a secret missing.
func (o *Observer) secrets(ctx context.Context, environment string, references map[string]string) (map[string]string, error) {
	values := make(map[string]string, len(references))
	for name, reference := range references {
		value, err := secret.Resolve(ctx, o.Secrets, reference)
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
	Hidden      []string          // more values, which are only to be masked
	mask        *redact.Masker
}

// masking returns the same with a mask of all values.
func (c Confidential) masking() Confidential {
	c.mask = redact.New(c.Values()...)
	return c
}

// Values are all that nobody else may learn.
func (c Confidential) Values() []string {
	values := slices.Clone(c.Hidden)
	for _, known := range []map[string]string{c.Secrets, c.Credentials} {
		values = slices.AppendSeq(values, maps.Values(known))
	}
	return values
}

// Confidential resolves all that deploying a content needs.
func (o *Observer) Confidential(ctx context.Context, environment string, content delivery.Content) (known Confidential, err error) {
	if known.Secrets, err = o.secrets(ctx, environment, content.Secrets); err != nil {
		return known, err
	}
	known.Credentials, err = o.credentials(ctx, environment, content.Target)
	return known.masking(), err
}

// forObserving resolves what observing a content needs. The secrets are only masked in what is seen, so one that cannot be resolved
// here hinders nobody.
func (o *Observer) forObserving(ctx context.Context, environment string, content delivery.Content) (known Confidential, err error) {
	if known.Credentials, err = o.credentials(ctx, environment, content.Target); err != nil {
		return known, err
	}
	known.Hidden = o.resolvable(ctx, content.Secrets)
	return known.masking(), nil
}

// resolvable are the values of those references that can be resolved.
func (o *Observer) resolvable(ctx context.Context, references map[string]string) []string {
	var values []string
	for _, reference := range references {
		if value, err := secret.Resolve(ctx, o.Secrets, reference); err == nil {
			values = append(values, value)
		}
	}
	return values
}

// credentials resolves what the target's driver needs to be let in.
func (o *Observer) credentials(ctx context.Context, environment string, target *delivery.Target) (map[string]string, error) {
	references := target.Credentials()
	values := make(map[string]string, len(references))
	for _, name := range slices.Sorted(maps.Keys(references)) {
		value, err := secret.Resolve(ctx, o.Secrets, references[name])
		if err != nil {
			return nil, delivery.Errorf(delivery.CodeInvalid, "target.%s.%s of environment %q: %s", target.Kind(), name, environment, err)
		}
		values[name] = value
	}
	return values, nil
}

// Hide masks every secret value in a text. Drivers and checks mask what they say; this is for the one that fails to: the ledger must
// not depend on them.
func (c Confidential) Hide(text string) string { return c.mask.Mask(text) }

// HideError is an error with the secret values masked in its text. An error without any stays what it is.
func (c Confidential) HideError(err error) error { return c.mask.Error(err) }

// HideObservation is what was seen, with the secret values masked in it.
func (c Confidential) HideObservation(seen delivery.Observation) delivery.Observation {
	seen.Version, seen.Unknown = c.Hide(seen.Version), c.Hide(seen.Unknown)
	for i := range seen.Differences {
		seen.Differences[i] = c.Hide(seen.Differences[i])
	}
	return seen
}
