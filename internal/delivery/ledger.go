package delivery

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// LedgerPosition is one event of one ledger. Anyone who knows it can tell that ledger from another one, from an older copy of it, and from one
// whose history was rewritten.
type LedgerPosition struct {
	Ledger string `json:"ledger"` // the ledger's id
	Seq    int64  `json:"seq"`    // of the event; 0 if there was none yet
	Hash   string `json:"hash"`
}

// Ledger is which ledger this is and where its history ends.
type Ledger struct {
	// Newest is the last event. Its Ledger is empty while the ledger does not exist.
	Newest LedgerPosition `json:"newest"`
	At     time.Time      `json:"at"` // of the newest event; zero when there is none
	// Adopted are the ledgers that this one replaces, each up to an event.
	Adopted []LedgerPosition `json:"adopted,omitempty"`
	// Moved is where the ledger continues, when it was copied there and takes no more changes.
	Moved *LedgerMove `json:"moved,omitempty"`
}

// LedgerMove is what the event ledger.sealed records: the place where a ledger continues. It shows no password.
type LedgerMove struct {
	To string `json:"to"`
}

// LedgerPage is a ledger with the hashes of some consecutive events, so that positions can be compared.
type LedgerPage struct {
	Ledger

	First  int64    `json:"first"` // the number of the first of these events
	Hashes []string `json:"hashes"`
	// ClockAhead is how far the clock of the machine that answers is ahead of the ledger's own; 0 where the machine's clock decides.
	ClockAhead time.Duration `json:"clock_ahead"`
}

// LedgerPageSize is how many events a page has.
const LedgerPageSize = 500

// LedgerPageOf is the number of the page that has an event. Pages are numbered from 0.
func LedgerPageOf(seq int64) int64 { return max(0, seq-1) / LedgerPageSize }

// Move says where the ledger continues, if an event ended it. Only the newest event can, because nothing follows it there.
func (e Event) Move() *LedgerMove {
	if e.Kind != EventLedgerSealed {
		return nil
	}
	var m LedgerMove
	if json.Unmarshal(e.Data, &m) != nil {
		m.To = "another place"
	}
	return &m
}

// Adopted is the position that an event says the ledger replaces; ok is false for any other event.
func (e Event) Adopted() (p LedgerPosition, ok bool) {
	ok = e.Kind == EventLedgerAdopted && json.Unmarshal(e.Data, &p) == nil && p.Ledger != ""
	return p, ok
}

// Takes refuses an event that a sealed ledger does not take: any but the one that opens it.
func (l Ledger) Takes(kind EventKind) error {
	if l.Moved == nil || kind == EventLedgerOpened {
		return nil
	}
	return Errorf(CodeConflict, "this ledger takes no more changes: it was moved to %s on %s. Set the provider's ledger, or CD_LEDGER, to that place", l.Moved.To, l.At.Format(time.RFC3339))
}

// ClockCorrection is the data of EventLedgerClockCorrected.
type ClockCorrection struct {
	Newest time.Time `json:"newest"` // the time of the newest event until then
}

// Next makes an event the next one of the ledger, unless it is sealed. No event has an earlier time than the one before it: a clock that was set
// back would otherwise be right again after its first event. Only a person says that it was the ledger's time that was wrong.
func (l Ledger) Next(e Event) (Event, error) {
	if err := l.Takes(e.Kind); err != nil {
		return e, err
	}
	if e.At.Before(l.At) && e.Kind != EventLedgerClockCorrected {
		e.At = l.At
	}
	return e.Sealed(l.Newest.Seq+1, l.Newest.Hash), nil
}

// Replaces reports whether this ledger was recorded as the one that continues another one.
func (l Ledger) Replaces(id string) bool {
	return slices.ContainsFunc(l.Adopted, func(p LedgerPosition) bool { return p.Ledger == id })
}

// IDs are the ids under which this ledger may find what it left: its own, and those of the ledgers that it replaces.
func (l Ledger) IDs() []string {
	ids := []string{l.Newest.Ledger}
	for _, p := range l.Adopted {
		ids = append(ids, p.Ledger)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Recognize compares a position that somebody kept with the ledger. It is nil if the ledger holds it, or replaces the ledger that did. The
// page is the one of the position (LedgerPageOf).
func (p LedgerPage) Recognize(kept LedgerPosition) error {
	if p.Holds(kept) || slices.ContainsFunc(p.Adopted, func(a LedgerPosition) bool { return a.covers(kept) }) {
		return nil
	}
	adopt := "terraform-provider-cd ledger adopt " + kept.String() + " LEDGER"
	switch {
	case p.Newest.Ledger == "":
		return Errorf(CodeConflict, "there is no ledger here, and the state was written with ledger %s. Correct the provider's ledger or CD_LEDGER, or restore the ledger from a backup. To start with an empty ledger, run: %s", kept.Ledger, adopt)
	case p.Newest.Ledger != kept.Ledger:
		return Errorf(CodeConflict, "this is another ledger: the state was written with ledger %s, and this is ledger %s. Correct the provider's ledger or CD_LEDGER. If this ledger replaces the other one, run: %s", kept.Ledger, p.Newest.Ledger, adopt)
	case kept.Seq > p.Newest.Seq:
		return Errorf(CodeConflict, "this is an older copy of the ledger: it ends with event %d, and the state was written after event %d. Use the ledger that has this event. If it is lost for good, run: %s", p.Newest.Seq, kept.Seq, adopt)
	}
	return Errorf(CodeConflict, "this ledger has another history: its event %d is not the one that the state was written after, because a copy of it was changed, or older events were. Use the ledger that has this event. If it is lost for good, run: %s", kept.Seq, adopt)
}

// Holds reports whether the ledger's own history has the position. The page is the one of the position.
func (p LedgerPage) Holds(kept LedgerPosition) bool {
	if kept.Ledger != p.Newest.Ledger || kept.Seq > p.Newest.Seq {
		return false
	}
	i := kept.Seq - p.First
	return kept.Seq == 0 || i >= 0 && i < int64(len(p.Hashes)) && p.Hashes[i] == kept.Hash
}

// covers reports whether an adopted position has another one of its ledger before it, as far as numbers tell.
func (a LedgerPosition) covers(kept LedgerPosition) bool {
	return a.Ledger == kept.Ledger && (kept.Seq < a.Seq || kept == a)
}

// String is the position as the command line takes it.
func (a LedgerPosition) String() string {
	return fmt.Sprintf("%s %d %s", a.Ledger, a.Seq, cmp.Or(a.Hash, noHash))
}

// noHash is how the command line writes the hash of a position before the first event.
const noHash = "-"

// LedgerPositionOf reads a position as the command line takes it: the ledger's id, an event's number, and its hash.
func LedgerPositionOf(ledger, seq, hash string) (LedgerPosition, error) {
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || n < 0 {
		return LedgerPosition{}, Errorf(CodeInvalid, "%q is not the number of an event; copy the three words from the message of terraform plan", seq)
	}
	p := LedgerPosition{Ledger: ledger, Seq: n, Hash: hash}
	if hash == noHash {
		p.Hash = ""
	}
	switch {
	case !LedgerID.MatchString(ledger):
		return LedgerPosition{}, Errorf(CodeInvalid, "%q is not the id of a ledger: it has 32 characters from 0 to 9 and a to f; copy the three words from the message of terraform plan", ledger)
	case (n == 0) != (p.Hash == ""), p.Hash != "" && !eventHash.MatchString(p.Hash):
		return LedgerPosition{}, Errorf(CodeInvalid, "%q is not the hash of event %d; copy the three words from the message of terraform plan", hash, n)
	}
	return p, nil
}

// LedgerID is how the id of a ledger is written.
var LedgerID = regexp.MustCompile(`^[0-9a-f]{32}$`)

var eventHash = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
