package junit

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// singleByte are the encodings of one byte to a letter that reports are written in, by the names of the XML declaration in lower case. In
// all of them ASCII is ASCII, so that the markup is the same whichever is meant.
var singleByte = map[string]*charmap.Charmap{
	"iso-8859-1": charmap.ISO8859_1, "latin1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "iso-8859-3": charmap.ISO8859_3,
	"iso-8859-4": charmap.ISO8859_4, "iso-8859-5": charmap.ISO8859_5, "iso-8859-6": charmap.ISO8859_6, "iso-8859-7": charmap.ISO8859_7,
	"iso-8859-8": charmap.ISO8859_8, "iso-8859-9": charmap.ISO8859_9, "iso-8859-10": charmap.ISO8859_10, "iso-8859-13": charmap.ISO8859_13,
	"iso-8859-14": charmap.ISO8859_14, "iso-8859-15": charmap.ISO8859_15, "iso-8859-16": charmap.ISO8859_16,
	"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252, "cp1252": charmap.Windows1252,
	"windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254, "windows-1255": charmap.Windows1255,
	"windows-1256": charmap.Windows1256, "windows-1257": charmap.Windows1257, "windows-1258": charmap.Windows1258,
}

// unicodes are names of encodings whose text may also have been written as UTF-8 without changing the declaration: programs that build
// their XML in a string of UTF-16 often do that.
var unicodes = map[string]bool{
	"utf-8": true, "utf8": true, "us-ascii": true, "ascii": true, "utf-16": true, "utf-16le": true, "utf-16be": true,
}

// encodingDeclared finds the encoding in the XML declaration that begins a text.
var encodingDeclared = regexp.MustCompile(`^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']`)

// Decode returns the text of a report in UTF-8. A byte order mark says what it is written in, else its first two bytes, else its XML
// declaration. What is UTF-8 already stays as it is, whatever the declaration says: Terraform's strings are. So decoding twice is
// decoding once.
func Decode(text []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("<\x00")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(text)
	case bytes.HasPrefix(text, []byte("\xfe\xff")), bytes.HasPrefix(text, []byte("\x00<")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(text)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	at := invalidUTF8(text)
	if at < 0 {
		return text, nil
	}
	name := ""
	if found := encodingDeclared.FindSubmatch(text); found != nil {
		name = string(found[1])
	}
	if single, ok := singleByte[strings.ToLower(name)]; ok {
		return single.NewDecoder().Bytes(text)
	}
	if name == "" || unicodes[strings.ToLower(name)] {
		return nil, fmt.Errorf("byte %d is not UTF-8: write the report in UTF-8, or name its encoding in its XML declaration", at)
	}
	return nil, encodingError(name)
}

// invalidUTF8 returns where the first byte is that is not UTF-8, or -1.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
}

// encodingError is the name of an encoding that is not read.
type encodingError string

func (e encodingError) Error() string {
	return fmt.Sprintf("encoding %s is not read: write the report in UTF-8", quote(string(e)))
}

// declared is what the XML decoder asks about an encoding that is declared anywhere. The text is UTF-8 already.
func declared(name string, text io.Reader) (io.Reader, error) {
	lower := strings.ToLower(name)
	if _, ok := singleByte[lower]; ok || unicodes[lower] {
		return text, nil
	}
	return nil, encodingError(name)
}
