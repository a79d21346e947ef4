// Package person tells when two spellings name the same person. A gate that counts people would otherwise count one person twice, or
// let an author approve their own release, because an address was written in capitals or with a name before it.
package person

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Key returns the form by which people are compared: the address out of "Name <address>", in Unicode form NFKC, case-folded, without
// invisible characters. It accepts every text, because the ledger may hold what Check refuses today.
func Key(spelling string) string {
	address := address(spelling)
	if !ascii(address) {
		address = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.Map(visible, address))))
	}
	address = strings.ToLower(strings.Join(strings.Fields(address), " "))
	local, domain, mail := strings.Cut(strings.TrimPrefix(address, "mailto:"), "@")
	if !mail {
		return local
	}
	return local + "@" + unicodeDomain(strings.TrimSuffix(domain, "."))
}

// Same reports whether two spellings name one person.
func Same(a, b string) bool { return a == b || Key(a) == Key(b) }

// In reports whether a list names the person in some spelling.
func In(list []string, who string) bool {
	for _, other := range list {
		if Same(other, who) {
			return true
		}
	}
	return false
}

// Check says why a spelling cannot name a person: it is empty, not one line of text, holds more than one address, or holds characters
// that nobody sees or takes for others. The error is a clause that quotes the spelling and says what to write.
func Check(spelling string) error {
	if strings.TrimSpace(spelling) == "" {
		return fmt.Errorf("%q names nobody; write an address or a name", spelling)
	}
	if !utf8.ValidString(spelling) {
		return fmt.Errorf("%q is not text in UTF-8; write an address or a name", spelling)
	}
	for _, r := range spelling {
		if visible(r) != r {
			return fmt.Errorf("%q holds an invisible character (%U); write it without", spelling, r)
		}
	}
	if err := checkForm(spelling); err != nil {
		return err
	}
	return checkLetters(spelling, Key(spelling))
}

// checkForm refuses a text whose address is not obvious.
func checkForm(spelling string) error {
	const want = "write one address, or one name with the address as in \"Name <address>\""
	inner := address(spelling)
	name := strings.TrimSuffix(strings.TrimSpace(spelling), "<"+inner+">")
	bracketed := strings.HasSuffix(strings.TrimSpace(spelling), "<"+inner+">")
	switch {
	case inner == "", strings.ContainsAny(inner, "<>"), bracketed && strings.ContainsAny(name, "<>@"):
		return fmt.Errorf("%q does not say which address it means; %s", spelling, want)
	case strings.Count(inner, "@") > 1, strings.Contains(inner, "@") && strings.ContainsAny(inner, " ,;()\"'\t"):
		return fmt.Errorf("%q holds more than one address; %s", spelling, want)
	case strings.HasPrefix(Key(spelling), "@"), strings.HasSuffix(Key(spelling), "@"):
		return fmt.Errorf("%q is half an address; %s", spelling, want)
	}
	return nil
}

// address cuts the address out of "Name <address>". Any other text is taken whole.
func address(spelling string) string {
	spelling = strings.TrimSpace(spelling)
	if at := strings.LastIndexByte(spelling, '<'); at >= 0 && strings.HasSuffix(spelling, ">") {
		return strings.TrimSpace(spelling[at+1 : len(spelling)-1])
	}
	return spelling
}

// unicodeDomain writes a domain in the one of its two forms that people read ("xn--…" is the other).
func unicodeDomain(domain string) string {
	if !strings.Contains(domain, "xn--") {
		return domain
	}
	if readable, err := idna.ToUnicode(domain); err == nil {
		return readable
	}
	return domain
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf || text[i] < ' ' {
			return false
		}
	}
	return true
}

// invisible are characters that leave no trace on a screen, or that move what stands beside them.
var invisible = []*unicode.RangeTable{
	unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point,
}

// visible returns the character, or -1 if nobody sees it.
func visible(r rune) rune {
	if r >= ' ' && r < utf8.RuneSelf-1 {
		return r
	}
	if r == utf8.RuneError || unicode.In(r, invisible...) || unicode.Is(unicode.Zs, r) && r != ' ' {
		return -1
	}
	return r
}
