// Package persontest writes the same name in different spellings, for tests.
package persontest

import (
	"strings"

	"pgregory.net/rapid"
)

// Spell writes a name or an address (in lower case, ASCII) in one of its spellings.
func Spell(t *rapid.T, name string) string {
	letters := []rune(name)
	for i, r := range letters {
		if r < 'a' || r > 'z' {
			continue
		}
		switch rapid.IntRange(0, 5).Draw(t, "letter") {
		case 0:
			letters[i] = r - 'a' + 'A'
		case 1:
			letters[i] = r - 'a' + 'ａ' // of full width
		}
	}
	form := rapid.SampledFrom([]string{"%", "Some Name <%>", "<%>", " % ", "Имя <%>"}).Draw(t, "form")
	return strings.Replace(form, "%", string(letters), 1)
}
