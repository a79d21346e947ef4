package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Event is one line of the ledger's append-only log: who did what to which object, in the transaction that did it.
type Event struct {
	Seq     int64           `json:"seq"` // 1, 2, 3, … without gaps
	At      time.Time       `json:"at"`  // UTC, microseconds
	Actor   string          `json:"actor"`
	Kind    EventKind       `json:"kind"`
	Subject string          `json:"subject"` // the object's id, as in "shop/1.4.2"
	Data    json.RawMessage `json:"data"`
	// Previous is the hash of the event before; empty for the first.
	Previous string `json:"previous"`
	Hash     string `json:"hash"`
}

// Sealed returns the event as the next link of the chain: numbered, linked and hashed.
func (e Event) Sealed(seq int64, previous string) Event {
	e.Seq, e.Previous = seq, previous
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.Hash = e.sum()
	return e
}

// sum hashes everything but the hash itself. The data's text is hashed as it stands, length first, so that no two events
// share one preimage.
func (e Event) sum() string {
	h := sha256.New()
	for _, part := range []string{fmt.Sprint(e.Seq), fmt.Sprint(e.At.UnixMicro()), e.Actor, string(e.Kind), e.Subject, string(e.Data), e.Previous} {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// VerifyLink checks one event against the one before it (nil for the first) and says what is broken.
func VerifyLink(previous *Event, e Event) error {
	seq, hash := int64(1), ""
	if previous != nil {
		seq, hash = previous.Seq+1, previous.Hash
	}
	switch {
	case e.Seq > seq:
		return Errorf(CodeConflict, "event %d is missing: %s follows event %d", seq, e, seq-1)
	case e.Seq < seq:
		return Errorf(CodeConflict, "%s follows event %d: it is out of order, or duplicated", e, seq-1)
	case e.Hash != e.sum():
		if was := e.written(); was > 0 {
			return Errorf(CodeConflict, "%s was event %d when it was written: events were reordered, or some before it were inserted or removed", e, was)
		}
		return Errorf(CodeConflict, "%s was changed after it was written", e)
	case e.Previous != hash:
		return Errorf(CodeConflict, "%s was not written after event %d as it is now: the link is broken, because one of the two was replaced", e, seq-1)
	}
	return nil
}

// String names the event in messages.
func (e Event) String() string { return fmt.Sprintf("event %d (%s %s)", e.Seq, e.Kind, e.Subject) }

const (
	// farthest is how far away from its number an event is looked for.
	farthest = 10_000
	// longest is how many bytes of data an event may have for that: of longer ones it takes more time than it tells.
	longest = 16 << 10
)

// written finds the number that an event had when it was sealed; 0 when it is not its number alone that was changed, or it is long.
func (e Event) written() int64 {
	if len(e.Data) > longest {
		return 0
	}
	for seq := max(1, e.Seq-farthest); seq <= e.Seq+farthest; seq++ {
		other := e
		if other.Seq = seq; other.sum() == e.Hash {
			return seq
		}
	}
	return 0
}
