package junit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

// A report says the same in every encoding that is read, and reading it as UTF-8 once is reading it twice.
func TestEncodings(t *testing.T) {
	const report = `<testsuite name="Körbe" tests="2"><testcase/><testcase><failure>nö</failure></testcase></testsuite>`
	want, err := Parse([]byte(report))
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"little-endian": encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String, report),
		"big-endian":    encoded(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String, report),
		"no mark":       encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String, report),
		"UTF-8, marked": []byte("\ufeff" + report),
		"latin 1":       encoded(t, charmap.ISO8859_1.NewEncoder().String, `<?xml version="1.0" encoding="latin1"?>`+report),
		"latin 9":       encoded(t, charmap.ISO8859_15.NewEncoder().String, ` <?xml version = "1.0" encoding = 'iso-8859-15' standalone="yes" ?>`+report),
	} {
		counts, err := Parse(text)
		require.NoError(t, err, name)
		require.Equal(t, want, counts, name)
		once, err := Decode(text)
		require.NoError(t, err, name)
		require.Contains(t, string(once), report, name)
		twice, err := Decode(once)
		require.NoError(t, err, name)
		require.Equal(t, once, twice, name)
	}
}

func encoded(t *testing.T, encode func(string) (string, error), text string) []byte {
	t.Helper()
	result, err := encode(text)
	require.NoError(t, err)
	return []byte(result)
}

// Every encoding of one byte to a letter leaves the markup as it is.
func TestSingleByteEncodingsKeepASCII(t *testing.T) {
	require.NotEmpty(t, singleByte)
	for name, single := range singleByte {
		require.Equal(t, strings.ToLower(name), name)
		for b := range byte(0x80) {
			require.Equal(t, rune(b), single.DecodeByte(b), name)
		}
	}
}

func TestDecodedTextIsUTF8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.SampledFrom([]string{"", "\xff\xfe", "\xfe\xff", "<\x00", "\x00<", "\ufeff", `<?xml encoding="iso-8859-3"?>`, `<?xml encoding="windows-1252"?>`}).Draw(t, "head")
		text, err := Decode([]byte(head + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))))
		if err == nil {
			require.Negative(t, invalidUTF8(text))
		}
	})
}
