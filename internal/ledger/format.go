package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	formatName    = "terraform-provider-cd ledger"
	formatVersion = 1
	eventsTable   = "events" // its count in the header is that of the events

	// maxLine is how long a line may be: a ledger's largest objects are far smaller.
	maxLine = 64 << 20
)

// header is the first line of an exported ledger.
type header struct {
	Type    string           `json:"type"` // "ledger"
	Format  string           `json:"format"`
	Version int              `json:"version"`
	ID      string           `json:"id"`     // which ledger it is
	Counts  map[string]int64 `json:"counts"` // lines of each table, "events" included
}

// eventLine is an event. Data is a text, so that its bytes are those that were hashed.
type eventLine struct {
	Type     string `json:"type"` // "event"
	Seq      int64  `json:"seq"`
	At       int64  `json:"at"` // microseconds since 1970-01-01T00:00:00Z
	Actor    string `json:"actor"`
	Kind     string `json:"kind"`
	Subject  string `json:"subject"`
	Data     string `json:"data"`
	Previous string `json:"previous"`
	Hash     string `json:"hash"`
}

// rowLine is a row of what the ledger holds now.
type rowLine struct {
	Type string `json:"type"` // "row"
	delivery.Row
}

// writer writes an exported ledger.
type writer struct {
	out  *bufio.Writer
	json *json.Encoder
}

func newWriter(out io.Writer) writer {
	buffered := bufio.NewWriterSize(out, 1<<16)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	return writer{buffered, encoder}
}

func (w writer) header(id string, counts map[string]int64) error {
	return w.json.Encode(header{"ledger", formatName, formatVersion, id, counts})
}

func (w writer) event(e delivery.Event) error {
	return w.json.Encode(eventLine{"event", e.Seq, e.At.UnixMicro(), e.Actor, string(e.Kind), e.Subject, string(e.Data), e.Previous, e.Hash})
}

func (w writer) row(r delivery.Row) error { return w.json.Encode(rowLine{"row", r}) }

func (w writer) end() error { return w.out.Flush() }

func (l eventLine) event() delivery.Event {
	return delivery.Event{Seq: l.Seq, At: time.UnixMicro(l.At).UTC(), Actor: l.Actor, Kind: delivery.EventKind(l.Kind), Subject: l.Subject,
		Data: json.RawMessage(l.Data), Previous: l.Previous, Hash: l.Hash}
}

// VerifyFile checks an exported ledger as Verify checks one in a database; name is how messages call it. An error is a
// *delivery.Error: conflict (the ledger is broken: it names the first broken record) or invalid (this is not an exported ledger).
func VerifyFile(ctx context.Context, name string, in io.Reader, anchor string, progress Progress) (Report, error) {
	lines := &lines{name: name, in: bufio.NewReaderSize(in, 1<<16)}
	first, err := lines.header()
	if err != nil {
		return Report{}, err
	}
	counts := first.Counts
	audit, found := delivery.NewAudit(anchor), map[string]int64{}
	step := steps("verifying", sum(counts), progress)
	for ctx.Err() == nil {
		line, err := lines.next()
		if err != nil {
			return Report{}, err
		}
		if line == nil {
			break
		}
		step.step()
		table, err := lines.take(line, audit, found)
		if err != nil {
			return Report{}, err
		}
		found[table]++
	}
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	if err := lines.complete(counts, found, audit); err != nil {
		return Report{}, err
	}
	_, last := audit.Last()
	return Report{Name: name, ID: first.ID, Events: found[eventsTable], Rows: sum(found) - found[eventsTable], Last: last}, nil
}

// lines reads an exported ledger line by line.
type lines struct {
	name string
	in   *bufio.Reader
	read int
}

// next returns the next line; nil at the end.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, l.invalid("is longer than any line of an exported ledger")
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, delivery.Errorf(delivery.CodeUnavailable, "%s cannot be read: %v", l.name, err)
		}
		l.read++
		return line, nil
	}
}

func (l *lines) header() (first header, err error) {
	line, err := l.next()
	if err != nil {
		return first, err
	}
	if err := json.Unmarshal(line, &first); err != nil || first.Type != "ledger" || first.Format != formatName {
		return first, delivery.Errorf(delivery.CodeInvalid, "%s is not an exported ledger: its first line is not the header that terraform-provider-cd ledger export writes", l.name)
	}
	if first.Version != formatVersion {
		return first, delivery.Errorf(delivery.CodeInvalid, "%s was exported by a newer release (its format is version %d, and this release knows %d); verify it with that release or a newer one", l.name, first.Version, formatVersion)
	}
	return first, nil
}

// take checks one line and returns the table it belongs to.
func (l *lines) take(line []byte, audit *delivery.Audit, found map[string]int64) (table string, err error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return "", l.invalid("is not JSON: the file was changed or cut off")
	}
	switch kind.Type {
	case "event":
		var one eventLine
		if err := strictly(line, &one); err != nil {
			return "", l.invalid("is not an event")
		}
		if sum(found) > found[eventsTable] {
			return "", delivery.Errorf(delivery.CodeConflict, "%s is in line %d, after rows: events come first", one.event(), l.read)
		}
		return eventsTable, audit.Event(one.event())
	case "row":
		var one rowLine
		if err := strictly(line, &one); err != nil {
			return "", l.invalid("is not a row")
		}
		return one.Table, audit.Row(one.Row)
	}
	return "", l.invalid("is neither an event nor a row")
}

// strictly reads a line that has the known fields only, and numbers as they are written.
func strictly(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	return decoder.Decode(into)
}

// complete compares what was there with what the header counts, and with what the events say.
func (l *lines) complete(counts, found map[string]int64, audit *delivery.Audit) error {
	seq, _ := audit.Last()
	if counts[eventsTable] != found[eventsTable] {
		return delivery.Errorf(delivery.CodeConflict, "%s ends with event %d, and its header counts %d events: it was cut off, or lines were removed", l.name, seq, counts[eventsTable])
	}
	if err := audit.End(); err != nil {
		return err
	}
	for table, n := range counts {
		if found[table] != n {
			return delivery.Errorf(delivery.CodeConflict, "%s has %d rows of table %s, and its header counts %d: it was cut off, or lines were removed", l.name, found[table], table, n)
		}
	}
	return nil
}

func (l *lines) invalid(what string) error {
	return delivery.Errorf(delivery.CodeInvalid, "%s is not an exported ledger, or was changed: line %d %s", l.name, l.read, what)
}
