package process

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// masked stands where a secret was.
const masked = "***"

// shortestLine is the length from which a single line of a secret with several lines is masked by itself. Shorter ones
// ("}", "EOF") say nothing, and masking them would make any text unreadable.
const shortestLine = 4

// mask knows the texts that must not be shown.
type mask struct{ forms []string }

// newMask makes a mask of the secrets' values in the forms in which programs write them: as they are, printable, each line by
// itself, and quoted for JSON, addresses and base64.
func newMask(secrets []string) mask {
	var m mask
	for _, secret := range secrets {
		m.add(secret)
		m.add(strings.TrimSpace(secret))
		m.add(url.QueryEscape(secret))
		m.add(url.PathEscape(secret))
		m.add(quoted(secret, true))
		m.add(quoted(secret, false))
		m.add(base64.StdEncoding.EncodeToString([]byte(secret)))
		m.add(base64.URLEncoding.EncodeToString([]byte(secret)))
		if lines := strings.Split(Printable(secret), "\n"); len(lines) > 1 {
			for _, line := range lines {
				if line = strings.TrimSpace(line); len(line) >= shortestLine {
					m.add(line)
				}
			}
		}
	}
	slices.Sort(m.forms)
	m.forms = slices.Compact(m.forms)
	return m
}

func (m *mask) add(form string) {
	for _, one := range []string{form, strings.TrimSpace(Printable(form))} {
		if one != "" {
			m.forms = append(m.forms, one)
		}
	}
}

// quoted is the secret as the inside of a JSON string.
func quoted(secret string, escapeHTML bool) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	if err := encoder.Encode(secret); err != nil {
		return "" // a string always encodes
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

// longest is the length of the longest form, in bytes.
func (m mask) longest() int {
	most := 0
	for _, form := range m.forms {
		most = max(most, len(form))
	}
	return most
}

// readable returns the log as people may read it. It masks before it removes control characters and after, since either may
// hide a secret from the other.
func (m mask) readable(log *tail) string {
	text := string(log.bytes())
	if log.dropped > 0 {
		text = text[m.safeStart(text):]
	}
	return m.hide(Printable(m.hide(text)))
}

// safeStart returns where a log that lost its beginning may be read from: behind what may be the rest of a secret, and not
// within one.
func (m mask) safeStart(text string) int {
	start := min(len(text), m.longest())
	for _, s := range m.stretches(text) {
		if s.from < start && start < s.to {
			start = s.to
		}
	}
	return start
}

// Mask returns the text with the secrets' values replaced.
func Mask(text string, secrets []string) string { return newMask(secrets).hide(text) }

// hide replaces every stretch of the text that belongs to a form. Forms that overlap in the text are one stretch, so that no
// rest of either stays.
func (m mask) hide(text string) string {
	hidden := m.stretches(text)
	if len(hidden) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, s := range hidden {
		b.WriteString(text[at:s.from])
		b.WriteString(masked)
		at = s.to
	}
	b.WriteString(text[at:])
	return b.String()
}

type stretch struct{ from, to int }

// stretches returns where the forms occur: in order, and merged where they overlap.
func (m mask) stretches(text string) []stretch {
	var found []stretch
	for _, form := range m.forms {
		for at := 0; ; {
			i := strings.Index(text[at:], form)
			if i < 0 {
				break
			}
			found = append(found, stretch{at + i, at + i + len(form)})
			at += i + 1
		}
	}
	slices.SortFunc(found, func(a, b stretch) int { return a.from - b.from })
	var merged []stretch
	for _, s := range found {
		if last := len(merged) - 1; last >= 0 && s.from < merged[last].to {
			merged[last].to = max(merged[last].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}
