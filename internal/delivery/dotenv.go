package delivery

import (
	"fmt"
	"strings"
)

// DotenvValue writes a value for a .env file in quotes that a shell, Docker Compose, Node.js and python-dotenv read alike. Where there is
// none, the error says what stands in the way and what would fix it, and does not repeat the value.
//
// Each of the four has its own meaning for a backslash, a dollar sign and a quote inside quotes. They agree on this:
//   - Within double quotes all is as it is that is no quote, backslash, dollar sign or backtick.
//   - Within single quotes all is as it is, except for two backslashes and one before the closing quote (python-dotenv and Compose), and
//     ${, which python-dotenv replaces even there. There is no way to write a single quote.
//   - A carriage return is lost in Node.js and becomes a line break in python-dotenv.
func DotenvValue(value string) (string, error) {
	switch {
	case strings.Contains(value, "\r"):
		return "", fmt.Errorf("the value holds a carriage return, %s; use line breaks of \\n alone", dotenvReaders)
	case !strings.ContainsAny(value, "\"\\$`"):
		return `"` + value + `"`, nil
	case strings.Contains(value, "${"):
		return "", fmt.Errorf("the value holds ${, %s; write it without braces, or encode the value, as with base64encode", dotenvReaders)
	case strings.Contains(value, "'"):
		return "", fmt.Errorf("the value holds a single quote together with one of \" \\ $ `, %s; leave out either (JSON can write ' as \\u0027), or encode the value, as with base64encode", dotenvReaders)
	case strings.Contains(value, `\\`), strings.HasSuffix(value, `\`):
		return "", fmt.Errorf("the value holds two backslashes in a row or ends with one, %s; use slashes, or encode the value, as with base64encode", dotenvReaders)
	}
	return "'" + value + "'", nil
}

// dotenvReaders ends the first half of a sentence about what readers of .env disagree on.
const dotenvReaders = "which a shell, Docker Compose, Node.js and python-dotenv read from .env in different ways"

// validateDotenv checks configuration that a directory target writes into .env.
func validateDotenv(p problems, config map[string]string) {
	for _, key := range sortedKeys(config) {
		if _, err := DotenvValue(config[key]); err != nil {
			p.key(key).add("%v", err)
		}
	}
}
