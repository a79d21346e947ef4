package delivery

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Row is one row of what the ledger holds now, as its table has it: texts, whole numbers (int64) and nil, by column.
type Row struct {
	Table  string         `json:"table"`
	Values map[string]any `json:"values"`
}

// Audit goes through a whole ledger: first its events in order, then its rows, and reports the first record that is broken. Events
// have to be an unbroken chain, and each row has to be what the last event about it says, so that nobody can change one without
// the other. Then what the events say has to be what could have happened, see meaning. What it remembers takes a few hundred bytes for each
// object that the ledger holds or held, and nothing for its events.
type Audit struct {
	anchor   string
	anchored bool
	last     *Event
	latest   map[string]lastEvent // by table and key
	meaning  *meaning
}

// lastEvent is the last event about an object, and what it said of it.
type lastEvent struct {
	rows   *rows
	key    string
	kind   EventKind
	seq    int64
	digest [16]byte
}

// NewAudit begins with an empty ledger. Anchor, when not empty, is the hash of an event that is known to have been in it: only
// reveals a log whose newest events were cut off, or which was rewritten from its first event on.
func NewAudit(anchor string) *Audit {
	return &Audit{anchor: anchor, latest: map[string]lastEvent{}, meaning: newMeaning()}
}

// Event takes the next event. An error says how it is broken.
func (a *Audit) Event(e Event) error {
	if err := a.Link(e); err != nil {
		return err
	}
	table, audited := tables[e.Kind.noun()]
	if !audited {
		return nil
	}
	effect, known := effects[e.Kind]
	if !known {
		return Errorf(CodeInvalid, "%s is of a kind that this release does not know; verify the ledger with a newer release", e)
	}
	a.meaning.take(e)
	if effect == effectNone {
		return nil
	}
	row, err := table.of(e.Data)
	if err != nil {
		return Errorf(CodeConflict, "%s cannot be read: %v", e, err)
	}
	if effect == effectRemoves {
		delete(a.latest, table.id(row))
		return nil
	}
	a.tell(table, row, e)
	if e.Kind == EventDeploymentStarted {
		return a.rollout(e)
	}
	return nil
}

// Link takes the next event, and checks only that it is the next link of the chain.
func (a *Audit) Link(e Event) error {
	if err := VerifyLink(a.last, e); err != nil {
		return err
	}
	a.last = &e
	a.anchored = a.anchored || e.Hash == a.anchor
	return nil
}

func (a *Audit) tell(table *rows, row Row, e Event) {
	a.latest[table.id(row)] = lastEvent{table, table.key(row), e.Kind, e.Seq, row.digest()}
}

// rollout follows when each rollout began: with the first of its deployments, unless that takes something back.
func (a *Audit) rollout(e Event) error {
	var d Deployment
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return Errorf(CodeConflict, "%s cannot be read: %v", e, err)
	}
	if d.Kind == KindRollback {
		return nil
	}
	row := Row{rollouts.table, map[string]any{"pipeline": d.Pipeline, "stage": d.Stage, "seq": d.Seq, "rollout": d.Rollout, "started_at": d.CreatedAt.UnixMicro()}}
	if d.Rollout == "" {
		row.Values["rollout"] = d.ID
	}
	if _, begun := a.latest[rollouts.id(row)]; !begun {
		a.tell(rollouts, row, e)
	}
	return nil
}

// Row takes a row, once all events were taken. An error says how it differs from what the events say.
func (a *Audit) Row(r Row) error {
	table := rowsOf(r.Table)
	if table == nil {
		return Errorf(CodeInvalid, "table %q is not one that this release knows; verify the ledger with a newer release", r.Table)
	}
	id := table.id(r)
	last, known := a.latest[id]
	switch {
	case !known:
		return Errorf(CodeConflict, "%s is in the ledger, but no event records it: it was inserted or duplicated, or its newest event was removed", table.named(table.key(r)))
	case last.digest == r.digest():
		delete(a.latest, id)
		return nil
	}
	if wrong := table.contradicts(r); len(wrong) > 0 {
		return Errorf(CodeConflict, "%s was changed outside the log: its %s does not agree with its document; the last event about it is event %d (%s)",
			table.named(last.key), strings.Join(wrong, " and "), last.seq, last.kind)
	}
	return Errorf(CodeConflict, "%s is not what event %d (%s), the last one about it, says: the row was changed outside the log, or newer events were removed",
		table.named(last.key), last.seq, last.kind)
}

// End is called once all was taken. An error says what is missing.
func (a *Audit) End() error {
	if a.anchor != "" && !a.anchored {
		return Errorf(CodeConflict, "no event has the hash %s: the log was cut off before it, or rewritten", a.anchor)
	}
	if len(a.latest) == 0 {
		return a.Meaning()
	}
	first := slices.MinFunc(slices.Collect(maps.Values(a.latest)), func(x, y lastEvent) int { return int(x.seq - y.seq) })
	return Errorf(CodeConflict, "%s is missing: event %d (%s), the last one about it, says that it is there", first.rows.named(first.key), first.seq, first.kind)
}

// Meaning judges what the events that were taken say, whatever the rows are. An error names the first event that cannot have happened.
func (a *Audit) Meaning() error { return a.meaning.err() }

// Last is the newest event's number and hash; 0 and "" when there is none.
func (a *Audit) Last() (seq int64, hash string) {
	if a.last == nil {
		return 0, ""
	}
	return a.last.Seq, a.last.Hash
}

// digest tells one row from another in little room. Maps are written with their keys sorted.
func (r Row) digest() (short [16]byte) {
	text, err := json.Marshal(r)
	if err != nil {
		panic("delivery: rows hold texts and numbers, which always marshal: " + err.Error())
	}
	sum := sha256.Sum256(text)
	copy(short[:], sum[:])
	return short
}
