package internal_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	stateFile = "internal/delivery/deployment_state.go" // the only one that sets a deployment's status
	kindsFile = "internal/delivery/event_kinds.go"      // the only one that spells the kinds of events
)

// deploymentStatuses are the constants of delivery.DeploymentStatus.
var deploymentStatuses = []string{"Deploying", "Verifying", "Verified", "Failed", "RolledBack", "Superseded"}

// madeUp are packages that are no tests by their file names, and write ledgers that no deployment ever led to.
var madeUp = []string{"store/storetest", "acctest/..."}

// TestDeploymentsMoveByTheTable fails where code sets a deployment's status, or the kind of an event, by hand.
func TestDeploymentsMoveByTheTable(t *testing.T) {
	kinds, files := []string{}, parseRepository(t)
	for _, f := range files {
		if f.path == kindsFile {
			kinds = eventKinds(f.syntax)
		}
	}
	require.Contains(t, kinds, "deployment.started")
	var found []string
	for _, f := range files {
		found = append(found, stateViolations(f, kinds)...)
	}
	report(t, found)
}

// eventKinds lists the texts that the constants of a file stand for.
func eventKinds(file *ast.File) []string {
	kinds := []string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if text, ok := literal(spec.Values[0]); ok {
				kinds = append(kinds, text)
			}
		}
		return true
	})
	return kinds
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// stateViolations checks one file.
func stateViolations(f sourceFile, kinds []string) []string {
	if f.test || matchesAny(madeUp, f.pkg) {
		return nil
	}
	var found []string
	add := func(what string) { found = append(found, f.path+": "+what) }
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if f.path != stateFile && setsStatus(n, f.pkg) {
				add("a deployment's status is set by hand: Deployment.After moves it, by the table in " + stateFile)
			}
		case *ast.CompositeLit:
			if f.path != stateFile && isDeployment(n.Type) && hasKey(n, "Status") {
				add("a deployment is made with a status: Deployment.After gives it the first one, by the table in " + stateFile)
			}
		case *ast.BasicLit:
			if text, ok := literal(n); ok && f.path != kindsFile && slices.Contains(kinds, text) {
				add("the kind of an event is spelled " + n.Value + ": use its constant in " + kindsFile)
			}
		case *ast.BinaryExpr:
			if f.path != kindsFile && n.Op == token.ADD && gluesKind(n, kinds) {
				add("the kind of an event is glued together: use its constant in " + kindsFile)
			}
		}
		return true
	})
	return found
}

// setsStatus reports whether a statement assigns one of a deployment's statuses to a field Status.
func setsStatus(n *ast.AssignStmt, pkg string) bool {
	for i, left := range n.Lhs {
		field, ok := left.(*ast.SelectorExpr)
		if !ok || field.Sel.Name != "Status" || len(n.Rhs) != len(n.Lhs) {
			continue
		}
		switch right := n.Rhs[i].(type) {
		case *ast.SelectorExpr:
			if x, ok := right.X.(*ast.Ident); ok && x.Name == "delivery" && slices.Contains(deploymentStatuses, right.Sel.Name) {
				return true
			}
		case *ast.Ident:
			if pkg == "delivery" && slices.Contains(deploymentStatuses, right.Name) {
				return true
			}
		case *ast.CallExpr:
			if name, _ := typeName(right.Fun); name == "DeploymentStatus" {
				return true
			}
		}
	}
	return false
}

func typeName(e ast.Expr) (name string, ok bool) {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name, true
	case *ast.SelectorExpr:
		return e.Sel.Name, true
	}
	return "", false
}

func isDeployment(e ast.Expr) bool {
	name, _ := typeName(e)
	return name == "Deployment"
}

func hasKey(n *ast.CompositeLit, name string) bool {
	return slices.ContainsFunc(n.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		key, ok := pair.Key.(*ast.Ident)
		return ok && key.Name == name
	})
}

// gluesKind reports whether the noun of a kind is put before something, or the verb of one after it. Gates of policies begin with
// "policy." as well.
func gluesKind(sum *ast.BinaryExpr, kinds []string) bool {
	if noun, ok := literal(sum.X); ok && noun != "policy." && strings.HasSuffix(noun, ".") {
		return slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(kind, noun) })
	}
	verb, ok := literal(sum.Y)
	return ok && strings.HasPrefix(verb, ".") && slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasSuffix(kind, verb) })
}

func TestDeploymentsMoveByTheTableCatches(t *testing.T) {
	const by, made, spelled, glued = "set by hand", "made with a status", "is spelled", "glued together"
	cases := map[string]struct{ name, text, want string }{
		"assigned in the engine":        {"engine/act.go", "d.Status = delivery.Verified", by},
		"assigned with others":          {"engine/act.go", "d.Receipt, d.Status = r, delivery.Verifying", by},
		"assigned in the domain":        {"delivery/simulation.go", "d.Status = Superseded", by},
		"converted":                     {"engine/act.go", "d.Status = delivery.DeploymentStatus(text)", by},
		"made":                          {"engine/act.go", "_ = delivery.Deployment{ID: id, Status: delivery.Deploying}", made},
		"made in the domain":            {"delivery/simulation.go", "_ = Deployment{Status: status}", made},
		"the table's own file":          {"delivery/deployment_state.go", "d.Status = Verified", ""},
		"the status of a stage":         {"delivery/decide.go", "s.Status = StageVerified", ""},
		"a stage's like a deployment's": {"delivery/decide.go", "s.Status = StageStatus(d.Status)", ""},
		"made without":                  {"engine/act.go", "_ = delivery.Deployment{ID: id}", ""},
		"a test":                        {"engine/act_test.go", "d.Status = delivery.Verified", ""},
		"a suite":                       {"store/storetest/deployments.go", "d.Status = delivery.Verified", ""},
		"a kind":                        {"engine/act.go", `record("deployment.started")`, spelled},
		"a glued kind":                  {"engine/act.go", `record("deployment." + verb)`, glued},
		"a glued verb":                  {"engine/act.go", `record(noun + ".failed")`, glued},
		"the gate of a policy":          {"delivery/gate.go", `record("policy." + name)`, ""},
		"another text":                  {"engine/act.go", `record("policy: " + name)`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := parseSource("../internal/"+c.name, []byte("package x\n\nfunc f() { "+c.text+" }\n"))
			require.NoError(t, err)
			found := stateViolations(f, []string{"deployment.started", "deployment.failed", "policy.declared"})
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.want)
		})
	}
}
