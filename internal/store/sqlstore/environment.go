package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Environment implements store.Reader.
func (r *reader) Environment(ctx context.Context, name string) (delivery.EnvironmentSpec, error) {
	return document[delivery.EnvironmentSpec](ctx, r, "environments", environmentNamed(name),
		`SELECT name, document FROM environments WHERE name = $1`, name)
}

// Environments implements store.Reader.
func (r *reader) Environments(ctx context.Context, names ...string) ([]delivery.EnvironmentSpec, error) {
	if len(names) == 0 {
		return documents[delivery.EnvironmentSpec](ctx, r, "environments", `SELECT name, document FROM environments ORDER BY name`)
	}
	return documents[delivery.EnvironmentSpec](ctx, r, "environments",
		`SELECT name, document FROM environments WHERE name IN (`+r.ledger.dialect.elements("$1")+`) ORDER BY name`, list(names))
}

const replicasQuery = `SELECT name FROM environments WHERE replica_of = $1 ORDER BY name`

// Replicas implements store.Reader.
func (r *reader) Replicas(ctx context.Context, of string) ([]string, error) {
	rows, err := r.tx.QueryContext(ctx, replicasQuery, of)
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	names := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		names = append(names, name)
	}
	return names, r.failed(ctx, "be read", rows.Err())
}

// PutEnvironment implements store.Tx.
func (w *writer) PutEnvironment(ctx context.Context, spec delivery.EnvironmentSpec) error {
	text, err := encode(spec)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO environments (name, document) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document`, spec.Name, text)
	return err
}

// DeleteEnvironment implements store.Tx.
func (w *writer) DeleteEnvironment(ctx context.Context, name string) error {
	n, err := w.exec(ctx, `DELETE FROM environments WHERE name = $1`, name)
	if err == nil && n == 0 {
		return missing(environmentNamed(name))
	}
	return err
}

func environmentNamed(name string) string { return fmt.Sprintf("environment %q", name) }
