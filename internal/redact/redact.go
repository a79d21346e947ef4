// Package redact masks secret values in text: the only masker of the product. It runs wherever text leaves a place that knew
// secrets, and always before the text is cut to length, since a cut through a secret would leave a half that nothing recognizes.
//
// A value is masked in every form in which programs usually write it: as it is, quoted for JSON, Go, a shell, XML or a URL, in
// base64 (both alphabets, at any alignment, wrapped or not), in hex, and each line of it alone. Two ideas keep this small:
//
//   - A form that any decoder undoes (quoting, escaping, line breaks in base64) is searched for in the decoded text, a view. So it does
//     not matter which characters a program chose to escape, or how.
//   - A form without a decoder that may begin anywhere (base64, hex) is a separate pattern, searched for in every view.
//
// A Masker holds hashes of the patterns, not the secrets. The time that masking takes is linear in the text.
package redact

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Mark replaces a secret.
const Mark = "***"

// MinCharacters is the length of the shortest text that is masked, white space around it not counted. Shorter texts occur in any
// text, so that masking them would make all of it unreadable.
const MinCharacters = 4

// Maskable reports whether a value is long enough to be masked.
func Maskable(value string) bool {
	return utf8.RuneCountInString(strings.TrimSpace(value)) >= MinCharacters
}

// Masker masks a set of values. The nil Masker masks nothing. It is safe for concurrent use.
type Masker struct {
	patterns patterns
	longest  int // bytes of the longest pattern
}

// New makes a masker of the values. It ignores those that are not Maskable.
func New(values ...string) *Masker {
	m := &Masker{patterns: patterns{byPrefix: map[prefix][]int{}, byHash: map[window]pattern{}}}
	for _, value := range values {
		if Maskable(value) {
			m.addForms(value)
		}
	}
	if len(m.patterns.byHash) == 0 {
		return nil
	}
	return m
}

// Mask returns the text with every form of every value replaced by Mark.
func (m *Masker) Mask(text string) string {
	if m == nil || len(text) < MinCharacters {
		return text
	}
	return string(m.stretches([]byte(text)).mask([]byte(text), false))
}

// Printable returns the text as it may be shown to people: masked, and without control characters. Either may hide a secret from the
// other, so it masks before it removes them and after.
func (m *Masker) Printable(text string) string { return m.Mask(Printable(m.Mask(text))) }

// Error returns the error with its text masked. An error whose text shows no secret is returned as it is; one that shows some loses
// what it wraps, since that shows them too.
func (m *Masker) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if masked := m.Mask(text); masked != text {
		return errors.New(masked)
	}
	return err
}

// hidden counts, for each place in a text, how many more stretches begin there than end. So marking one takes the same time however
// long it is.
type hidden []int32

func (h hidden) add(from, to int) {
	h[from]++
	h[to]--
}

// stretches returns where the text shows a secret.
func (m *Masker) stretches(text []byte) hidden {
	found := make(hidden, len(text)+1)
	for v := range views(text) {
		m.patterns.search(v, found)
	}
	return found
}

// mask returns the text with Mark in place of each stretch. Stretches that overlap or touch become one. marked says that a Mark
// stands right before the text.
func (h hidden) mask(text []byte, marked bool) []byte {
	var masked []byte
	depth, from := int32(0), 0
	for i := range text {
		before := depth
		depth += h[i]
		switch {
		case before == 0 && depth > 0:
			masked = append(masked, text[from:i]...)
			if i > 0 || !marked {
				masked = append(masked, Mark...)
			}
		case before > 0 && depth == 0:
			from = i
		}
	}
	if depth == 0 {
		masked = append(masked, text[from:]...)
	}
	return masked
}
