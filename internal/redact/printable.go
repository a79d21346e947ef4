package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are the sequences by which a program colors text or moves the cursor.
var escapes, leadingEscape = regexp.MustCompile(escape), regexp.MustCompile("^" + escape)

const escape = `\x1b(\[[0-?]*[\x20-\x2f]*[\x40-\x7e]|\][^\x07\x1b]*(\x07|\x1b\\)?|[\x40-\x5a\x5c-\x5f])`

// Printable returns text as it may be shown in an error: valid UTF-8, no escape sequences, no control characters except newline
// and tab, nothing that changes the direction of text. A carriage return, by which programs draw progress, ends a line.
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
