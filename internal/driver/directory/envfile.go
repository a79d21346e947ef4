package directory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	configName  = ".env"
	secretsName = ".secrets.env"
)

// shellQuoting is for within double quotes, as a shell reads them.
var shellQuoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")

// renderEnv writes variables as the package describes.
func renderEnv(values map[string]string) []byte {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(values)) {
		quoted, err := delivery.DotenvValue(values[key])
		if err != nil {
			// A plan refuses such configuration. What was recorded by an earlier version, and secrets, are for the shell alone.
			quoted = `"` + shellQuoting.Replace(values[key]) + `"`
		}
		text.WriteString(key + "=" + quoted + "\n")
	}
	return []byte(text.String())
}

// parseEnv reads what renderEnv writes, and what people make of it: comments, export, single quotes, no quotes. Its error names
// the line, and never what stands there.
func parseEnv(text string) (map[string]string, error) {
	values := map[string]string{}
	for line := 1; text != ""; {
		rest := strings.TrimLeft(text, " \t\r\n")
		line += strings.Count(text[:len(text)-len(rest)], "\n")
		if rest == "" {
			break
		}
		if rest[0] == '#' {
			_, text, _ = strings.Cut(rest, "\n")
			line++
			continue
		}
		key, after, ok := strings.Cut(strings.TrimPrefix(rest, "export "), "=")
		if !ok || strings.ContainsAny(key, " \t\n\"'") {
			return nil, fmt.Errorf("line %d is no KEY=\"value\"", line)
		}
		value, left, ok := parseValue(after)
		if !ok {
			return nil, fmt.Errorf("the value in line %d has a quote without its end", line)
		}
		values[key] = value
		line += strings.Count(rest[:len(rest)-len(left)], "\n")
		text = left
	}
	return values, nil
}

// parseValue reads a shell word and returns what comes after it.
func parseValue(text string) (value, rest string, ok bool) {
	var word strings.Builder
	for text != "" && !strings.ContainsRune(" \t\r\n", rune(text[0])) {
		switch text[0] {
		case '\'':
			inside, after, found := strings.Cut(text[1:], "'")
			if !found {
				return "", "", false
			}
			word.WriteString(inside)
			text = after
		case '"':
			after, found := parseQuoted(&word, text[1:])
			if !found {
				return "", "", false
			}
			text = after
		case '\\':
			word.WriteString(text[1:min(2, len(text))])
			text = text[min(2, len(text)):]
		default:
			word.WriteByte(text[0])
			text = text[1:]
		}
	}
	return word.String(), text, true
}

// parseQuoted reads up to the closing double quote.
func parseQuoted(word *strings.Builder, text string) (rest string, ok bool) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return text[i+1:], true
		case text[i] == '\\' && i+1 < len(text) && strings.ContainsRune("\\\"$`", rune(text[i+1])):
			i++
			word.WriteByte(text[i])
		default:
			word.WriteByte(text[i])
		}
	}
	return "", false
}
