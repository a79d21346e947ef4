package process

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
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
	log      *tail // both streams, line by line
	outLines *lines
	errLines *lines
}

func newCapture(stdoutLimit, logLimit int) *capture {
	log := &tail{limit: logLimit}
	return &capture{stdout: &tail{limit: stdoutLimit}, log: log, outLines: &lines{to: log}, errLines: &lines{to: log}}
}

// flush adds the lines that never ended. Nothing may write any more.
func (c *capture) flush() {
	c.outLines.flush()
	c.errLines.flush()
}

// lines hands on whole lines only. So the streams of a program mix line by line, and no line of one cuts a line, or a secret,
// of the other.
type lines struct {
	to      *tail
	partial []byte
}

// Write never fails. A line longer than the tail keeps is handed on in pieces.
func (l *lines) Write(chunk []byte) (int, error) {
	l.partial = append(l.partial, chunk...)
	if end := bytes.LastIndexByte(l.partial, '\n') + 1; end > 0 {
		l.hand(end)
	}
	if len(l.partial) > l.to.limit {
		l.hand(len(l.partial))
	}
	return len(chunk), nil
}

func (l *lines) flush() { l.hand(len(l.partial)) }

func (l *lines) hand(n int) {
	l.to.add(l.partial[:n])
	l.partial = append(l.partial[:0], l.partial[n:]...)
}

// escapes are the sequences by which a program colours text or moves the cursor.
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[\x20-\x2f]*[\x40-\x7e]|\][^\x07\x1b]*(\x07|\x1b\\)?|[\x40-\x5a\x5c-\x5f])`)

// Printable returns text as it may be shown in an error: valid UTF-8, no escape sequences, no control characters but newline
// and tab. A carriage return, by which programs draw progress, ends a line.
func Printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	text = escapes.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, text)
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
