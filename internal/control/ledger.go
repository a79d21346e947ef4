package control

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Ledger tells which ledger this is and where it ends, with the page of its history that has an event.
func (c *Control) Ledger(ctx context.Context, seq int64) (delivery.LedgerPage, error) {
	page := delivery.LedgerPageOf(seq)
	found := delivery.LedgerPage{First: page*delivery.LedgerPageSize + 1}
	err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		if found.Ledger, err = r.Ledger(ctx); err != nil {
			return err
		}
		found.Hashes, err = r.EventHashes(ctx, page)
		return err
	})
	found.ClockAhead = c.o.Store.ClockAhead()
	return found, err
}

// Written is the newest event that this process committed; the zero position if there is none.
func (c *Control) Written() delivery.LedgerPosition { return c.o.Store.Written() }
