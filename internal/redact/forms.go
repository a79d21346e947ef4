package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// addForms adds what shows the value, or one of its lines.
func (m *Masker) addForms(value string) {
	texts := []string{value, strings.TrimSpace(value)}
	if lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
		for _, line := range lines {
			if Maskable(line) {
				texts = append(texts, strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(texts)
	for _, text := range slices.Compact(texts) {
		m.addText(text)
	}
}

// addText adds what shows the text. What a view decodes need not be added, since the text is found there as it is. The most common
// of these forms are all the same: what stands before may lead a decoder astray, as a percent sign before digits does.
func (m *Masker) addText(text string) {
	quoted := []string{jsonQuoted(text), url.QueryEscape(text), url.PathEscape(text)}
	for _, written := range append(quoted,
		text,
		string([]rune(text)), // what is not UTF-8 is replaced, by JSON byte by byte
		strings.Map(forXML, text),
		strings.TrimSpace(Printable(text)),
		strings.ReplaceAll(text, `'`, `'\''`),  // quoted for a shell
		strings.ReplaceAll(text, `'`, `'"'"'`), // and by Python
		strings.ReplaceAll(text, `'`, `''`),    // for YAML, SQL and PowerShell
		strings.ReplaceAll(text, `"`, `""`),    // for CSV
	) {
		m.add(written, pattern{})
	}
	whole := slices.Concat(quoted, []string{text})
	slices.Sort(whole)
	for _, form := range slices.Compact(whole) {
		m.addBase64(form)
		m.add(hex.EncodeToString([]byte(form)), pattern{wrapped: true})
		m.add(strings.ToUpper(hex.EncodeToString([]byte(form))), pattern{wrapped: true})
	}
}

func (m *Masker) add(text string, what pattern) {
	m.longest = max(m.longest, len(text))
	m.patterns.add(text, what)
}

// addBase64 adds what the text becomes within a longer one that is encoded. Base64 makes four characters of three bytes, so there are
// three ways, by where in its group the first byte stands:
//
//	bytes        |  s e c   r e t  |         |  . s e   c r e   t  |         |  . . s   e c r   e t  |
//	characters     C2V j   c m V 0             # L N l  Y 3 J l d #            # # u n  Z W N y  Z X #
//
// The characters marked # hold bits of other bytes too. They are no part of the pattern, but what they show of the text is masked.
func (m *Masker) addBase64(text string) {
	const bitsOfCharacter, bitsOfByte = 6, 8
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), text...))
		shared := (before*bitsOfByte + bitsOfCharacter - 1) / bitsOfCharacter // characters with bits of what comes before
		whole := (before + len(text)) * bitsOfByte / bitsOfCharacter
		what := pattern{wrapped: true, before: min(before, 1), after: len(encoded) - whole}
		core := encoded[shared:whole]
		m.add(core, what)
		m.add(strings.NewReplacer("+", "-", "/", "_").Replace(core), what)
	}
}

// forXML replaces the characters that XML cannot hold.
func forXML(r rune) rune {
	if (r < ' ' && r != '\t' && r != '\n' && r != '\r') || r == 0xFFFE || r == 0xFFFF {
		return utf8.RuneError
	}
	return r
}

// jsonQuoted is the text as the inside of a JSON string.
func jsonQuoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return text // a string always encodes
	}
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}
