package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	pipelineQuery  = namedQuery("pipelines")
	pipelinesQuery = rowsFrom(tableNamed("pipelines"), "0", "") + ` UNION ALL ` + absentOfAll(tableNamed("pipelines"), false)
)

// Pipeline implements store.Reader.
func (r *reader) Pipeline(ctx context.Context, name string) (delivery.PipelineSpec, error) {
	return document[delivery.PipelineSpec](ctx, r, pipelineNamed(name), pipelineQuery, name)
}

// Pipelines implements store.Reader.
func (r *reader) Pipelines(ctx context.Context) ([]delivery.PipelineSpec, error) {
	return documents[delivery.PipelineSpec](ctx, r, pipelinesQuery)
}

// PutPipeline implements store.Tx.
func (w *writer) PutPipeline(ctx context.Context, spec delivery.PipelineSpec) error {
	text, err := encode(spec)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO pipelines (name, document) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET document = excluded.document`, spec.Name, text)
	w.wrote("pipelines", spec.Name, text)
	return err
}

// DeletePipeline implements store.Tx.
func (w *writer) DeletePipeline(ctx context.Context, name string) error {
	n, err := w.exec(ctx, `DELETE FROM pipelines WHERE name = $1`, name)
	if err == nil && n == 0 {
		return missing(pipelineNamed(name))
	}
	w.wrote("pipelines", name, "")
	return err
}

func pipelineNamed(name string) string { return fmt.Sprintf("pipeline %q", name) }
