package sqlstore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Whole batches are written in another way than what is left of the last one: nothing may be lost, doubled or mixed up between them.
func TestFillingInBatchesKeepsEverything(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		const many = 1203
		last, given, rows := delivery.Event{}, []delivery.Event{}, []delivery.Row{}
		for i := range many {
			last = delivery.Event{At: storedAt.UTC(), Actor: "alice", Kind: "environment.declared", Subject: fmt.Sprint(i), Data: []byte(`{"i":"<ä>"}`)}.Sealed(last.Seq+1, last.Hash)
			given = append(given, last)
			rows = append(rows, delivery.Row{Table: "environments", Values: map[string]any{"name": fmt.Sprintf("e%04d", i), "document": fmt.Sprintf(`{"i":%d}`, i)}})
		}
		fill := func(f *Filling) error {
			for i, e := range given {
				if err := f.Event(t.Context(), e); err != nil {
					return err
				}
				if i%700 == 0 { // a batch is cut short when another table comes between
					if err := f.Row(t.Context(), rows[i]); err != nil {
						return err
					}
				}
			}
			for i, r := range rows {
				if i%700 == 0 {
					continue
				}
				if err := f.Row(t.Context(), r); err != nil {
					return err
				}
			}
			return nil
		}
		err := Fill(t.Context(), address, func(f *Filling) error {
			require.NoError(t, fill(f))
			return f.Row(t.Context(), rows[1]) // is written at the end
		})
		require.Error(t, err, "the same row again")
		require.NoError(t, Fill(t.Context(), address, fill), "nothing was kept of the first attempt")

		existing, err := OpenExisting(t.Context(), address)
		require.NoError(t, err)
		defer func() { require.NoError(t, existing.Close()) }()
		foundEvents, foundRows := []delivery.Event{}, []delivery.Row{}
		require.NoError(t, existing.View(t.Context(), func(s Snapshot) error {
			if err := s.Events(t.Context(), func(e delivery.Event) error { foundEvents = append(foundEvents, e); return nil }); err != nil {
				return err
			}
			return s.Rows(t.Context(), func(r delivery.Row) error { foundRows = append(foundRows, r); return nil })
		}))
		require.Equal(t, given, foundEvents)
		require.Equal(t, rows, foundRows)
	})
}
