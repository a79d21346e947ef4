package process

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// tail keeps the last bytes written to it. It is safe for concurrent use: both streams of a program write to one.
type tail struct {
	limit   int
	mu      sync.Mutex
	kept    []byte
	dropped int64
}

// Write never fails.
func (t *tail) Write(chunk []byte) (int, error) {
	t.add(chunk)
	return len(chunk), nil
}

// add never keeps more than twice the limit.
func (t *tail) add(chunk []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if excess := len(chunk) - t.limit; excess > 0 {
		t.dropped += int64(excess)
		chunk = chunk[excess:]
	}
	t.kept = append(t.kept, chunk...)
	if len(t.kept) > 2*t.limit {
		t.cut()
	}
}

func (t *tail) cut() {
	if excess := len(t.kept) - t.limit; excess > 0 {
		t.dropped += int64(excess)
		t.kept = append(t.kept[:0], t.kept[excess:]...)
	}
}

// bytes returns what is kept, once everything is written.
func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut()
	return t.kept
}

// capture is where the output of one program goes.
type capture struct {
	stdout   *tail // as it was written
	log      *tail // both streams, line by line, masked
	mixed    *redact.Stream
	outLines *lines
	errLines *lines
}

func newCapture(limit int, mask *redact.Masker) *capture {
	c := &capture{stdout: &tail{limit: limit}, log: &tail{limit: limit}}
	c.mixed = mask.Stream(c.log)
	var turn sync.Mutex // one for both streams
	c.outLines = &lines{turn: &turn, to: c.mixed, long: mask.Stream(c.mixed), limit: limit}
	c.errLines = &lines{turn: &turn, to: c.mixed, long: mask.Stream(c.mixed), limit: limit}
	return c
}

// cut drops the line that a stream was cut in: it may hold half a secret, which nothing recognizes.
func (c *capture) cut(stdout, stderr bool) {
	if stdout {
		c.outLines.drop()
	}
	if stderr {
		c.errLines.drop()
	}
}

// flush adds the lines that never ended. Nothing may write anymore.
func (c *capture) flush() {
	c.outLines.flush()
	c.errLines.flush()
	_ = c.mixed.Flush() // a tail takes everything
}

// lines passes on whole lines only. So the streams of a program mix line by line, and no line of one cuts a line, or a secret,
// of the other. A line that is longer than the limit is masked alone and then passed on in pieces.
type lines struct {
	turn    *sync.Mutex
	to      *redact.Stream
	long    *redact.Stream
	limit   int
	partial []byte
	isLong  bool
}

// Write never fails.
func (l *lines) Write(chunk []byte) (int, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.partial = append(l.partial, chunk...)
	if l.isLong {
		if end := bytes.IndexByte(l.partial, '\n') + 1; end > 0 {
			l.endLong(end)
		}
	}
	if end := bytes.LastIndexByte(l.partial, '\n') + 1; end > 0 {
		l.pass(l.to, end)
	}
	if l.isLong || len(l.partial) > l.limit {
		l.isLong = true
		l.pass(l.long, len(l.partial))
	}
	return len(chunk), nil
}

func (l *lines) flush() {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.isLong {
		l.endLong(len(l.partial))
	}
	l.pass(l.to, len(l.partial))
}

func (l *lines) drop() {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.partial = l.partial[:0]
	if l.isLong {
		l.long.Drop()
	}
}

func (l *lines) endLong(n int) {
	l.pass(l.long, n)
	_ = l.long.Flush() // the next stream takes everything
	l.isLong = false
}

func (l *lines) pass(to *redact.Stream, n int) {
	_, _ = to.Write(l.partial[:n]) // as does the tail behind both
	l.partial = append(l.partial[:0], l.partial[n:]...)
}

// lastLines returns the end of the text: whole lines as far as possible, else the end of the last one, marked as cut.
func lastLines(text string, limit int) string {
	const mark = "…"
	text = strings.TrimSpace(text)
	if len(text) <= limit {
		return text
	}
	if limit <= len(mark) {
		return ""
	}
	end := text[len(text)-limit:]
	if text[len(text)-limit-1] == '\n' {
		return end
	}
	if _, whole, ok := strings.Cut(end, "\n"); ok && strings.TrimSpace(whole) != "" {
		return whole
	}
	end = end[len(mark):]
	for end != "" && !utf8.RuneStart(end[0]) {
		end = end[1:]
	}
	return mark + end
}

// LastWords are the last lines as the end of an error's text, or that there are none.
func (o Output) LastWords(limit int) string {
	if text := o.LastLines(limit); text != "" {
		return "Its last output:\n" + text
	}
	return "It printed nothing."
}
