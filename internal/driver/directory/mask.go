package directory

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
)

const (
	tailBytes   = 4 << 10 // of a hook's output, shown when it fails
	leastMasked = 4       // bytes of a line of a secret that is masked by itself; shorter ones are in every text
	masking     = "***"
)

// mask hides the values of secrets in what a hook printed.
type mask struct {
	values  []string // the longest first
	longest int
}

// newMask hides whole values, and each line of those with several: programs print line by line.
func newMask(secrets map[string]string) mask {
	var m mask
	for _, value := range secrets {
		if value != "" {
			m.values = append(m.values, value)
		}
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= leastMasked {
				m.values = append(m.values, line)
			}
		}
	}
	slices.SortFunc(m.values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	m.values = slices.Compact(m.values)
	if len(m.values) > 0 {
		m.longest = len(m.values[0])
	}
	return m
}

// tail returns the end of a hook's output in words for an error.
func (m mask) tail(output *os.File) string {
	info, err := output.Stat()
	if err != nil {
		return "its output cannot be read"
	}
	// Read one secret further back, so that one which is cut by the edge is seen whole.
	from := max(0, info.Size()-tailBytes-int64(m.longest))
	text := make([]byte, info.Size()-from)
	n, err := output.ReadAt(text, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return "its output cannot be read"
	}
	shown := m.end(string(text[:n]), int(min(int64(n), tailBytes)))
	if strings.TrimSpace(shown) == "" {
		return "it printed nothing"
	}
	return "it printed:\n" + strings.TrimSpace(shown)
}

func (m mask) text(text string) string { return m.end(text, len(text)) }

// end masks the text and returns what stands for its last so many bytes.
func (m mask) end(text string, last int) string {
	hidden := make([]bool, len(text))
	for _, value := range m.values {
		for at := 0; ; {
			found := strings.Index(text[at:], value)
			if found < 0 {
				break
			}
			at += found
			for i := at; i < at+len(value); i++ {
				hidden[i] = true
			}
			at++
		}
	}
	var shown strings.Builder
	for i := len(text) - last; i < len(text); i++ {
		switch {
		case !hidden[i]:
			shown.WriteByte(text[i])
		case i == len(text)-last || !hidden[i-1]:
			shown.WriteString(masking)
		}
	}
	return printable(shown.String())
}

// printable takes out what would change a terminal: escape sequences and the like.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "?"))
}
