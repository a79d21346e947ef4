package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Ledger tells which ledger the control plane works on and where its history ends, with the page of hashes that has the event.
func (c *Client) Ledger(ctx context.Context, event int64) (delivery.LedgerPage, error) {
	query := url.Values{}
	if event != 0 {
		query.Set("event", strconv.FormatInt(event, 10))
	}
	return get[delivery.LedgerPage](ctx, c, api.PathLedger, query)
}

// Written is the newest event that the control plane's process is known to have written. It comes with each answer to a change, so it
// covers every change that this client made. It is the zero position until there is one.
func (c *Client) Written() delivery.LedgerPosition {
	if p := c.written.Load(); p != nil {
		return *p
	}
	return delivery.LedgerPosition{}
}

// learn notes the position that an answer has in its header, unless a newer one is known.
func (c *Client) learn(h http.Header) {
	p, ok := api.ParsePosition(h.Get(api.PositionHeader))
	for ok {
		before := c.written.Load()
		if before != nil && before.Ledger == p.Ledger && before.Seq >= p.Seq || c.written.CompareAndSwap(before, &p) {
			return
		}
	}
}
