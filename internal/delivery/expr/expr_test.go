package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exampleInput is the input of these tests.
func exampleInput() Input {
	return Input{
		Now:         time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC),
		Pipeline:    "shop",
		Stage:       Stage{Name: "production", Promotion: "manual"},
		Environment: Environment{Name: "eu", Tier: "production", Platform: map[string]string{"region": "eu-1"}},
		Config:      map[string]string{"LOG": "info"},
		Release: Release{
			Version: "1.4.0", Digest: "sha256:" + strings.Repeat("b", 64), Author: "ann",
			RegisteredBy: "ci", RegisteredAt: time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC),
			Labels:    map[string]string{"ticket": "SHOP-7"},
			Artifacts: map[string]Artifact{"app": {URI: "oci://registry.example/app", Digest: "sha256:" + strings.Repeat("a", 64)}},
			Source:    &Source{Repository: "https://git.example/shop", Revision: "4c0ffee", Author: "ann", CommittedAt: time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC)},
		},
		Previous: &Release{Version: "1.3.0", Author: "bob", RegisteredBy: "bob"},
	}
}

// eval compiles and evaluates a condition.
func eval(condition string, in Input) (bool, error) {
	program, flaws := Compile(condition)
	if len(flaws) > 0 {
		return false, errors.New(strings.Join(flaws, "; "))
	}
	return program.Eval(in)
}

func TestConditionsReadEveryVariable(t *testing.T) {
	for _, condition := range []string{
		`release.version == "1.4.0"`,
		`release.digest.startsWith("sha256:bbb")`,
		`release.labels["ticket"].matches("^SHOP-[0-9]+$")`,
		`release.labels.ticket.startsWith("SHOP-")`,
		`release.artifacts["app"].uri.contains("registry.example") && release.artifacts.app.digest.startsWith("sha256:aaa")`,
		`release.artifacts.all(name, release.artifacts[name].uri.startsWith("oci://"))`,
		`release.author == "ann"`,
		`release.source.repository == "https://git.example/shop" && release.source.revision == "4c0ffee" && release.source.author == "ann"`,
		`release.source.committed_at < release.registered_at`,
		`release.registered_by == "ci"`,
		`release.registered_at == timestamp("2027-01-04T08:00:00Z")`,
		`previous.version == "1.3.0" && previous.author == "bob" && previous.registered_by == "bob"`,
		`previous != null && previous != release && release == release`,
		`previous.source == null && !has(previous.source) && has(release.source)`,
		`size(previous.labels) == 0 && previous.artifacts == {} && !("ticket" in previous.labels)`,
		`stage.name == "production" && stage.promotion == "manual"`,
		`pipeline.name == "shop"`,
		`environment.name == "eu" && environment.tier == "production" && environment.platform["region"] == "eu-1"`,
		`config["LOG"] == "info" && config.LOG == "info" && has(config.LOG) && !has(config.OTHER) && !("TOKEN" in config)`,
		`now - release.registered_at >= duration("1h")`,
		`now.getDayOfWeek("Europe/Berlin") == 1 && now.getHours("Europe/Berlin") == 10`,
		`release.version.split(".")[0] == previous.version.split(".")[0] && int(release.version.split(".")[1]) > int(previous.version.split(".")[1])`,
		`" A".trim().lowerAscii() == "a" && "a".upperAscii() == "A" && "abc".substring(1) == "bc" && "abc".charAt(1) == "b" && "ab".reverse() == "ba"`,
		`strings.quote("a") == "\"a\""`,
		`previous == null || previous.version != release.version`,
		`release.source.author == "nobody" ? false : true`,
		strings.Repeat(`release.version != "" && `, 100) + `(` + strings.Repeat(`config.LOG == "x" || `, 60) + `true)`,
	} {
		yes, err := eval(condition, exampleInput())
		require.NoError(t, err, condition)
		require.True(t, yes, condition)
	}
}

// Every declared field must have a value, or conditions that type-check could never be evaluated.
func TestEveryFieldHasAValue(t *testing.T) {
	at := map[string]string{"a release": "release", "a source": "release.source", "an artifact": "release.artifacts.app",
		"a stage": "stage", "a pipeline": "pipeline", "an environment": "environment"}
	require.Len(t, at, len(objectFields))
	for object, fields := range objectFields {
		for field := range fields {
			path := at[object] + "." + field
			yes, err := eval("has("+path+") && "+path+" == "+path, exampleInput())
			require.NoError(t, err)
			require.True(t, yes, "%s.%s", at[object], field)
		}
	}
	require.ElementsMatch(t, sorted(variableTypes), sorted(exampleInput().variables()))
}

func TestASourceWithoutATime(t *testing.T) {
	in := exampleInput()
	in.Release.Source = &Source{Revision: "4c0ffee"}
	for condition, want := range map[string]bool{`release.source.committed_at == null`: true, `has(release.source.committed_at)`: false, `has(release.source)`: true} {
		yes, err := eval(condition, in)
		require.NoError(t, err)
		require.Equal(t, want, yes, condition)
	}
}

func TestInvalidConditions(t *testing.T) {
	cases := map[string]struct{ condition, want string }{
		"nothing":            {" ", `a condition is needed; write a CEL expression, such as "'ticket' in release.labels"`},
		"too long":           {strings.Repeat(" ", MaxConditionBytes) + "true", "the condition has 4100 bytes; at most 4096 are allowed"},
		"unknown variable":   {"relaese.version == ''", "line 1, column 1: undeclared reference to 'relaese'"},
		"lists variables":    {"x == 1", "; the variables are config, environment, now, pipeline, previous, release, stage"},
		"unknown function":   {"release.version.isSemver()", "line 1, column 25: undeclared reference to 'isSemver'; besides CEL's own functions there are charAt, "},
		"unknown field":      {"release.name == ''", "line 1, column 8: undefined field 'name'; "},
		"lists fields":       {"stage.nmae == ''", "; a stage has name, promotion; "},
		"second line":        {"release.version != '' &&\n  now", "line 2, column 3: expected type 'bool' but found 'timestamp'"},
		"place in a line":    {"true ||\n  realm", "line 2, column 3: undeclared reference to 'realm'"},
		"other types":        {"release.version > 1", "line 1, column 17: found no matching overload for '_>_' applied to '(string, int)'"},
		"object and text":    {"release == '1.0'", "applied to '(a release, string)'"},
		"a text":             {"release.version", "line 1, column 1: the condition gives string, but it must be true or false; compare it with something"},
		"an object":          {"release", "the condition gives a release, but it must be true or false"},
		"unclear":            {"dyn(true)", "the condition gives dyn, but"},
		"ends early":         {"release.version ==", "line 1, column 19: syntax error: the expression ends too early"},
		"pattern":            {"release.version.matches('(a')", "line 1, column 25: invalid matches argument"},
		"timestamp":          {"now > timestamp('tomorrow')", "line 1, column 17: invalid timestamp argument"},
		"duration":           {"now - now > duration('1 day')", "line 1, column 22: invalid duration argument"},
		"secrets":            {"environment.secrets.TOKEN != ''", "line 1, column 12: undefined field 'secrets'"},
		"target":             {"environment.target != null", "undefined field 'target'"},
		"own object":         {"release{version: '1'} == release", "undeclared reference to 'release'"},
		"own message":        {"google.protobuf.FileDescriptorSet{} == null", "undeclared reference to 'google.protobuf.FileDescriptorSet'"},
		"replace":            {"'a'.replace('', 'b') == ''", "undeclared reference to 'replace'"},
		"replace, counted":   {"'a'.replace('', 'b', 2) == ''", "undeclared reference to 'replace'"},
		"join":               {"['a'].join('b') == ''", "undeclared reference to 'join'"},
		"format":             {"'%s'.format(['a']) == ''", "undeclared reference to 'format'"},
		"indexOf":            {"'a'.indexOf('a') == 0", "undeclared reference to 'indexOf'"},
		"lastIndexOf":        {"'a'.lastIndexOf('a', 0) == 0", "undeclared reference to 'lastIndexOf'"},
		"deep parentheses":   {strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000), "recursion limit"},
		"deep lists":         {strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " == []", "recursion limit"},
		"deep calls":         {strings.Repeat("size(", 600) + "'a'" + strings.Repeat(")", 600) + " == 1", "recursion limit"},
		"many conditionals":  {strings.Repeat("true?", 450) + "true" + strings.Repeat(":true", 350), "line 1, column 10: syntax error"},
		"many parts":         {strings.Repeat("1+", 2040) + "1 == 1", "max recursion depth exceeded"},
		"many elements":      {"[" + strings.Repeat("1,", 2030) + "1] == []", "limit"},
		"large pattern":      {"release.version.matches('(abc){200}')", "regex program size"},
		"larger pattern":     {"release.version.matches('((a{100}){100}){100}')", "line 1, column"},
		"loops within loops": {"[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))", "comprehension exceeds nesting limit"},
		"text without end":   {"'" + strings.Repeat("a", 4000), "syntax error"},
		"not UTF-8":          {"'\xff' == release.version || \xfe", "line 1, column"},
		"only minus":         {strings.Repeat("-", 4000), "line 1, column"},
		"only opening":       {strings.Repeat("[{(", 1300), "expression recursion limit exceeded: 60"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var flaws []string
			endsSoon(t, c.condition, func() { _, flaws = Compile(c.condition) })
			require.NotEmpty(t, flaws)
			require.LessOrEqual(t, len(flaws), maxConditionFlaws+1)
			for _, flaw := range flaws {
				require.NotContains(t, flaw, "\n")
			}
			require.Contains(t, strings.Join(flaws, "\n"), c.want)
		})
	}
}

func TestConditionsThatCannotBeEvaluated(t *testing.T) {
	first := exampleInput()
	first.Previous, first.Release.Source = nil, nil
	cases := map[string]struct{ condition, want string }{
		"missing label":    {`release.labels["change"] != ""`, `no such key: change; where a key may be missing, ask for it with "in" first`},
		"missing config":   {`config.OTHER == ""`, `no such key: OTHER; where`},
		"missing artifact": {`release.artifacts.web.uri != ""`, `no such key: web; where`},
		"nothing runs":     {`previous.version != release.version`, "a release is null here, so it has no version"},
		"not the opposite": {`!(previous.version == release.version)`, "a release is null here, so it has no version"},
		"parts of nothing": {`previous.labels.size() == 0`, "a release is null here, so it has no labels"},
		"no source":        {`release.source.author != "mallory"`, "a source is null here, so it has no author"},
		"no commit time":   {`release.source.committed_at < now`, "a source is null here, so it has no committed_at"},
		"division":         {`1 / (size(config) - 1) == 1`, "division by zero"},
		"out of range":     {`release.version.charAt(99) == ""`, "index out of range: 99"},
		"not a number":     {`int(release.version) > 1`, "type conversion error from 'string' to 'int'"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			program, flaws := Compile(c.condition)
			require.Empty(t, flaws)
			yes, err := program.Eval(first)
			require.False(t, yes)
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, condition := range []string{`previous == null`, `release.source == null`, `!has(release.source)`, `!has(previous.version)`, `!has(release.source.author)`,
		`previous == null || previous.version < release.version`} {
		yes, err := eval(condition, first)
		require.NoError(t, err)
		require.True(t, yes, condition)
	}
}

// endsSoon runs f and fails if it takes too long, rather than waiting for it. The limit is far above what f needs, also under
// the race detector on a busy machine.
func endsSoon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		require.FailNow(t, "it takes too long", what)
	}
}

func TestExpressionsEndSoon(t *testing.T) {
	const valueBytes = 64 << 10 // the longest value of a configuration
	in := exampleInput()
	in.Config = map[string]string{"A": strings.Repeat("a", valueBytes), "B": strings.Repeat("a", valueBytes/2) + "b", "P": strings.Repeat("a", 150) + "b"}
	for i := range 3_000 {
		in.Config[fmt.Sprintf("KEY_%d", i)] = "v"
	}
	forEachCharacter := "config.A.split('').all(c, "
	for _, condition := range []string{
		forEachCharacter + "config.A.split('').all(d, config.A.split('').all(e, true)))",
		forEachCharacter + "config.A.contains(config.B) == false)",
		forEachCharacter + "!(c in config))",
		forEachCharacter + "[config, config, config] != [])",
		forEachCharacter + "dyn(config) != dyn([1]))",
		forEachCharacter + "!config.A.matches('(.*)(.*)(.*)(.*)(.*)[b-d]{50}$'))",
		forEachCharacter + "!config.A.matches('^' + config.P))",
		forEachCharacter + "config.A != config.A + 'x')",
		forEachCharacter + "now.getHours('Europe/Berlin') < 25)",
		forEachCharacter + "config.A.charAt(65530) == 'a')",
		"config.A.split('').map(c, config.A + c) != []",
		"config.A.split('').map(c, config.A.split('').map(d, config.A)) != []",
		"[[[config.A].map(x, x+x+x+x)[0]].map(x, x+x+x+x)[0]].map(x, x+x+x+x) != []",
		"config.A.split('').map(c, {c: config}) == []",
		"!config.A.matches(config.A)",
	} {
		var yes bool
		var err error
		endsSoon(t, condition, func() { yes, err = eval(condition, in) })
		require.Error(t, err, condition)
		require.False(t, yes)
		if !strings.Contains(err.Error(), "regex program size") {
			require.EqualError(t, err, "it takes too much work to answer; make the condition simpler", condition)
		}
	}
	yes, err := eval("config.all(k, k != '' && !config[k].startsWith('http:'))", in)
	require.NoError(t, err, "a sensible question about thousands of keys is answered")
	require.True(t, yes)
}

func FuzzCondition(f *testing.F) {
	for _, condition := range []string{
		`release.labels["ticket"] != ""`, `previous == null || previous.version != release.version`, `config.all(k, config[k] != "")`,
		`now - release.registered_at > duration("24h")`, `release.version.matches("^[0-9]+[.]")`, `!!has(release.source) ? [1, 2.0, 3u, b"x"][0] == {1: null}[1] : "\U0001F680" in []`,
	} {
		f.Add(condition)
	}
	in := exampleInput()
	f.Fuzz(func(t *testing.T, condition string) {
		program, flaws := Compile(condition)
		for _, flaw := range flaws {
			require.NotContains(t, flaw, "\n")
			require.NotEmpty(t, flaw)
		}
		if len(flaws) > 0 {
			return
		}
		for _, in := range []Input{in, {}} {
			yes, err := program.Eval(in)
			require.False(t, yes && err != nil)
		}
	})
}

// Each limit allows what is at it, and nothing over it.
func TestLimits(t *testing.T) {
	padded := func(n int) string { return strings.Repeat(" ", n-len("true")) + "true" }
	loops := func(n int) string {
		return strings.Repeat("[1].all(a, ", n) + "true" + strings.Repeat(")", n)
	}
	pattern := func(n int) string { return fmt.Sprintf("'x'.matches('^a{%d}$') || true", n) }
	largest := 0 // the instructions of a pattern are not its characters
	for n := range maxPatternSize + 10 {
		if _, flaws := Compile(pattern(n)); len(flaws) == 0 {
			largest = n
		}
	}
	require.InDelta(t, maxPatternSize, largest, 10)
	for name, c := range map[string]struct{ at, over, want string }{
		"bytes":   {padded(MaxConditionBytes), padded(MaxConditionBytes + 1), "the condition has 4097 bytes; at most 4096 are allowed"},
		"loops":   {loops(maxLoopNesting), loops(maxLoopNesting + 1), "comprehension exceeds nesting limit"},
		"pattern": {pattern(largest), pattern(largest + 1), "regex program size"},
	} {
		yes, err := eval(c.at, exampleInput())
		require.NoError(t, err, name)
		require.True(t, yes, name)
		_, flaws := Compile(c.over)
		require.Contains(t, strings.Join(flaws, "\n"), c.want, name)
	}
	unknown := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf("x%d", i))
		}
		return names
	}
	_, flaws := Compile(strings.Join(unknown(maxConditionFlaws), " || "))
	require.Len(t, flaws, maxConditionFlaws)
	_, flaws = Compile(strings.Join(unknown(maxConditionFlaws+2), " || "))
	require.Len(t, flaws, maxConditionFlaws+1)
	require.Equal(t, "and 2 more", flaws[maxConditionFlaws])
}

func TestReadsNow(t *testing.T) {
	for condition, want := range map[string]bool{
		"now > timestamp('2027-01-01T00:00:00Z')":          true,
		"release.version == '1.4.0' || now.getHours() > 9": true,
		"release.version == 'now'":                         false,
	} {
		program, flaws := Compile(condition)
		require.Empty(t, flaws, condition)
		require.Equal(t, want, program.ReadsNow(), condition)
	}
}
