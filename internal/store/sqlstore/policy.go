package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Policy implements store.Reader.
func (r *reader) Policy(ctx context.Context, name string) (delivery.PolicySpec, error) {
	return document[delivery.PolicySpec](ctx, r, "policies", policyNamed(name),
		`SELECT name, document FROM policies WHERE name = $1`, name)
}

// Policies implements store.Reader.
func (r *reader) Policies(ctx context.Context) ([]delivery.PolicySpec, error) {
	return documents[delivery.PolicySpec](ctx, r, "policies", `SELECT name, document FROM policies ORDER BY name`)
}

// PutPolicy implements store.Tx.
func (w *writer) PutPolicy(ctx context.Context, spec delivery.PolicySpec) error {
	text, err := encode(spec)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO policies (name, document) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document`, spec.Name, text)
	return err
}

// DeletePolicy implements store.Tx.
func (w *writer) DeletePolicy(ctx context.Context, name string) error {
	n, err := w.exec(ctx, `DELETE FROM policies WHERE name = $1`, name)
	if err == nil && n == 0 {
		return missing(policyNamed(name))
	}
	return err
}

func policyNamed(name string) string { return fmt.Sprintf("policy %q", name) }
