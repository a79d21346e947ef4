package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	environmentQuery  = namedQuery("environments")
	environmentsQuery = rowsFrom(tableNamed("environments"), "0", "") + ` UNION ALL ` + absentOfAll(tableNamed("environments"), false)
)

// Environment implements store.Reader.
func (r *reader) Environment(ctx context.Context, name string) (delivery.EnvironmentSpec, error) {
	return document[delivery.EnvironmentSpec](ctx, r, environmentNamed(name), environmentQuery, name)
}

// Environments implements store.Reader.
func (r *reader) Environments(ctx context.Context, names ...string) ([]delivery.EnvironmentSpec, error) {
	if len(names) == 0 {
		return documents[delivery.EnvironmentSpec](ctx, r, environmentsQuery)
	}
	return documents[delivery.EnvironmentSpec](ctx, r, r.ledger.environmentsNamedQuery(), list(names))
}

func (l *ledger) environmentsNamedQuery() string {
	of, names := tableNamed("environments"), l.dialect.elements("$1")
	return rowsFrom(of, "0", `WHERE t.name IN (`+names+`)`) + ` UNION ALL ` + absentNamed(of, "", names, `t.name = wanted.element`)
}

// replicasQuery finds those that the events name too: of a row that was changed, only they tell what it was.
const replicasQuery = `SELECT name FROM environments WHERE replica_of = $1
	UNION SELECT subject FROM events WHERE replica_of = $1`

// Replicas implements store.Reader.
func (r *reader) Replicas(ctx context.Context, of string) ([]string, error) {
	candidates, err := r.namesOf(ctx, replicasQuery, of)
	if err != nil || len(candidates) == 0 {
		return []string{}, err
	}
	specs, err := r.Environments(ctx, candidates...)
	names := []string{}
	for _, spec := range specs {
		if spec.ReplicaOf == of {
			names = append(names, spec.Name)
		}
	}
	return names, err
}

func (r *reader) namesOf(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := r.tx.QueryContext(ctx, query, args...)
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
	w.wrote("environments", spec.Name, text)
	return err
}

// DeleteEnvironment implements store.Tx.
func (w *writer) DeleteEnvironment(ctx context.Context, name string) error {
	n, err := w.exec(ctx, `DELETE FROM environments WHERE name = $1`, name)
	if err == nil && n == 0 {
		return missing(environmentNamed(name))
	}
	w.wrote("environments", name, "")
	return err
}

func environmentNamed(name string) string { return fmt.Sprintf("environment %q", name) }
