package internal_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// TestCompleteness walks what exists and names whatever step of CONTRIBUTING.md's checklists was forgotten.
func TestCompleteness(t *testing.T) {
	report(t, completenessViolations(os.DirFS(repositoryRoot)))
}

// completenessViolations checks a repository.
func completenessViolations(repository fs.FS) []string {
	c := checklist{repository: repository}
	c.resources()
	c.dataSources()
	c.functions()
	c.kinds("driver", "drivertest")
	c.kinds("gate", "gatetest")
	c.scenarios()
	c.packageMap()
	return c.found
}

// checklist gathers what is missing. An unreadable file is a finding as well.
type checklist struct {
	repository fs.FS
	found      []string
}

func (c *checklist) addf(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// resources: one noun, one spelling, every floor; a test; an example; an import command; a page.
func (c *checklist) resources() {
	for _, noun := range c.nouns("internal/provider/*_resource.go") {
		what := "resource cd_" + noun
		c.needFile(what, "its model, toSpec and back", "internal/provider/"+noun+"_model.go")
		c.needFile(what, "its acceptance tests", "internal/provider/"+noun+"_resource_test.go")
		for _, floor := range []string{"delivery", "server", "client"} {
			if c.exists("internal/" + floor) {
				c.needFile(what, "the noun on this floor", "internal/"+floor+"/"+noun+".go")
			}
		}
		c.needFile(what, "its example", "examples/resources/cd_"+noun+"/resource.tf")
		c.needFile(what, "its import example", "examples/resources/cd_"+noun+"/import.sh")
		c.needPage(what, "resources/"+noun)
	}
}

func (c *checklist) dataSources() {
	tests := c.texts("internal/provider", "_test.go", ".tf")
	for _, noun := range c.nouns("internal/provider/*_data_source.go") {
		what := "data source cd_" + noun
		use := regexp.MustCompile(`data\s+\\?"cd_` + noun + `\\?"`)
		if !slices.ContainsFunc(slices.Collect(maps.Values(tests)), use.MatchString) {
			c.addf("%s: no test under internal/provider reads data \"cd_%s\": add one", what, noun)
		}
		c.needFile(what, "its example", "examples/data-sources/cd_"+noun+"/data-source.tf")
		c.needPage(what, "data-sources/"+noun)
	}
}

func (c *checklist) functions() {
	for _, name := range c.nouns("internal/provider/*_function.go") {
		what := "function " + name
		c.needFile(what, "its tests", "internal/provider/"+name+"_function_test.go")
		c.needFile(what, "its example", "examples/functions/"+name+"/function.tf")
		c.needPage(what, "functions/"+name)
	}
}

// kinds: each driver or gate package passes the conformance suite and is listed by hand in app/kinds.go.
func (c *checklist) kinds(family, suite string) {
	listed, hasKinds := c.text("internal/app/kinds.go")
	for _, dir := range c.dirs("internal/" + family) {
		kind := path.Base(dir)
		if kind == suite || kind == "testdata" {
			continue
		}
		what := family + " " + kind
		tested := false
		for _, text := range c.texts(dir, "_test.go") {
			tested = tested || strings.Contains(text, suite+".")
		}
		if !tested {
			c.addf("%s: no test in %s runs the conformance suite: call %s from one", what, dir, suite)
		}
		if hasKinds && !strings.Contains(listed, `"`+module+"/"+dir+`"`) {
			c.addf("%s: not listed in internal/app/kinds.go: add it there, nothing registers itself", what)
		}
	}
}

// scenarios: each is a whole setup, and the test that applies them reaches it, by name or by reading the directory.
func (c *checklist) scenarios() {
	var reach []string
	for _, text := range c.texts("internal", "_test.go") {
		if strings.Contains(text, `scenarios"`) || strings.Contains(text, "scenarios/") {
			reach = append(reach, text)
		}
	}
	walks := regexp.MustCompile(`\b(ReadDir|Glob|WalkDir)\(`)
	for _, dir := range c.dirs("examples/scenarios") {
		name := path.Base(dir)
		what := "scenario " + name
		if len(c.glob(dir+"/*.tf")) == 0 {
			c.addf("%s: %s holds no .tf file: a scenario is a whole setup that runs as it is", what, dir)
		}
		if !slices.ContainsFunc(reach, func(text string) bool { return strings.Contains(text, name) || walks.MatchString(text) }) {
			c.addf("%s: no test under internal applies %s: add it to the scenario test", what, dir)
		}
	}
}

// packageMap: anyone who looks for a package in CONTRIBUTING.md finds it.
func (c *checklist) packageMap() {
	text, ok := c.text("CONTRIBUTING.md")
	if !ok {
		c.addf("CONTRIBUTING.md is missing")
		return
	}
	for _, dir := range c.packages("internal") {
		if name := strings.TrimPrefix(dir, "internal/"); !strings.Contains(text, "`"+name+"`") {
			c.addf("package %s: not in the map in CONTRIBUTING.md: add a line for `%s`", name, name)
		}
	}
}

// nouns lists what stands for "*" in the files that match, test files aside.
func (c *checklist) nouns(pattern string) []string {
	dir, ending, _ := strings.Cut(pattern, "*")
	var found []string
	for _, name := range c.glob(pattern) {
		found = append(found, strings.TrimSuffix(strings.TrimPrefix(name, dir), ending))
	}
	return found
}

func (c *checklist) needFile(what, purpose, name string) {
	if !c.exists(name) {
		c.addf("%s lacks %s: write %s", what, purpose, name)
	}
}

func (c *checklist) needPage(what, name string) {
	if c.exists("docs") && !c.exists("docs/"+name+".md") {
		c.addf("%s lacks its page: run make generate and commit docs/%s.md", what, name)
	}
}

func (c *checklist) exists(name string) bool {
	_, err := fs.Stat(c.repository, name)
	return err == nil
}

func (c *checklist) text(name string) (string, bool) {
	text, err := fs.ReadFile(c.repository, name)
	return string(text), err == nil
}

func (c *checklist) glob(pattern string) []string {
	names, err := fs.Glob(c.repository, pattern)
	if err != nil {
		c.addf("%s: %v", pattern, err)
	}
	return names
}

// dirs lists the directories right below one. That there are none yet is no finding.
func (c *checklist) dirs(below string) []string {
	var found []string
	for _, name := range c.glob(below + "/*") {
		if info, err := fs.Stat(c.repository, name); err == nil && info.IsDir() {
			found = append(found, name)
		}
	}
	return found
}

// texts reads all files below a directory whose names end in one of the endings. The checks' own files are left out:
// they mention everything.
func (c *checklist) texts(below string, endings ...string) map[string]string {
	found := map[string]string{}
	c.walk(below, func(name string) {
		if path.Dir(name) == "internal" {
			return
		}
		if slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(name, e) }) {
			found[name], _ = c.text(name)
		}
	})
	return found
}

// packages lists the directories below one that hold Go code, testdata aside.
func (c *checklist) packages(below string) []string {
	var found []string
	c.walk(below, func(name string) {
		if strings.HasSuffix(name, ".go") && !strings.Contains(name, "testdata/") && path.Dir(name) != below {
			found = append(found, path.Dir(name))
		}
	})
	slices.Sort(found)
	return slices.Compact(found)
}

func (c *checklist) walk(below string, visit func(name string)) {
	if !c.exists(below) {
		return
	}
	err := fs.WalkDir(c.repository, below, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			visit(name)
		}
		return err
	})
	if err != nil {
		c.addf("%s: %v", below, err)
	}
}

// TestCompletenessCatches takes one file after the other out of a small complete repository.
func TestCompletenessCatches(t *testing.T) {
	complete := map[string]string{
		"CONTRIBUTING.md":                                 "`app` `client` `delivery` `driver/ftp` `gate/moon` `provider` `server`",
		"internal/app/kinds.go":                           `import ("` + module + `/internal/driver/ftp"; "` + module + `/internal/gate/moon")`,
		"internal/provider/robot_resource.go":             "",
		"internal/provider/robot_resource_test.go":        `config := "data \"cd_robot\" \"x\" {}"`,
		"internal/provider/robot_model.go":                "",
		"internal/provider/robot_data_source.go":          "",
		"internal/provider/count_function.go":             "",
		"internal/provider/count_function_test.go":        "",
		"internal/provider/scenario_test.go":              `dirs, err := os.ReadDir("../../examples/scenarios")`,
		"internal/delivery/doc.go":                        "package x",
		"internal/delivery/robot.go":                      "",
		"internal/server/doc.go":                          "package x",
		"internal/server/robot.go":                        "",
		"internal/client/doc.go":                          "package x",
		"internal/client/robot.go":                        "",
		"internal/driver/ftp/ftp.go":                      "",
		"internal/driver/ftp/ftp_test.go":                 "drivertest.Exercise(t, open)",
		"internal/gate/moon/moon.go":                      "",
		"internal/gate/moon/moon_test.go":                 "gatetest.Exercise(t, open)",
		"examples/resources/cd_robot/resource.tf":         "",
		"examples/resources/cd_robot/import.sh":           "",
		"examples/data-sources/cd_robot/data-source.tf":   "",
		"examples/functions/count/function.tf":            "",
		"examples/scenarios/continuous-delivery/main.tf":  "",
		"examples/scenarios/continuous-delivery/notes.md": "",
		"docs/index.md":                                   "",
		"docs/resources/robot.md":                         "",
		"docs/data-sources/robot.md":                      "",
		"docs/functions/count.md":                         "",
	}
	with := func(change map[string]string) []string {
		files := fstest.MapFS{}
		for name, text := range complete {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		for name, text := range change {
			files[name] = &fstest.MapFile{Data: []byte(text)}
			if text == "" {
				delete(files, name)
			}
		}
		return completenessViolations(files)
	}
	require.Empty(t, with(nil))

	// Without any of these nothing is left to check, or nothing is missing.
	mayGo := []string{
		"docs/index.md", "examples/scenarios/continuous-delivery/notes.md", "internal/app/kinds.go",
		"internal/provider/robot_resource.go", "internal/provider/robot_data_source.go", "internal/provider/count_function.go",
		"internal/client/doc.go", "internal/delivery/doc.go", "internal/server/doc.go",
		"internal/driver/ftp/ftp.go", "internal/gate/moon/moon.go",
	}
	for name := range complete {
		found := with(map[string]string{name: ""})
		require.Equal(t, slices.Contains(mayGo, name), len(found) == 0, "without %s: %v", name, found)
	}

	changes := map[string]map[string]string{
		`call drivertest from one`:             {"internal/driver/ftp/ftp_test.go": "package ftp"},
		`gate moon: not listed in`:             {"internal/app/kinds.go": `import "` + module + `/internal/driver/ftp"`},
		"add a line for `gate/moon`":           {"CONTRIBUTING.md": "`app` `client` `delivery` `driver/ftp` `provider` `server`"},
		`no test under internal applies`:       {"internal/provider/scenario_test.go": `apply("examples/scenarios/continuous-deployment")`},
		`reads data "cd_robot"`:                {"internal/provider/robot_resource_test.go": "package provider"},
		`write internal/server/valve.go`:       {"internal/provider/valve_resource.go": "package provider"},
		`make generate and commit docs/resour`: {"internal/provider/valve_resource.go": "package provider"},
	}
	for want, change := range changes {
		require.Contains(t, strings.Join(with(change), "\n"), want)
	}
}
