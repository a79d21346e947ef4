// Package expr compiles and evaluates the conditions that users write in CEL, the Common Expression Language. A condition may
// use these variables:
//
//	release      what would be deployed
//	  .version, .digest                    string
//	  .labels                              map(string, string)
//	  .artifacts                           map(string, artifact), each with .uri and .digest
//	  .author                              string: the source's author, or the user who registered the release
//	  .source                              null when the release names no source
//	    .repository, .revision, .author    string
//	    .committed_at                      timestamp, or null
//	  .registered_by                       string
//	  .registered_at                       timestamp
//	previous     the release that runs in the environment now, with the same fields; null when nothing runs there
//	stage        .name, .promotion         string
//	pipeline     .name                     string
//	environment  .name, .tier              string
//	             .platform                 map(string, string)
//	config       the environment's configuration, overridden by the stage's: map(string, string). Never a secret, and no
//	             reference to one.
//	now          the moment of evaluation: timestamp
//
// In addition to CEL's own functions and macros there are those of textFunctions. A null has no fields, and a map only the
// keys it has: reading another one is an error, and an error never passes. Test first with has(release.source),
// has(config.KEY), or "KEY" in config.
//
// Evaluation takes bounded time and memory, reads nothing but its Input, and is deterministic.
package expr

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// MaxConditionBytes is the longest condition.
const MaxConditionBytes = 4 << 10

// Limits that bound the time and the memory which a hostile condition can take.
const (
	maxNesting        = 60      // parentheses, calls and the like within each other
	maxNodes          = 2_000   // parts of the expression, with its macros expanded
	maxLoopNesting    = 3       // all, exists, map and filter within each other
	maxPatternSize    = 200     // instructions of a regular expression
	maxCost           = 200_000 // units of cel-go's cost: about one for each step or ten characters
	maxValueSize      = 100_000 // of one value during evaluation: one for each part or ten characters
	maxValueParts     = 100_000 // of one value, to be counted
	maxConditionFlaws = 10      // that are reported at once
)

// objectFields are the types of objects, by the names of their fields. No condition can write the names of these types, so
// none can construct an object.
var objectFields = map[string]map[string]*cel.Type{
	"a release": {
		"version": cel.StringType, "digest": cel.StringType, "labels": stringMap, "artifacts": cel.MapType(cel.StringType, cel.ObjectType("an artifact")),
		"author": cel.StringType, "source": cel.ObjectType("a source"), "registered_by": cel.StringType, "registered_at": cel.TimestampType,
	},
	"an artifact":    {"uri": cel.StringType, "digest": cel.StringType},
	"a source":       {"repository": cel.StringType, "revision": cel.StringType, "author": cel.StringType, "committed_at": cel.TimestampType},
	"a stage":        {"name": cel.StringType, "promotion": cel.StringType},
	"a pipeline":     {"name": cel.StringType},
	"an environment": {"name": cel.StringType, "tier": cel.StringType, "platform": stringMap},
}

// variableTypes are the variables. Their values are maps, so that CEL can read only what is listed here.
var variableTypes = map[string]*cel.Type{
	"release":     cel.ObjectType("a release"),
	"previous":    cel.ObjectType("a release"),
	"stage":       cel.ObjectType("a stage"),
	"pipeline":    cel.ObjectType("a pipeline"),
	"environment": cel.ObjectType("an environment"),
	"config":      stringMap,
	"now":         cel.TimestampType,
}

var stringMap = cel.MapType(cel.StringType, cel.StringType)

// textFunctions are the allowed functions of CEL's extension for strings. Its others (replace, join and format) can make a
// string of gigabytes from two that are allowed, in one call, before any limit is checked.
var textFunctions = []string{"charAt", "lowerAscii", "reverse", "split", "strings.quote", "substring", "trim", "upperAscii"}

// objects tells CEL about our types, in addition to its own.
type objects struct{ types.Provider }

// FindStructType finds a type by name.
func (o objects) FindStructType(name string) (*types.Type, bool) {
	if _, ok := objectFields[name]; ok {
		return types.NewTypeTypeWithParam(cel.ObjectType(name)), true
	}
	return o.Provider.FindStructType(name)
}

// FindStructFieldNames lists a type's fields.
func (o objects) FindStructFieldNames(name string) ([]string, bool) {
	if fields, ok := objectFields[name]; ok {
		return sorted(fields), true
	}
	return o.Provider.FindStructFieldNames(name)
}

// FindStructFieldType describes a field: its type, whether an object has it, and how to read it. A null has no fields.
func (o objects) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	fields, ok := objectFields[name]
	if !ok {
		return o.Provider.FindStructFieldType(name, field)
	}
	kind, ok := fields[field]
	if !ok {
		return nil, false
	}
	return &types.FieldType{
		Type: kind,
		IsSet: func(object any) bool {
			held, ok := object.(map[string]any)
			return ok && held[field] != nil
		},
		GetFrom: func(object any) (any, error) {
			held, ok := object.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s is null here, so it has no %s", name, field)
			}
			return held[field], nil
		},
	}, true
}

// language is CEL with our variables. It is made once, when the process starts: every condition is compiled with it.
var language = func() *cel.Env {
	options := []cel.EnvOption{
		cel.CustomTypeProvider(objects{types.NewEmptyRegistry()}),
		ext.Strings(),
		without("replace", "string_replace_string_string", cel.StringType, cel.StringType, cel.StringType, cel.StringType),
		without("join", "list_join", cel.StringType, cel.ListType(cel.StringType)),
		without("format", "string_format", cel.StringType, cel.StringType, cel.ListType(cel.DynType)),
		without("indexOf", "string_index_of_string", cel.IntType, cel.StringType, cel.StringType),
		without("lastIndexOf", "string_last_index_of_string", cel.IntType, cel.StringType, cel.StringType),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserExpressionSizeLimit(MaxConditionBytes),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxPatternSize),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals(),
			cel.ValidateComprehensionNestingLimit(maxLoopNesting)),
	}
	for _, name := range sorted(variableTypes) {
		options = append(options, cel.Variable(name, variableTypes[name]))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		// None of it comes from outside: every test of this package would fail.
		panic(fmt.Sprintf("expr: preparing the language: %v", err))
	}
	return env
}()

// without removes a function with all its overloads. CEL asks for the signature of one of them.
func without(function, overload string, result *cel.Type, arguments ...*cel.Type) cel.EnvOption {
	return cel.Function(function, cel.MemberOverload(overload, arguments, result), cel.DisableDeclaration(true))
}

// Program is a compiled condition.
type Program struct {
	program cel.Program
	reads   map[string]bool // the names that it refers to
}

// Compile compiles a condition and says what is wrong with it, one line for each flaw. A program with flaws cannot be used.
func Compile(condition string) (Program, []string) {
	switch {
	case strings.TrimSpace(condition) == "":
		return Program{}, []string{"a condition is needed; write a CEL expression, such as \"'ticket' in release.labels\""}
	case len(condition) > MaxConditionBytes:
		return Program{}, []string{fmt.Sprintf("the condition has %d bytes; at most %d are allowed", len(condition), MaxConditionBytes)}
	}
	checked, issues := language.Compile(condition)
	if issues.Err() != nil {
		return Program{}, flaws(condition, issues.Errors())
	}
	if given := checked.OutputType(); !given.IsExactType(cel.BoolType) {
		return Program{}, []string{fmt.Sprintf("line 1, column 1: the condition gives %s, but it must be true or false; compare it with something", given)}
	}
	made, err := language.Program(checked, cel.CostLimit(maxCost), cel.MemoryLimit(maxValueSize),
		cel.MemoryTracking(types.MemoryTrackerSizeCalculator(types.NewSizeCalculator(types.SizeCalculatorMaxTraversal(maxValueParts)))))
	if err != nil {
		return Program{}, []string{oneLine(err.Error())}
	}
	p := Program{program: made, reads: map[string]bool{}}
	for _, reference := range checked.NativeRep().ReferenceMap() {
		p.reads[reference.Name] = true
	}
	return p, nil
}

// flaws writes CEL's issues as lines, each with its position and, for an unknown name, with those that are known.
func flaws(condition string, issues []*cel.Error) []string {
	lines := []string{}
	for _, issue := range issues {
		line, column := issue.Location.Line(), issue.Location.Column()+1
		text := oneLine(issue.Message)
		if line > 0 { // limits have no position
			text = fmt.Sprintf("line %d, column %d: %s", line, column, text)
		}
		unknown := strings.HasPrefix(issue.Message, "undeclared reference")
		switch {
		case unknown && character(condition, line, column) == '(':
			text += "; besides CEL's own functions there are " + strings.Join(textFunctions, ", ")
		case unknown:
			text += "; the variables are " + strings.Join(sorted(variableTypes), ", ")
		case strings.HasPrefix(issue.Message, "undefined field"):
			text += "; " + knownFields()
		}
		if !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	if more := len(lines) - maxConditionFlaws; more > 0 {
		lines = append(lines[:maxConditionFlaws], fmt.Sprintf("and %d more", more))
	}
	return lines
}

// character returns the character at a position of the condition, both numbers starting at 1; zero beyond its end.
func character(condition string, line, column int) rune {
	lines := strings.Split(condition, "\n")
	if line < 1 || line > len(lines) {
		return 0
	}
	characters := []rune(lines[line-1])
	if column < 1 || column > len(characters) {
		return 0
	}
	return characters[column-1]
}

func knownFields() string {
	all := []string{}
	for _, name := range sorted(objectFields) {
		all = append(all, fmt.Sprintf("%s has %s", name, strings.Join(sorted(objectFields[name]), ", ")))
	}
	return strings.Join(all, "; ")
}

// oneLine shortens a message of CEL to one line.
func oneLine(message string) string {
	message, _, _ = strings.Cut(message, " expecting {") // every token there is
	message = strings.Join(strings.Fields(message), " ")
	message = strings.ReplaceAll(message, "Syntax error", "syntax error")
	return strings.ReplaceAll(message, "mismatched input '<EOF>'", "the expression ends too early")
}

// ReadsNow reports whether the condition reads the time, so that time alone can change its answer.
func (p Program) ReadsNow() bool { return p.Reads("now") }

// Reads reports whether the condition reads a variable, such as "environment": its answer may change with it.
func (p Program) Reads(variable string) bool { return p.reads[variable] }

// Eval evaluates the condition for one environment.
func (p Program) Eval(in Input) (bool, error) {
	answer, _, err := p.program.Eval(in.variables())
	var canceled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &canceled):
		return false, errors.New("it takes too much work to answer; make the condition simpler")
	case err != nil && strings.HasPrefix(err.Error(), "no such key"):
		return false, fmt.Errorf("%s; where a key may be missing, ask for it with \"in\" first", oneLine(err.Error()))
	case err != nil:
		return false, errors.New(oneLine(err.Error()))
	}
	yes, ok := answer.Value().(bool)
	if !ok {
		return false, fmt.Errorf("it gives %s, not true or false", answer.Type().TypeName())
	}
	return yes, nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
