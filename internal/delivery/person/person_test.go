package person_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person/persontest"
)

func TestSpellingsOfOnePerson(t *testing.T) {
	for _, spelling := range []string{
		"dave@example.com", "DAVE@EXAMPLE.COM", "Dave <DAVE@example.com>", "  dave@example.com ", "<dave@example.com>", `"Miller, Dave" <dave@example.com>`,
		"dave@example.com.", "mailto:dave@example.com", "ｄａｖｅ@example.com", "Дейв <dave@example.com>", "Dave <dave@example.com> ",
	} {
		require.NoError(t, person.Check(spelling), spelling)
		require.Equal(t, "dave@example.com", person.Key(spelling), spelling)
	}
	require.True(t, person.Same("Straße@example.com", "STRASSE@example.com"))
	require.True(t, person.Same("rene\u0301@example.com", "RENÉ@example.com"))
	require.True(t, person.Same("dave@bücher.example", "dave@XN--BCHER-KVA.example"))
	require.True(t, person.In([]string{"alice@example.com", "Dave <dave@example.com>"}, "DAVE@example.com"))
	require.False(t, person.In([]string{"alice@example.com"}, "dave@example.com"))
	require.False(t, person.Same("dave@example.com", "dave@example.org"))
	require.False(t, person.Same("dave", "dave@example.com"))
}

func TestNamesThatAreAccepted(t *testing.T) {
	for _, name := range []string{
		"dave", "Dave Miller", "ci:acme/shop", "group:platform", `ACME\dave`, "49699333+dependabot[bot]@users.noreply.github.com", "o'brien", "renovate[bot]",
		"иван", "Иван Петров", "山田@example.jp", "スーパー", "김@example.kr", "josé@example.com", "ơng@example.vn", "राम",
	} {
		require.NoError(t, person.Check(name), name)
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"":                                    "names nobody",
		" ":                                   "names nobody",
		"a\xff":                               "is not text in UTF-8",
		"a\nb":                                "holds an invisible character (U+000A)",
		"da\u200bve@example.com":              "holds an invisible character (U+200B)",
		"dave@example.com\u202e":              "holds an invisible character (U+202E)",
		"da\u00adve@example.com":              "holds an invisible character (U+00AD)",
		"da\ufe0fve@example.com":              "holds an invisible character (U+FE0F)",
		"da\u3164ve@example.com":              "holds an invisible character (U+3164)",
		"da\u00a0ve":                          "holds an invisible character (U+00A0)",
		"D\u200bave <dave@example.com>":       "holds an invisible character (U+200B)",
		"d\u0430ve@example.com":               "mixes letters of different scripts (Cyrillic and Latin)",
		"\u0430\u0441\u0435@example.com":      "mixes letters of different scripts (Cyrillic and Latin)",
		"d\u03b1ve@example.com":               "mixes letters of different scripts (Greek and Latin)",
		"d\u0251ve@example.com":               "can be taken for another character",
		"da\u0332ve@example.com":              "can be taken for another character",
		"dave\u2010miller@example.com":        "can be taken for another character",
		"dave@example\u02d0com":               "can be taken for another character",
		"dave@example.com, erin@example.com":  "holds more than one address",
		"dave@example.com erin@example.com":   "holds more than one address",
		"dave@example.com (Dave)":             "holds more than one address",
		"dave@example.com@example.org":        "holds more than one address",
		"dave@example.com <erin@example.com>": "does not say which address it means",
		"Dave <dave@example.com> <erin@x.y>":  "does not say which address it means",
		"Dave <dave@example.com":              "does not say which address it means",
		"Dave <>":                             "does not say which address it means",
		"@example.com":                        "is half an address",
		"dave@":                               "is half an address",
	} {
		err := person.Check(name)
		require.Error(t, err, "%q", name)
		require.Contains(t, err.Error(), want, "%q", name)
	}
}

// What is accepted in any spelling has one key, and that key is a spelling of itself.
func TestOneKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-z][a-z0-9.+_-]{0,8}(@[a-z]{1,5}\.[a-z]{2,3})?`).Draw(t, "key")
		spelling := persontest.Spell(t, key)
		require.NoError(t, person.Check(spelling))
		require.Equal(t, key, person.Key(spelling))
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		key := person.Key(text)
		require.True(t, person.Same(text, text))
		if person.Check(text) == nil {
			require.Equal(t, key, person.Key(key), "%q", text)
			require.NotEmpty(t, key)
		}
	})
}
