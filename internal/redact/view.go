package redact

import (
	"iter"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// view is a text as a decoder reads it.
type view struct {
	text      []byte
	from, to  []int32 // where each byte of it begins and ends in the original text; nil when they are the same
	unwrapped bool    // line breaks are left out
}

// source returns the part of the original text that a stretch of the view stands for.
func (v view) source(from, to int) (start, end int) {
	if v.from == nil {
		return from, to
	}
	return int(v.from[from]), int(v.to[to-1])
}

// decoder reads what the text begins with. It returns what that stands for and how long it is; 0 when it is nothing to decode.
type decoder func(text []byte) (decoded []byte, length int)

// decoders undo what programs do to text that goes into a URL, a string of a language, XML, a terminal, or lines
// of limited length.
var decoders = []decoder{percent, form, backslash, entity, control, lineBreak}

const unwrapping = 5 // the index of lineBreak

// views returns the text, the text decoded in each way that changes it, and each of these decoded once more: text in JSON is often
// part of another JSON text.
func views(text []byte) iter.Seq[view] {
	return func(yield func(view) bool) {
		original := view{text: text}
		if !yield(original) {
			return
		}
		for first := range decoders {
			once, changed := original.decode(first)
			if !changed {
				continue
			}
			if !yield(once) {
				return
			}
			for second := range decoders {
				if twice, changed := once.decode(second); changed && !yield(twice) {
					return
				}
			}
		}
	}
}

// decode returns the view decoded by one more decoder, and whether there was anything to decode.
func (v view) decode(by int) (decoded view, changed bool) {
	read := decoders[by]
	next := view{unwrapped: v.unwrapped || by == unwrapping}
	for i := 0; i < len(v.text); {
		bytes, length := read(v.text[i:])
		if length == 0 {
			if changed {
				next.append(v, v.text[i:i+1], i, i+1)
			}
			i++
			continue
		}
		if !changed {
			changed = true
			next.text = make([]byte, 0, len(v.text))
			next.from, next.to = make([]int32, 0, len(v.text)), make([]int32, 0, len(v.text))
			for j := range i {
				next.append(v, v.text[j:j+1], j, j+1)
			}
		}
		next.append(v, bytes, i, i+length)
		i += length
	}
	return next, changed
}

// append adds bytes that stand for a stretch of another view.
func (v *view) append(of view, bytes []byte, from, to int) {
	start, end := of.source(from, to)
	for _, b := range bytes {
		v.text = append(v.text, b)
		v.from, v.to = append(v.from, int32(start)), append(v.to, int32(end)) // texts are far smaller than 2 GiB
	}
}

// percent decodes %2F.
func percent(text []byte) ([]byte, int) {
	if text[0] != '%' {
		return nil, 0
	}
	if n, ok := number(text, 1, 2, 16); ok {
		return []byte{byte(n)}, 3
	}
	return nil, 0
}

// form decodes what percent does, and the plus sign that forms have for a space.
func form(text []byte) ([]byte, int) {
	if text[0] == '+' {
		return []byte{' '}, 1
	}
	return percent(text)
}

// named are the characters that have names after a backslash.
var named = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1b}

// backslash decodes the strings of JSON, Go, Python, C and shells.
func backslash(text []byte) ([]byte, int) {
	if text[0] != '\\' || len(text) < 2 {
		return nil, 0
	}
	switch kind := text[1]; kind {
	case 'x':
		if n, ok := number(text, 2, 2, 16); ok {
			return []byte{byte(n)}, 4
		}
	case 'u':
		return unicodeEscape(text)
	case 'U':
		if n, ok := number(text, 2, 8, 16); ok {
			return utf8.AppendRune(nil, rune(n)), 10
		}
	case '0', '1', '2', '3':
		if n, ok := number(text, 1, 3, 8); ok {
			return []byte{byte(n)}, 4
		}
	default:
		if b, ok := named[kind]; ok {
			return []byte{b}, 2
		}
		return []byte{kind}, 2
	}
	return nil, 0
}

// unicodeEscape decodes \u00fc, and the pairs by which JSON writes what four digits are too few for.
func unicodeEscape(text []byte) ([]byte, int) {
	n, ok := number(text, 2, 4, 16)
	if !ok {
		return nil, 0
	}
	if utf16.IsSurrogate(rune(n)) && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low, ok := number(text, 8, 4, 16); ok {
			return utf8.AppendRune(nil, utf16.DecodeRune(rune(n), rune(low))), 12
		}
	}
	return utf8.AppendRune(nil, rune(n)), 6
}

// entities are the characters that XML and HTML have names for.
var entities = map[string]byte{"lt": '<', "gt": '>', "amp": '&', "quot": '"', "apos": '\''}

// longestEntity is as long as &#x0010FFFF; is.
const longestEntity = 12

// entity decodes &lt; and &#60; and &#x3c;.
func entity(text []byte) ([]byte, int) {
	if text[0] != '&' {
		return nil, 0
	}
	for end := 2; end < min(len(text), longestEntity); end++ {
		if text[end] != ';' {
			continue
		}
		name := string(text[1:end])
		if b, ok := entities[name]; ok {
			return []byte{b}, end + 1
		}
		if name[0] != '#' || len(name) < 2 {
			return nil, 0
		}
		digits, of := name[1:], 10
		if digits[0] == 'x' || digits[0] == 'X' {
			digits, of = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, of, 21)
		if err != nil {
			return nil, 0
		}
		return utf8.AppendRune(nil, rune(n)), end + 1
	}
	return nil, 0
}

// control leaves out what Printable takes away, and ends lines as it does.
func control(text []byte) ([]byte, int) {
	switch b := text[0]; {
	case b == '\n' || b == '\t' || (b >= ' ' && b < 0x7f):
		return nil, 0
	case b == '\r' && len(text) > 1 && text[1] == '\n':
		return []byte{'\n'}, 2
	case b == '\r':
		return []byte{'\n'}, 1
	case b == 0x1b:
		return nil, max(1, len(leadingEscape.Find(text)))
	}
	if r, length := utf8.DecodeRune(text); unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return nil, length
	}
	return nil, 0
}

// lineBreak leaves out a line break and the white space after it.
func lineBreak(text []byte) ([]byte, int) {
	if text[0] != '\n' && text[0] != '\r' {
		return nil, 0
	}
	length := 1
	for length < len(text) && (text[length] == '\n' || text[length] == '\r' || text[length] == ' ' || text[length] == '\t') {
		length++
	}
	return nil, length
}

// number reads so many digits.
func number(text []byte, from, digits, of int) (uint64, bool) {
	if len(text) < from+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[from:from+digits]), of, 32)
	return n, err == nil
}
