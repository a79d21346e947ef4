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

// PutRelease implements store.Tx.
func (w *writer) PutRelease(ctx context.Context, release delivery.Release) error {
	spec := release.Spec
	held, err := w.Release(ctx, spec.Pipeline, spec.Version)
	switch {
	case delivery.IsNotFound(err):
		held = release
		held.RegisteredAt = moment(release.RegisteredAt)
	case err != nil:
		return err
	case held.Digest != release.Digest:
		return delivery.Errorf(delivery.CodeConflict, "release %s exists with other content (%s, not %s): a release never changes; give the new content a new version", spec.ID(), held.Digest, release.Digest)
	default:
		held.Attempt, held.Retired = release.Attempt, release.Retired
	}
	text, err := encode(held)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO releases (pipeline, version, digest, document) VALUES ($1, $2, $3, $4)
		ON CONFLICT (pipeline, version) DO UPDATE SET digest = excluded.digest, document = excluded.document`,
		spec.Pipeline, spec.Version, held.Digest, text)
	return err
}
