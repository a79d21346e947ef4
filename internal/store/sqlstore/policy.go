package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	policyQuery   = namedQuery("policies")
	policiesQuery = rowsFrom(tableNamed("policies"), "0", "") + ` UNION ALL ` + absentOfAll(tableNamed("policies"), false)
)

// Policy implements store.Reader.
func (r *reader) Policy(ctx context.Context, name string) (delivery.PolicySpec, error) {
	return document[delivery.PolicySpec](ctx, r, policyNamed(name), policyQuery, name)
}

// Policies implements store.Reader.
func (r *reader) Policies(ctx context.Context) ([]delivery.PolicySpec, error) {
	return documents[delivery.PolicySpec](ctx, r, policiesQuery)
}

// PutPolicy implements store.Tx.
func (w *writer) PutPolicy(ctx context.Context, spec delivery.PolicySpec) error {
	text, err := encode(spec)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO policies (name, document) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document`, spec.Name, text)
	w.wrote("policies", spec.Name, text)
	return err
}

// DeletePolicy implements store.Tx.
func (w *writer) DeletePolicy(ctx context.Context, name string) error {
	n, err := w.exec(ctx, `DELETE FROM policies WHERE name = $1`, name)
	if err == nil && n == 0 {
		return missing(policyNamed(name))
	}
	w.wrote("policies", name, "")
	return err
}

func policyNamed(name string) string { return fmt.Sprintf("policy %q", name) }
