package redact_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

// secrets generates values that are long enough, of characters that encoders treat specially.
var secrets = rapid.Custom(func(t *rapid.T) string {
	characters := []rune("abcXYZ019 \t+/=%&<>\"'`\\$#;:,.{}?~-_äß世👋")
	middle := rapid.StringOfN(rapid.SampledFrom(characters), 2, 90, -1).Draw(t, "middle")
	return rapid.StringMatching(`[a-zA-Z0-9<"']`).Draw(t, "first") + middle + rapid.StringMatching(`[a-zA-Z0-9<"']`).Draw(t, "last")
}).Filter(redact.Maskable)

func TestEveryFormIsMasked(t *testing.T) {
	for name, form := range redacttest.Forms {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				secret := secrets.Draw(t, "secret")
				m := redact.New(secret, "another secret")
				require.Equal(t, "[ *** | *** ]", m.Mask("[ "+form(secret)+" | "+form(secret)+" ]"))
			})
		})
	}
}

// Wherever the secret stands in what is encoded, no character that holds a bit of it is left.
func TestBase64IsMaskedAtAnyAlignment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "before"), rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "after")
		secret := secrets.Draw(t, "secret")
		encoding := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding}).Draw(t, "encoding")
		encoded := encoding.EncodeToString(bytes.Join([][]byte{before, []byte(secret), after}, nil))
		from, to := len(before)*8/6, ((len(before)+len(secret))*8+5)/6
		masked := redact.New(secret).Mask(encoded)
		// The characters beside it may be masked too: by chance they look like a part of it.
		left, rest, found := strings.Cut(masked, redact.Mark)
		right := rest[strings.LastIndex(rest, "*")+1:]
		require.True(t, found, masked)
		require.True(t, strings.HasPrefix(encoded[:from], left), "%s of %s", masked, encoded)
		require.True(t, strings.HasSuffix(encoded[to:], right), "%s of %s", masked, encoded)
	})
}

func TestEachLineOfASecretIsMasked(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADAN\n}\r\nabc\nabcd\n-----END KEY-----\n"
	m := redact.New(key)
	require.Equal(t, redact.Mark, m.Mask(key))
	for name, form := range redacttest.Forms {
		require.Equal(t, "{ *** }", m.Mask("{ "+form("MIIEvQIBADAN")+" }"), name)
		require.Equal(t, "{ *** }", m.Mask("{ "+form("abcd")+" }"), name)
	}
	require.Equal(t, "abc } *** abc }", m.Mask("abc } abcd abc }"), "a line of three characters stands in any text")
}

func TestASecretOfTwoLinesAndWhatIsAroundIt(t *testing.T) {
	m := redact.New(" \tpassword\nabcd\n", "  trimmed ")
	require.Equal(t, "*** and *** and ***", m.Mask("password and abcd and trimmed"))
	for name, form := range redacttest.Forms {
		require.Equal(t, "[ *** ]", m.Mask("[ "+form("trimmed")+" ]"), name)
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"xabcdefy":             "x***y",
		"xabcd-cdefy":          "x***-***y",
		"xabcdabcdy":           "x***y",
		"aaaaaaaaa":            "***",
		"nothing to mask":      "nothing to mask",
		"":                     "",
		"abc":                  "abc",
		"pass\x1b[31mword":     "***",
		`50% \ & \u00 &#; &x;`: `50% \ & \u00 &#; &x;`,
		`100%`:                 `100%`,
		"\\":                   "\\",
		"Grüße und aus":        "*** und aus",
		`Gr\u00fc\u00dfe`:      "***",
		`Gr&#xfc;&#223;e!`:     "***!",
		`Gr&#XFC;&#223;e!`:     "***!",
		`\ud83d\udc4b\ud83d\udc4b\ud83d\udc4b\uD83D\udc4b`: "***",
		`\U0001F44B\U0001F44B\U0001F44B\U0001F44B`:         "***",
		`\ud83d \ud83d\n`: `\ud83d \ud83d\n`,
	} {
		require.Equal(t, want, redact.New("abcd", "cdef", "bcd", "aaaa", "pass\x1b[31mword", "Grüße", "👋👋👋👋").Mask(text), "%q", text)
	}
}

func TestShortValuesAreNotMasked(t *testing.T) {
	for value, maskable := range map[string]bool{"": false, "abc": false, "abcd": true, "  abc\n": false, "äöü": false, "äöüß": true, "    ": false} {
		require.Equal(t, maskable, redact.Maskable(value), "%q", value)
		text := "[" + value + "]"
		require.Equal(t, !maskable, redact.New(value).Mask(text) == text, "%q", value)
	}
	require.Nil(t, redact.New("", "abc"))
}

func TestWhatControlCharactersHideIsMasked(t *testing.T) {
	m := redact.New("password", "p\x00q\nrstu")
	require.Equal(t, "*** and ***", m.Printable("pass\x1b[31mword\x1b[0m and pass\x00word"))
	require.Equal(t, "*** or ***", m.Printable("p\x00q\nrstu or pq\nrstu"))
	require.Equal(t, "*** and *** and ***", m.Mask("pass\x1b[31mword and pass\x00word and p\u202Ea\x1bssw\x1b]0;title\x07ord"))
	require.Equal(t, "***", redact.New("one\ntwo").Mask("one\r\ntwo"))
	require.Equal(t, "***", redact.New("Grüße").Printable("Gr\\\\u00fc\x00\\\\u00dfe"), "in JSON in JSON, with a control character inside")
	require.Equal(t, "red", (*redact.Masker)(nil).Printable("\x1b[31mred"))
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":               "plain\ttext\n",
		"\x1b[1;31mred\x1b[0m":        "red",
		"\x1b]0;title\x07text":        "text",
		"10%\r20%\r\ndone":            "10%\n20%\ndone",
		"bell\a null\x00 delete\x7f":  "bell null delete",
		"bad \xff byte":               "bad \uFFFD byte",
		"right \u202Eto left":         "right to left",
		"\x1b[38;5;196mcolor\x1b[39m": "color",
	} {
		require.Equal(t, want, redact.Printable(in), "%q", in)
	}
}

func TestErrors(t *testing.T) {
	m := redact.New("password")
	plain := errors.New("no entry")
	require.Same(t, plain, m.Error(plain))
	require.NoError(t, m.Error(nil))
	masked := m.Error(fmt.Errorf("with password: %w", plain))
	require.EqualError(t, masked, "with ***: no entry")
	require.NotErrorIs(t, masked, plain, "what it wraps may show the secret")
}

// However the text comes, in a stream it is masked as it would be in one piece.
func TestAStreamMasksLikeMask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.StringMatching(`[ab%2]{4,6}`).Draw(t, "short")
		long := strings.Repeat(rapid.StringMatching(`[a-z"]{1,9}`).Draw(t, "part"), 200) + "end"
		m := redact.New(short, long)
		piece := rapid.OneOf(rapid.Just(short), rapid.Just(long), rapid.Just(redacttest.Forms["query"](long)), rapid.Just(redacttest.Forms["base64 in lines"](long)),
			rapid.Just(strings.Repeat("filler ", 2000)), rapid.StringMatching(`[ab%2 ]{0,20}`))
		text := strings.Join(rapid.SliceOfN(piece, 1, 40).Draw(t, "pieces"), "")
		var got bytes.Buffer
		s := m.Stream(&got)
		for rest := text; rest != ""; {
			n := min(len(rest), rapid.IntRange(1, 40_000).Draw(t, "chunk"))
			_, err := s.Write([]byte(rest[:n]))
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, s.Flush())
		require.Equal(t, m.Mask(text), got.String())
	})
}

// TestAStreamIsCutAnywhere moves secrets over the place at which a stream passes on the first part of a long text.
func TestAStreamIsCutAnywhere(t *testing.T) {
	m := redact.New("password")
	for _, secret := range []string{"password", "passwordpassword", redacttest.Forms["base64 in lines"]("password")} {
		for before := 4880; before < 4920; before++ {
			text := strings.Repeat(".", before) + secret + strings.Repeat(".", 9000-before-len(secret))
			var got bytes.Buffer
			s := m.Stream(&got)
			_, err := s.Write([]byte(text)) // long enough for a part of it to be passed on
			require.NoError(t, err)
			require.NotZero(t, got.Len())
			require.NoError(t, s.Flush())
			require.Equal(t, m.Mask(text), got.String(), before)
		}
	}
}

// brokenWriter takes nothing.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestAStreamReportsErrorsOfItsWriter(t *testing.T) {
	for _, m := range []*redact.Masker{nil, redact.New("password")} {
		s := m.Stream(brokenWriter{})
		_, err := s.Write(make([]byte, 1<<20))
		require.EqualError(t, err, "the disk is full")
	}
	s := redact.New("password").Stream(brokenWriter{})
	_, err := s.Write([]byte("text"))
	require.NoError(t, err)
	require.EqualError(t, s.Flush(), "the disk is full")
}

func FuzzNoSecretSurvives(f *testing.F) {
	f.Add("hunter2", "the password is ", " and more")
	f.Add(`p"a's$s\w`, `{"a":"`, `"}`)
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if !redact.Maskable(secret) {
			return
		}
		m := redact.New(secret)
		for name, form := range redacttest.Forms {
			written := form(secret)
			masked := m.Mask(before + " " + written + " " + after)
			if rest := before + " " + redact.Mark + " " + after; !strings.Contains(rest, written) {
				require.NotContains(t, masked, written, name)
			}
		}
	})
}

// The time grows with the text, not with its square and not with the number of lines of a secret.
func BenchmarkMask(b *testing.B) {
	key := make([]string, 1000)
	for i := range key {
		key[i] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("line %d of a long and boring private key", i)))
	}
	for name, bench := range map[string]struct{ secret, text string }{
		"ordinary":  {"correct horse battery staple", strings.Repeat("an ordinary line of a log, with 100% of what is in one\n", 20_000)},
		"escapes":   {"correct horse battery staple", strings.Repeat(`{"a":"b\n","c":"&lt;%20"}`, 40_000)},
		"all alike": {strings.Repeat("a", 30_000), strings.Repeat("a", 1<<20)},
		"many":      {strings.Join(key, "\n"), strings.Repeat(strings.Join(key, "\n"), 10)},
	} {
		b.Run(name, func(b *testing.B) {
			m := redact.New(bench.secret)
			b.SetBytes(int64(len(bench.text)))
			for b.Loop() {
				m.Mask(bench.text)
			}
		})
	}
}
