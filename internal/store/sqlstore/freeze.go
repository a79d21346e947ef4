package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	freezeQuery  = namedQuery("freezes")
	freezesQuery = rowsFrom(tableNamed("freezes"), "0", "") + ` UNION ALL ` + absentOfAll(tableNamed("freezes"), false)
)

// Freeze implements store.Reader.
func (r *reader) Freeze(ctx context.Context, name string) (delivery.FreezeSpec, error) {
	return document[delivery.FreezeSpec](ctx, r, freezeNamed(name), freezeQuery, name)
}

// Freezes implements store.Reader.
func (r *reader) Freezes(ctx context.Context) ([]delivery.FreezeSpec, error) {
	return documents[delivery.FreezeSpec](ctx, r, freezesQuery)
}

// PutFreeze implements store.Tx.
func (w *writer) PutFreeze(ctx context.Context, spec delivery.FreezeSpec) error {
	text, err := encode(spec)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO freezes (name, document) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document`, spec.Name, text)
	w.wrote("freezes", spec.Name, text)
	return err
}

// DeleteFreeze implements store.Tx.
func (w *writer) DeleteFreeze(ctx context.Context, name string) error {
	n, err := w.exec(ctx, `DELETE FROM freezes WHERE name = $1`, name)
	if err == nil && n == 0 {
		return missing(freezeNamed(name))
	}
	w.wrote("freezes", name, "")
	return err
}

func freezeNamed(name string) string { return fmt.Sprintf("freeze %q", name) }
