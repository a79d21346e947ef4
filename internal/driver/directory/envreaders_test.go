//go:build unix

package directory

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// readers are what reads .env files: a shell, the library of Docker Compose, and the rules of Node.js and python-dotenv. Where the programs
// themselves are on this machine, they read too, and keep the rules honest.
func readers(t *testing.T) map[string]func(t *testing.T, file string) map[string]string {
	t.Helper()
	all := map[string]func(t *testing.T, file string) map[string]string{
		"sh": sourced,
		"Docker Compose": func(t *testing.T, file string) map[string]string {
			values, err := dotenv.Read(file)
			require.NoError(t, err)
			return values
		},
		"the rules of Node.js":       func(t *testing.T, file string) map[string]string { return nodeRules(textOf(t, file)) },
		"the rules of python-dotenv": func(t *testing.T, file string) map[string]string { return pythonRules(textOf(t, file)) },
	}
	if node, err := exec.LookPath("node"); err == nil {
		all["node"] = func(t *testing.T, file string) map[string]string {
			return printed(t, node, "--env-file="+file, "-e", "console.log(JSON.stringify(process.env))")
		}
	}
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import dotenv").Run() == nil {
			all["python-dotenv"] = func(t *testing.T, file string) map[string]string {
				return printed(t, name, "-c", "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))", file)
			}
		}
	}
	return all
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// printed runs a program with no environment that prints JSON.
func printed(t *testing.T, argv ...string) map[string]string {
	t.Helper()
	command := exec.Command(argv[0], argv[1:]...)
	command.Env = []string{"PYTHONUTF8=1"}
	text, err := command.Output()
	require.NoError(t, err)
	values := map[string]string{}
	require.NoError(t, json.Unmarshal(text, &values))
	delete(values, "PYTHONUTF8")
	return values
}

var nodeVariable = regexp.MustCompile(`(?s)\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[^\S\n]*('[^']*'|"[^"]*"|[^\n]*)`)

// nodeRules reads as https://nodejs.org/api/environment_variables.html#dotenv says: a quoted value goes up to the next quote of its kind,
// over several lines, and only within double quotes \n is a line break. Carriage returns are dropped.
func nodeRules(text string) map[string]string {
	values := map[string]string{}
	for _, found := range nodeVariable.FindAllStringSubmatch(strings.ReplaceAll(text, "\r", ""), -1) {
		value := found[2]
		switch {
		case strings.HasPrefix(value, `"`):
			value = strings.ReplaceAll(strings.Trim(value, `"`), `\n`, "\n")
		case strings.HasPrefix(value, `'`):
			value = strings.Trim(value, `'`)
		}
		values[found[1]] = value
	}
	return values
}

var (
	pythonVariable = regexp.MustCompile(`(?s)\s*(?:export\s+)?([^=#\s]+)\s*=[^\S\n]*('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[^\n]*)`)
	pythonSingle   = regexp.MustCompile(`\\[\\']`)
	pythonDouble   = regexp.MustCompile(`\\[\\'"abfnrtv]`)
	pythonBraces   = regexp.MustCompile(`\$\{[^}]*\}`)
)

// pythonRules reads as https://saurabh-kumar.com/python-dotenv/#file-format says: "\\, \'" are escapes within single quotes and many more
// within double quotes, ${NAME} is expanded wherever it stands, and files are read with universal line breaks.
func pythonRules(text string) map[string]string {
	values := map[string]string{}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for _, found := range pythonVariable.FindAllStringSubmatch(text, -1) {
		value, escapes := found[2], pythonDouble
		if strings.HasPrefix(value, "'") {
			escapes = pythonSingle
		}
		if value != "" && strings.ContainsAny(value[:1], `'"`) {
			value = escapes.ReplaceAllStringFunc(value[1:len(value)-1], func(s string) string { return "<" + s[1:] + ">" })
		}
		values[found[1]] = pythonBraces.ReplaceAllString(value, "<expanded>")
	}
	return values
}

// hardValues is full of what readers of .env files have meanings for.
func hardValues() *rapid.Generator[string] {
	return rapid.StringOf(rapid.OneOf(
		rapid.SampledFrom([]rune("\"'`$\\{}\n\r\t #=!()*~&;|<>%^-:nrt ab\x01\x7f\u0085\u00a0\u2028\ufeff")), rapid.Rune())).
		Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
}

// Every value that is allowed is the same for every reader.
func TestAllReadersOfEnvReadTheSame(t *testing.T) {
	allowed, refused := map[string]string{}, 0
	add := func(value string) {
		if _, err := delivery.DotenvValue(value); err != nil {
			refused++
			return
		}
		allowed[fmt.Sprintf("A%d", len(allowed))] = value
	}
	for _, value := range []string{
		"", " ", "\n", " a ", "#", "a #b", "'", "''", "it's", "it's #1", "a\nb", "'\n'", `"`, `{"a": "b\n", "c": ["$x", "\"", "!"]}`, "$HOME", "$$", "$(id)", "`id`",
		`\n`, `a\"`, `C:\dir`, `pa$w0rd`, "-----BEGIN X-----\nAb+/=\n-----END X-----\n", "export A=b", "A=b\nB=c", "süß 総計", "%s %d", "a=b:c", "~", "*",
		"&& exit 3", "!!", "\x01\x7f",
	} {
		add(value)
	}
	require.Zero(t, refused)
	for seed := range 1500 {
		add(hardValues().Example(seed))
	}
	require.Greater(t, len(allowed), 300)
	require.Greater(t, refused, 50)

	file := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(file, renderEnv(allowed), 0o600))
	for name, read := range readers(t) {
		got := read(t, file)
		require.Len(t, got, len(allowed), name)
		for key, value := range allowed {
			require.Equal(t, value, got[key], "%s reads %s", name, renderEnv(map[string]string{key: value}))
		}
	}
	again, err := parseEnv(textOf(t, file))
	require.NoError(t, err)
	require.Equal(t, allowed, again)
}

// What is refused is the same for all readers in no kind of quotes.
func TestWhatIsRefusedIsReadInDifferentWays(t *testing.T) {
	for _, value := range []string{`\\host`, `C:\dir\`, "a ${HOME} b", "a\rb", "a\r\n", `'"`, "'$HOME", "'`id`", `'\n`, `'\"'`} {
		_, err := delivery.DotenvValue(value)
		require.Error(t, err, value)
		for _, quoted := range []string{"'" + value + "'", `"` + value + `"`, `"` + shellQuoting.Replace(value) + `"`} {
			text := "A=" + quoted + "\n"
			agree := []string{nodeRules(text)["A"], pythonRules(text)["A"]}
			if values, err := parseEnv(text); err == nil { // as a shell does, which replaces these besides
				agree = append(agree, strings.NewReplacer("$HOME", "/root", "`id`", "0").Replace(values["A"]))
			}
			if values, err := dotenv.Parse(strings.NewReader(text)); err == nil {
				agree = append(agree, values["A"])
			}
			same := len(agree) == 4
			for _, one := range agree {
				same = same && one == value
			}
			require.False(t, same, "%s is read alike from %s", value, quoted)
		}
	}
}
