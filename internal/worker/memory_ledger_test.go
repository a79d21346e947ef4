package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (p *memoryPages) Head(ctx context.Context) (string, error) {
	found, err := p.Ledger(ctx)
	return found.Newest.Hash, err
}

func (p *memoryPages) Ledger(context.Context) (delivery.Ledger, error) {
	found := delivery.Ledger{Newest: delivery.LedgerPosition{Ledger: p.id}}
	for _, e := range p.events {
		if e.Kind == delivery.EventLedgerAdopted {
			var adopted delivery.LedgerPosition
			if err := json.Unmarshal(e.Data, &adopted); err != nil {
				return found, err
			}
			found.Adopted = append(found.Adopted, adopted)
		}
	}
	if n := len(p.events); n > 0 {
		last := p.events[n-1]
		found.Newest.Seq, found.Newest.Hash, found.At, found.Moved = last.Seq, last.Hash, last.At, last.Move()
	}
	return found, nil
}

func (p *memoryPages) EventHashes(_ context.Context, page int64) ([]string, error) {
	hashes := []string{}
	for _, e := range p.events {
		if delivery.LedgerPageOf(e.Seq) == page {
			hashes = append(hashes, e.Hash)
		}
	}
	return hashes, nil
}

func (m *memory) Written() delivery.LedgerPosition {
	p := m.snapshot()
	found, err := p.Ledger(context.Background())
	if err != nil || found.Newest.Seq == 0 {
		return delivery.LedgerPosition{}
	}
	return found.Newest
}

func (m *memory) ClockAhead() time.Duration { return 0 }
