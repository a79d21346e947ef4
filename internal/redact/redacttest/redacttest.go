// Package redacttest is for tests that ask whether a secret shows: it writes secrets in every form, and looks for them.
package redacttest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Values are secrets of many shapes. None occurs in ordinary text.
var Values = map[string]string{
	"PLAIN":   "hunter2-hunter2",
	"QUOTED":  `p"a's$s\w<&>/+ ` + "`rd",
	"LINES":   "-----BEGIN KEY-----\nZm9vYmFyZm9v\n-----END KEY-----",
	"UNICODE": "пароль-密码",
	"SPACED":  "  qwertz uiop-asdf\n",
	"LONG":    strings.Repeat("9f8e7d6c", 200),
}

// Say is what a careless program prints: the secret in every form, a line for each.
func Say(secret string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(Forms)) {
		fmt.Fprintf(&b, "as %s: %s\n", name, Forms[name](secret))
	}
	return b.String()
}

// partBytes is how much of a secret shows that it was cut instead of masked.
const partBytes = 8

// RequireNone demands that the text shows none of the secrets, in no form, and no part of them.
func RequireNone(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for name, form := range Forms {
			require.NotContains(t, text, form(secret), "a secret shows as %s", name)
			require.NotContains(t, text, form(strings.TrimSpace(secret)), "a secret shows as %s", name)
		}
		for from := range len(secret) - partBytes + 1 {
			require.NotContains(t, text, secret[from:from+partBytes], "a part of a secret shows")
		}
	}
}

// Forms are the ways in which programs write a text, by their name. None of them may show a secret.
var Forms = map[string]func(string) string{
	"raw":                   func(s string) string { return s },
	"JSON":                  func(s string) string { return inside(jsonText(s, true)) },
	"JSON without HTML":     func(s string) string { return inside(jsonText(s, false)) },
	"JSON in JSON":          func(s string) string { return inside(jsonText(inside(jsonText(s, true)), true)) },
	"JSON with slashes":     func(s string) string { return strings.ReplaceAll(inside(jsonText(s, false)), "/", `\/`) },
	"Go":                    func(s string) string { return inside(strconv.Quote(s)) },
	"Go in ASCII":           func(s string) string { return inside(strconv.QuoteToASCII(s)) },
	"query":                 url.QueryEscape,
	"path":                  url.PathEscape,
	"query in a query":      func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"query in lower case":   func(s string) string { return lowerPercent(url.QueryEscape(s)) },
	"everything in percent": func(s string) string { return each(s, "%%%02X") },
	"hex":                   func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":                   func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"hex of JSON":           func(s string) string { return hex.EncodeToString([]byte(inside(jsonText(s, false)))) },
	"hex in lines":          func(s string) string { return wrap(hex.EncodeToString([]byte(s)), 60) },
	"bytes of C":            func(s string) string { return each(s, `\x%02x`) },
	"octal":                 func(s string) string { return each(s, `\%03o`) },
	"XML":                   xmlText,
	"HTML":                  html.EscapeString,
	"shell":                 func(s string) string { return strings.ReplaceAll(s, "'", `'\''`) },
	"shell of Python":       func(s string) string { return strings.ReplaceAll(s, "'", `'"'"'`) },
	"shell with a backslash": func(s string) string {
		return strings.NewReplacer("\\", "\\\\", " ", "\\ ", "'", "\\'", "\"", "\\\"", "$", "\\$").Replace(s)
	},
	"YAML":            func(s string) string { return strings.ReplaceAll(s, "'", "''") },
	"base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 raw":      func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64 URL":      func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64 URL raw":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 in a URL": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
	"base64 in lines": func(s string) string { return wrap(base64.StdEncoding.EncodeToString([]byte(s)), 76) },
	"base64 of JSON":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(inside(jsonText(s, false)))) },
	"base64 indented": func(s string) string { return wrapWith(base64.StdEncoding.EncodeToString([]byte(s)), 64, "\r\n    ") },
}

func inside(quoted string) string { return quoted[1 : len(quoted)-1] }

func jsonText(text string, escapeHTML bool) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	if err := encoder.Encode(text); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func lowerPercent(text string) string {
	for _, digits := range []string{"A", "B", "C", "D", "E", "F"} {
		for _, other := range "0123456789ABCDEF" {
			for _, pair := range []string{digits + string(other), string(other) + digits} {
				text = strings.ReplaceAll(text, "%"+pair, "%"+strings.ToLower(pair))
			}
		}
	}
	return text
}

func each(text, format string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, format, text[i])
	}
	return b.String()
}

func xmlText(text string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

func wrap(text string, width int) string { return wrapWith(text, width, "\n") }

func wrapWith(text string, width int, between string) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), between)
}
