package person

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// together lists the scripts that one name may mix, as the "highly restrictive" level of Unicode's UTS 39 does: no letters of these
// look alike.
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// lookalikes are letters of phonetic alphabets: they count as Latin, and no address has them.
var lookalikes = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0250, Hi: 0x02af, Stride: 1}, {Lo: 0x1d00, Hi: 0x1dbf, Stride: 1}, {Lo: 0x2c60, Hi: 0x2c7f, Stride: 1},
	{Lo: 0xa720, Hi: 0xa7ff, Stride: 1}, {Lo: 0xab30, Hi: 0xab6f, Stride: 1},
}}

const longVowel = 'ー' // Japanese; Unicode gives it no script

// checkLetters refuses characters that people take for others. key is what the spelling is compared by.
func checkLetters(spelling, key string) error {
	scripts := []string{}
	for _, r := range key {
		script := "Latin"
		switch {
		case r < utf8.RuneSelf && !unicode.IsLetter(r):
			continue
		case r < utf8.RuneSelf:
		case r == longVowel:
			script = "Katakana"
		default:
			script = scriptOf(r)
		}
		if script == "" || unicode.Is(lookalikes, r) {
			return fmt.Errorf("%q holds %q (%U), which can be taken for another character; write it with ordinary letters", spelling, r, r)
		}
		if !slices.Contains(scripts, script) {
			scripts = append(scripts, script)
		}
	}
	if len(scripts) > 1 && !slices.ContainsFunc(together, func(set []string) bool { return within(set, scripts) }) {
		slices.Sort(scripts)
		return fmt.Errorf("%q mixes letters of different scripts (%s and %s), which look alike; write it in one", spelling, scripts[0], scripts[1])
	}
	return nil
}

func within(set, scripts []string) bool {
	return !slices.ContainsFunc(scripts, func(s string) bool { return !slices.Contains(set, s) })
}

// scriptOf names the script of a letter or of a mark on a letter. It is empty for every other character outside ASCII: signs that look like
// a hyphen or a dot, and marks that any letter may carry.
func scriptOf(r rune) string {
	if !unicode.IsLetter(r) && !unicode.IsMark(r) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if name != "Common" && name != "Inherited" && unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
