package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	releaseQuery  = keyedQuery("releases", `CAST($1 AS TEXT) || '/' || CAST($2 AS TEXT)`, `t.pipeline = $1 AND t.version = $2`)
	releasesQuery = rowsFrom(tableNamed("releases"), "0", `WHERE t.pipeline = $1`) + ` UNION ALL ` + absentOfAll(tableNamed("releases"), true)
)

// releasesOfQuery asks for the releases of the pipeline $1 of the versions in the list $2.
func (l *ledger) releasesOfQuery() string {
	of, versions := tableNamed("releases"), l.dialect.elements("$2")
	return rowsFrom(of, "0", `WHERE t.pipeline = $1 AND t.version IN (`+versions+`)`) + ` UNION ALL ` +
		absentNamed(of, `CAST($1 AS TEXT) || '/' || `, versions, `t.pipeline = $1 AND t.version = wanted.element`)
}

// Release implements store.Reader.
func (r *reader) Release(ctx context.Context, pipeline, version string) (delivery.Release, error) {
	return document[delivery.Release](ctx, r, fmt.Sprintf("release %q", pipeline+"/"+version), releaseQuery, pipeline, version)
}

// Releases implements store.Reader. They are sorted by version, as text.
func (r *reader) Releases(ctx context.Context, pipeline string, versions ...string) ([]delivery.Release, error) {
	if len(versions) == 0 {
		return documents[delivery.Release](ctx, r, releasesQuery, pipeline)
	}
	return documents[delivery.Release](ctx, r, r.ledger.releasesOfQuery(), pipeline, list(versions))
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
		w.wrote("releases", spec.ID(), text)
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
	w.wrote("releases", spec.ID(), text)
	return err
}
