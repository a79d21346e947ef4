package world_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

func stages(environments ...string) delivery.PipelineSpec {
	return delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "production", Environments: environments, Promotion: delivery.Manual}}}
}

// What a decision needs comes from the ledger with the changes of a plan over it: the pipeline as planned, its environments, those they must
// equal, and the sources of those that are replicas.
func TestWhatIsLoaded(t *testing.T) {
	ctx, now := t.Context(), time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	ledger, err := sqlstore.Open(ctx, filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ledger.Close()) })
	j := journal.New(ledger, func() time.Time { return now })
	require.NoError(t, j.Change(ctx, "alice@example.com", delivery.EventPipelineRefused, "shop", func(tx store.Tx) ([]journal.Entry, error) {
		entries := journal.One(delivery.EventPipelineDeclared, "shop", stages("eu"))
		for _, env := range []delivery.EnvironmentSpec{
			{Name: "acme", Tier: "production", Config: map[string]string{"CURRENCY": "EUR"}},
			{Name: "acme-copy", Tier: "testing", ReplicaOf: "acme"},
			{Name: "eu", Tier: "production", Parity: &delivery.Parity{With: "acme-copy"}},
			{Name: "us", Tier: "production"},
		} {
			if err := tx.PutEnvironment(ctx, env); err != nil {
				return nil, err
			}
			entries = append(entries, journal.Entry{Kind: delivery.EventEnvironmentDeclared, Subject: env.Name, Data: env})
		}
		return entries, tx.PutPipeline(ctx, stages("eu"))
	}))

	var changes delivery.ChangeSet
	changes.Pipelines.Put("shop", stages("eu", "us"), true)
	for name, c := range map[string]struct {
		changes      *delivery.ChangeSet
		environments []string
	}{
		"the ledger":                  {nil, []string{"acme", "acme-copy", "eu"}},
		"a plan that edits the stage": {&changes, []string{"acme", "acme-copy", "eu", "us"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, ledger.View(ctx, func(r store.Reader) error {
				w, err := world.Load(ctx, r, now, "shop", c.changes)
				require.NoError(t, err)
				loaded := []string{}
				for name := range w.Environments {
					loaded = append(loaded, name)
				}
				require.ElementsMatch(t, c.environments, loaded)
				require.Equal(t, "EUR", w.Environments["acme-copy"].Config["CURRENCY"], "a replica has the configuration of its source")
				return nil
			}))
		})
	}
}
