// Package internal_test checks the repository itself: who imports whom (this file), the habits of the code
// (repo_habits_test.go), and whether every part that belongs to a feature is there (repo_completeness_test.go).
// Each failure names the file, the rule, and the step that would put it right.
package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/delivery-as-code/terraform-provider-cd"

// row is one line of the import table: what a package may import. Entries are patterns of path.Match; "x/..." stands for
// x and all below it, and "*" alone for everything. Packages of ours are written without "internal/".
type row struct {
	pkg     string
	ours    []string
	outside []string
	std     []string // what the package may not use of the standard library; test files may

	// Test files may import all of the above, what testOutside lists, their own package, and:
	testOurs    []string
	testOutside []string
}

// Names of modules that more than one row mentions.
const (
	framework     = "github.com/hashicorp/terraform-plugin-framework/..."
	timeouts      = "github.com/hashicorp/terraform-plugin-framework-timeouts/..."
	validators    = "github.com/hashicorp/terraform-plugin-framework-validators/..."
	pluginGo      = "github.com/hashicorp/terraform-plugin-go/..."
	pluginTesting = "github.com/hashicorp/terraform-plugin-testing/..."
	pluginLog     = "github.com/hashicorp/terraform-plugin-log/..."
	goPlugin      = "github.com/hashicorp/go-plugin"
	grpcModule    = "google.golang.org/grpc/..."
	protobuf      = "google.golang.org/protobuf/..."
	hclog         = "github.com/hashicorp/go-hclog"
	retryable     = "github.com/hashicorp/go-retryablehttp"
	huma          = "github.com/danielgtaylor/huma/v2/..."
	sqlite        = "modernc.org/sqlite/..."
	goose         = "github.com/pressly/goose/v3/..."
	pgx           = "github.com/jackc/pgx/v5/..."
	nettest       = "golang.org/x/net/nettest"
	testify       = "github.com/stretchr/testify/require"
	rapid         = "pgregory.net/rapid"
	datadriven    = "github.com/cockroachdb/datadriven"
	syncModule    = "golang.org/x/sync/..."
	celModule     = "cel.dev/cel-go/..."
	junitModule   = "github.com/joshdk/go-junit"
	sshsigModule  = "github.com/hiddeco/sshsig"
	cryptoModule  = "golang.org/x/crypto/..."
	sysModule     = "golang.org/x/sys/..."
	termModule    = "golang.org/x/term"
	textModule    = "golang.org/x/text/..."
	composeModule = "github.com/compose-spec/compose-go/v2/dotenv"
	idna          = "golang.org/x/net/idna"
	progressbar   = "github.com/schollz/progressbar/v3"
	hclModule     = "github.com/hashicorp/hcl/v2/..."
	ctyModule     = "github.com/zclconf/go-cty/cty"
)

// testOutside is what test files of any package may import.
var testOutside = []string{testify, rapid, datadriven, syncModule}

// impure is what the domain may not use of the standard library: nothing there may ask a clock, a network or a file.
var impure = []string{
	"context", "crypto/rand", "database/...", "embed", "log/...", "math/rand/...", "net", "net/http/...", "os/...",
	"plugin", "runtime/...", "sync/...", "syscall", "testing/...",
}

// importTable is the one way through the house, from the provider down to what decides. A package that is not listed
// fails the test: add its row here, and the package to the map in CONTRIBUTING.md. The first row that matches counts.
var importTable = []row{
	{pkg: ".", ours: []string{"cli"}},

	// Decides. Given the same world it says the same thing.
	{pkg: "delivery", ours: []string{"delivery/expr", "delivery/person", "delivery/schedule"}, std: impure, testOurs: []string{"delivery/person/persontest"}},
	{pkg: "delivery/expr", outside: []string{celModule}, std: impure},
	{pkg: "delivery/person", outside: []string{textModule, idna}, std: impure, testOurs: []string{"delivery/person/persontest"}},
	{pkg: "delivery/person/persontest", outside: testOutside},
	{pkg: "delivery/schedule", std: impure},

	// Say what the floors above may ask of those below.
	{pkg: "api", ours: []string{"delivery"}},
	{pkg: "memnet", testOutside: []string{nettest}}, // a network, which knows nothing of what is sent
	{pkg: "store", ours: []string{"delivery"}},
	{pkg: "driver", ours: []string{"delivery", "process", "redact"}},
	{pkg: "check", ours: []string{"delivery", "redact"}},
	{pkg: "store/storetest", ours: []string{"delivery", "delivery/schedule", "store"}, outside: testOutside},
	{pkg: "store/storetest/pgtest", outside: append([]string{pgx}, testOutside...)},
	{pkg: "driver/drivertest", ours: []string{"delivery", "driver", "redact/..."}, outside: testOutside},
	{pkg: "check/checktest", ours: []string{"delivery", "check", "redact/..."}, outside: testOutside},

	// Mask secrets, and resolve the references to them.
	{pkg: "redact", testOurs: []string{"redact/redacttest"}},
	{pkg: "redact/redacttest", outside: testOutside},
	{pkg: "secret", ours: []string{"redact"}},

	// Finds, fetches and verifies artifacts.
	{pkg: "artifact", ours: []string{"delivery"}},

	// Runs what users configure as argv.
	{pkg: "process", ours: []string{"delivery", "redact"}, outside: []string{sysModule}},

	// Read what others wrote: configurations, test reports and signatures.
	{pkg: "configuration", outside: []string{hclModule, ctyModule}},
	{pkg: "junit", ours: []string{"delivery"}, outside: []string{junitModule, textModule}},
	{pkg: "signature", ours: []string{"delivery"}, outside: []string{sshsigModule, cryptoModule}},

	// Remember, deploy, ask.
	{
		pkg: "store/sqlstore", ours: []string{"delivery", "store"}, outside: []string{sqlite, pgx, goose},
		testOurs: []string{"controlplane", "delivery/schedule", "driver", "driver/directory", "store/storetest/..."}, // benchmarks: a control plane over each database
	},
	{
		pkg: "driver/webhook", ours: []string{"delivery", "redact", "driver"}, outside: []string{retryable},
		testOurs: []string{"driver/drivertest", "redact/redacttest"},
	},
	{
		pkg: "driver/*", ours: []string{"artifact", "delivery", "process", "redact", "driver"}, outside: []string{sysModule, syncModule},
		testOurs: []string{"driver/drivertest", "redact/redacttest"}, testOutside: []string{composeModule},
	},
	{
		pkg: "check/*", ours: []string{"delivery", "process", "redact", "check", "junit"}, outside: []string{sysModule},
		testOurs: []string{"check/checktest", "redact/redacttest"},
	},

	// Read and change the ledger.
	{pkg: "world", ours: []string{"delivery", "signature", "store"}, testOurs: []string{"journal", "store/sqlstore"}},
	{pkg: "journal", ours: []string{"delivery", "store"}},

	// Command, observe, act. Commands never call a driver, and nothing that acts knows of requests.
	{pkg: "control", ours: []string{"delivery", "delivery/person", "journal", "junit", "signature", "store", "world"}, testOurs: []string{"store/sqlstore"}},
	{
		pkg: "observe", ours: []string{"check", "delivery", "driver", "redact", "secret", "store", "world"}, outside: []string{syncModule},
		testOurs: []string{"redact/redacttest"},
	},
	{
		pkg: "worker", ours: []string{"delivery", "driver", "journal", "observe", "store", "world"}, outside: []string{syncModule},
		testOurs:    []string{"check", "control", "delivery/schedule", "driver/*", "secret", "signature", "store/*"}, // tests of commands and their work together
		testOutside: []string{sshsigModule, cryptoModule},
	},
	{pkg: "controlplane", ours: []string{"check", "control", "delivery", "driver", "journal", "observe", "secret", "store", "worker"}},
	{
		pkg: "server", ours: []string{"api", "delivery", "store"}, outside: []string{huma},
		testOurs: []string{"acctest", "app", "client", "controlplane", "driver", "check", "memnet", "store/*"},
	},
	{
		pkg: "client", ours: []string{"api", "delivery", "memnet"}, outside: []string{retryable},
		testOurs: []string{"acctest", "app", "server"},
	},
	// Terraform: resources, data sources and functions, and below them what is no noun.
	{
		pkg: "provider", ours: []string{"client", "configuration", "delivery", "delivery/schedule", "provider/*"}, outside: []string{framework, timeouts, validators, pluginGo},
		// Its tests drive the whole house.
		testOurs: []string{"*"}, testOutside: []string{pluginGo, pluginTesting, goPlugin, hclog, sshsigModule, cryptoModule},
	},
	{pkg: "provider/tf", ours: []string{"delivery"}, outside: []string{framework, timeouts, pluginGo}},
	{pkg: "provider/blocks", ours: []string{"delivery", "delivery/schedule", "provider/tf"}, outside: []string{framework, validators}},
	{pkg: "provider/changeset", ours: []string{"delivery"}},
	{pkg: "provider/planned", outside: []string{goPlugin, grpcModule, pluginGo, protobuf}},
	{pkg: "provider/fastpath", ours: []string{"delivery", "provider/changeset", "provider/tf"}, outside: []string{pluginGo}},

	// Moves, verifies and exports whole ledgers.
	{pkg: "ledger", ours: []string{"delivery", "store", "store/sqlstore"}, testOurs: []string{"driver", "controlplane", "check", "store/...", "acctest", "client"}, testOutside: []string{sqlite, pgx}},

	// Put it together.
	{
		pkg:  "app",
		ours: []string{"client", "delivery", "controlplane", "driver/...", "check/...", "memnet", "secret", "server", "store/..."}, outside: []string{syncModule},
		testOurs: []string{"acctest"},
	},
	{
		pkg: "cli", ours: []string{"app", "client", "configuration", "delivery", "ledger", "provider"}, outside: []string{progressbar, termModule},
		testOurs: []string{"*"}, testOutside: []string{pluginGo, goPlugin, hclog},
	},

	// Tests it.
	{
		pkg: "acctest/schemadump", ours: []string{"provider"}, outside: []string{framework, pluginGo},
		testOutside: []string{goPlugin, hclog},
	},
	{
		pkg: "acctest/...", ours: []string{"*"},
		outside: append([]string{framework, timeouts, validators, pluginGo, pluginTesting, goPlugin, hclog, sysModule, pgx}, testOutside...),
	},
	{pkg: "internal"}, // the checks themselves
}

// importedBy is one import statement.
type importedBy struct {
	file string // from the repository's root
	pkg  string // as in the table
	test bool
	path string
}

// importViolations says what breaks the table.
func importViolations(table []row, imports []importedBy) []string {
	var found []string
	for _, i := range imports {
		index := slices.IndexFunc(table, func(r row) bool { return matches(r.pkg, i.pkg) })
		if index < 0 {
			unlisted := fmt.Sprintf("package %s is not in the import table: add its row to internal/repo_test.go and its line to the map in CONTRIBUTING.md", i.pkg)
			if !slices.Contains(found, unlisted) {
				found = append(found, unlisted)
			}
			continue
		}
		if allowed, may := table[index].judge(i); !allowed {
			found = append(found, fmt.Sprintf("%s imports %s: %s", i.file, i.path, may))
		}
	}
	return found
}

// judge tells whether the import is allowed, and if not, what is.
func (r row) judge(i importedBy) (allowed bool, may string) {
	name, ours := strings.CutPrefix(i.path, module+"/internal/")
	switch {
	case ours:
		if i.test && (name == i.pkg || matchesAny(r.testOurs, name)) {
			return true, ""
		}
		return matchesAny(r.ours, name), fmt.Sprintf("of ours, %s may import only %v (its tests also %v): move the code to the floor it belongs to", r.pkg, r.ours, r.testOurs)
	case isStandard(i.path):
		return i.test || !matchesAny(r.std, i.path), fmt.Sprintf("%s must not use this part of the standard library: the caller hands the value in", r.pkg)
	default:
		if i.test && (matchesAny(testOutside, i.path) || matchesAny(r.testOutside, i.path)) {
			return true, ""
		}
		return matchesAny(r.outside, i.path), fmt.Sprintf("of other modules, %s may import only %v", r.pkg, r.outside)
	}
}

// isStandard relies on what the go command relies on: only the standard library has no dot in its first element.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func TestImportTable(t *testing.T) {
	var imports []importedBy
	for _, f := range parseRepository(t) {
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err, f.path)
			imports = append(imports, importedBy{file: f.path, pkg: f.pkg, test: f.test, path: imported})
		}
	}
	report(t, importViolations(importTable, imports))
}

// TestImportTableCatches breaks the table in every way it can be broken: a check that finds nothing proves nothing.
func TestImportTableCatches(t *testing.T) {
	const ours = module + "/internal/"
	cases := map[string]struct {
		imported importedBy
		want     string // "" = allowed
	}{
		"domain asks the network":         {importedBy{pkg: "delivery", path: "net/http"}, "the caller hands the value in"},
		"domain asks a file":              {importedBy{pkg: "delivery", path: "os"}, "the caller hands the value in"},
		"domain takes a context":          {importedBy{pkg: "delivery", path: "context"}, "the caller hands the value in"},
		"domain logs":                     {importedBy{pkg: "delivery", path: "log/slog"}, "the caller hands the value in"},
		"domain's test reads a story":     {importedBy{pkg: "delivery", path: "os", test: true}, ""},
		"domain reads a URL":              {importedBy{pkg: "delivery", path: "net/url"}, ""},
		"domain knows the worker":         {importedBy{pkg: "delivery", path: ours + "worker"}, "may import only [delivery/expr delivery/person delivery/schedule]"},
		"domain's test knows the worker":  {importedBy{pkg: "delivery", path: ours + "worker", test: true}, "may import only [delivery/expr delivery/person delivery/schedule]"},
		"a leaf knows the domain":         {importedBy{pkg: "delivery/expr", path: ours + "delivery"}, "may import only []"},
		"a leaf opens a file":             {importedBy{pkg: "delivery/schedule", path: "os"}, "the caller hands the value in"},
		"domain compiles conditions":      {importedBy{pkg: "delivery", path: "cel.dev/cel-go/cel"}, "of other modules"},
		"worker knows its driver":         {importedBy{pkg: "worker", path: ours + "driver/directory"}, "delivery driver journal observe store world"},
		"a command asks the driver":       {importedBy{pkg: "control", path: ours + "driver"}, "delivery delivery/person journal junit signature store world"},
		"a command acts":                  {importedBy{pkg: "control", path: ours + "worker"}, "delivery delivery/person journal junit signature store world"},
		"worker knows of requests":        {importedBy{pkg: "worker", path: ours + "server"}, "delivery driver journal observe store world"},
		"worker's test uses a driver":     {importedBy{pkg: "worker", path: ours + "driver/directory", test: true}, ""},
		"worker asks the driver":          {importedBy{pkg: "worker", path: ours + "driver"}, ""},
		"provider opens the app":          {importedBy{pkg: "provider", path: ours + "app"}, "client configuration delivery"},
		"provider's test opens the app":   {importedBy{pkg: "provider", path: ours + "app", test: true}, ""},
		"provider uses the framework":     {importedBy{pkg: "provider", path: "github.com/hashicorp/terraform-plugin-framework/resource/schema"}, ""},
		"provider sends HTTP itself":      {importedBy{pkg: "provider", path: "github.com/hashicorp/go-retryablehttp"}, "of other modules"},
		"server knows Terraform":          {importedBy{pkg: "server", path: "github.com/hashicorp/terraform-plugin-framework/diag"}, "of other modules"},
		"client speaks through huma":      {importedBy{pkg: "client", path: "github.com/danielgtaylor/huma/v2"}, "of other modules"},
		"server uses huma's adapter":      {importedBy{pkg: "server", path: "github.com/danielgtaylor/huma/v2/adapters/humago"}, ""},
		"worker opens PostgreSQL":         {importedBy{pkg: "worker", path: "github.com/jackc/pgx/v5/stdlib"}, "of other modules"},
		"worker opens SQLite":             {importedBy{pkg: "worker", path: "modernc.org/sqlite"}, "of other modules"},
		"one driver uses another":         {importedBy{pkg: "driver/command", path: ours + "driver/directory"}, "artifact delivery process redact driver"},
		"driver's test runs the suite":    {importedBy{pkg: "driver/command", path: ours + "driver/drivertest", test: true}, ""},
		"driver carries its suite along":  {importedBy{pkg: "driver/command", path: ours + "driver/drivertest"}, "artifact delivery process redact driver"},
		"main does more than call cli":    {importedBy{pkg: ".", path: ours + "app"}, "[cli]"},
		"a package nobody listed":         {importedBy{pkg: "shortcuts", path: "fmt"}, "not in the import table"},
		"testify outside a test":          {importedBy{pkg: "app", path: testify}, "of other modules"},
		"testify in a test":               {importedBy{pkg: "app", path: testify, test: true}, ""},
		"another assertion library":       {importedBy{pkg: "app", path: "github.com/stretchr/testify/assert", test: true}, "of other modules"},
		"a name that begins like another": {importedBy{pkg: "provider", path: "github.com/hashicorp/terraform-plugin-framework-jsontypes"}, "of other modules"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.imported.file = "internal/some/file.go"
			found := importViolations(importTable, []importedBy{c.imported})
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.want)
		})
	}
}

// sourceFile is one Go file of the main module, except for examples.
type sourceFile struct {
	path      string // from the repository's root, with slashes
	pkg       string // as in the import table: the directory without "internal/", "." for main
	test      bool
	generated bool
	lines     int
	syntax    *ast.File
}

// repositoryRoot is where tests of this package look at things from.
const repositoryRoot = ".."

func parseRepository(t *testing.T) []sourceFile {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repositoryRoot, "*.go"))
	require.NoError(t, err)
	err = filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "testdata" {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".go") {
			files = append(files, filepath.Join(repositoryRoot, "internal", name))
		}
		return nil
	})
	require.NoError(t, err)

	parsed := make([]sourceFile, 0, len(files))
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		f, err := parseSource(name, text)
		require.NoError(t, err)
		parsed = append(parsed, f)
	}
	return parsed
}

// parseSource reads one file; name starts at the package's own directory, as in "../internal/api/api.go".
func parseSource(name string, text []byte) (sourceFile, error) {
	relative := strings.TrimPrefix(filepath.ToSlash(name), repositoryRoot+"/")
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, relative, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	return sourceFile{
		path:      relative,
		pkg:       strings.TrimPrefix(path.Dir(relative), "internal/"),
		test:      strings.HasSuffix(relative, "_test.go"),
		generated: ast.IsGenerated(syntax),
		lines:     set.File(syntax.FileStart).LineCount(),
		syntax:    syntax,
	}, nil
}

// report fails the test once, with every finding.
func report(t *testing.T, found []string) {
	t.Helper()
	if len(found) > 0 {
		t.Errorf("%d found:\n  %s", len(found), strings.Join(found, "\n  "))
	}
}
