package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Release implements store.Reader.
func (r *reader) Release(ctx context.Context, pipeline, version string) (delivery.Release, error) {
	return document[delivery.Release](ctx, r, "releases", fmt.Sprintf("release %q", pipeline+"/"+version),
		`SELECT pipeline || '/' || version, document FROM releases WHERE pipeline = $1 AND version = $2`, pipeline, version)
}

// Releases implements store.Reader. They are sorted by version, as text.
func (r *reader) Releases(ctx context.Context, pipeline string, versions ...string) ([]delivery.Release, error) {
	if len(versions) == 0 {
		return documents[delivery.Release](ctx, r, "releases",
			`SELECT pipeline || '/' || version, document FROM releases WHERE pipeline = $1 ORDER BY version`, pipeline)
	}
	return documents[delivery.Release](ctx, r, "releases",
		`SELECT pipeline || '/' || version, document FROM releases
		WHERE pipeline = $1 AND version IN (`+r.ledger.dialect.elements("$2")+`) ORDER BY version`, pipeline, list(versions))
}

// PutRelease implements store.Tx. Most releases are new.
func (w *writer) PutRelease(ctx context.Context, release delivery.Release) error {
	spec := release.Spec
	release.RegisteredAt = moment(release.RegisteredAt)
	text, err := encode(release)
	if err != nil {
		return err
	}
	n, err := w.exec(ctx, `INSERT INTO releases (pipeline, version, digest, document) VALUES ($1, $2, $3, $4) ON CONFLICT (pipeline, version) DO NOTHING`,
		spec.Pipeline, spec.Version, release.Digest, text)
	if err != nil || n > 0 {
		return err
	}
	held, err := w.Release(ctx, spec.Pipeline, spec.Version)
	if err != nil {
		return err
	}
	if held.Digest != release.Digest {
		return delivery.Errorf(delivery.CodeConflict, "release %s exists with other content (%s, not %s): a release never changes; give the new content a new version", spec.ID(), held.Digest, release.Digest)
	}
	held.Attempt, held.Retired = release.Attempt, release.Retired
	if text, err = encode(held); err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE releases SET document = $3 WHERE pipeline = $1 AND version = $2`, spec.Pipeline, spec.Version, text)
	return err
}
