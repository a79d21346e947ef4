package api

import (
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// PositionHeader names the newest event that the answering process wrote into the ledger: its id, the event's number and its hash. An
// answer to a change has one that is not older than the change.
const PositionHeader = "Cd-Ledger-Position"

// ParsePosition reads the header. ok is false if there is none, or one that is not ours.
func ParsePosition(header string) (p delivery.LedgerPosition, ok bool) {
	words := strings.Fields(header)
	if len(words) != 3 {
		return p, false
	}
	p, err := delivery.LedgerPositionOf(words[0], words[1], words[2])
	return p, err == nil && p.Seq > 0
}
