package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/artifact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Preflight implements driver.Preflighter.
func (d *directoryDriver) Preflight(ctx context.Context, r driver.Request) error {
	for _, name := range slices.Sorted(maps.Keys(r.Artifacts)) {
		if err := d.preflight(ctx, r.Artifacts[name]); err != nil {
			return fmt.Errorf("artifact %q (%s): %w", name, artifact.Shown(r.Artifacts[name].URI), err)
		}
	}
	return nil
}

func (d *directoryDriver) preflight(ctx context.Context, a delivery.Artifact) error {
	if err := d.fetcher.Preflight(ctx, a, digestOf); err != nil {
		return err
	}
	from, err := artifact.Locate(a.URI)
	if err != nil || from.Remote() {
		return err
	}
	return preflightFiles(ctx, from)
}
