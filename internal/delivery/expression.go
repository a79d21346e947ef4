package delivery

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// Expression is a gate in the user's own words: a condition in CEL (the Common Expression Language) that must be true in
// each environment of the stage. It may use these variables:
//
//	release      what would be deployed
//	  .version, .digest                    string
//	  .labels                              map(string, string)
//	  .artifacts                           map(string, artifact), artifact having .uri and .digest
//	  .author                              string: the source's author, or whoever registered the release
//	  .source                              null when the release names no source
//	    .repository, .revision, .author    string
//	    .committed_at                      timestamp, or null
//	  .registered_by                       string
//	  .registered_at                       timestamp
//	previous     the release that runs in the environment now, alike; null when nothing runs there
//	stage        .name, .promotion         string
//	pipeline     .name                     string
//	environment  .name, .tier              string
//	             .platform                 map(string, string)
//	config       the environment's configuration with the stage's over it: map(string, string). Never a secret, and no
//	             reference to one.
//	now          the moment of asking: timestamp
//
// Beside CEL's own functions and macros there are those of textFunctions. What is null has no parts, and a map only the keys
// it has: asking for more is an error, and an error never passes. has(release.source), has(config.KEY) and "KEY" in config
// ask first.
type Expression struct {
	Condition string `json:"condition"` // at most MaxConditionBytes
	Message   string `json:"message"`   // why it matters; shown when the condition is false; at most MaxMessageBytes
}

// Limits on an expression. They bound the time and the memory that a hostile one can take.
const (
	MaxConditionBytes = 4 << 10
	MaxMessageBytes   = 1 << 10

	maxNesting        = 60      // parentheses, calls and the like within each other
	maxNodes          = 2_000   // parts of the expression, its macros written out
	maxLoopNesting    = 3       // all, exists, map and filter within each other
	maxPatternSize    = 200     // instructions of a regular expression
	maxWork           = 200_000 // units of cel-go's cost: about one for each step or ten characters
	maxValueSize      = 100_000 // of one value while it is worked on: one for each part or ten characters
	maxValueParts     = 100_000 // of one value, to be counted
	maxConditionFlaws = 10      // that are reported at once
)

// objectFields are the types of objects, by the names of their fields. No expression can write the names of these types, so
// none can make an object of its own.
var objectFields = map[string]map[string]*cel.Type{
	"a release": {
		"version": cel.StringType, "digest": cel.StringType, "labels": wordMap, "artifacts": cel.MapType(cel.StringType, cel.ObjectType("an artifact")),
		"author": cel.StringType, "source": cel.ObjectType("a source"), "registered_by": cel.StringType, "registered_at": cel.TimestampType,
	},
	"an artifact":    {"uri": cel.StringType, "digest": cel.StringType},
	"a source":       {"repository": cel.StringType, "revision": cel.StringType, "author": cel.StringType, "committed_at": cel.TimestampType},
	"a stage":        {"name": cel.StringType, "promotion": cel.StringType},
	"a pipeline":     {"name": cel.StringType},
	"an environment": {"name": cel.StringType, "tier": cel.StringType, "platform": wordMap},
}

// variableTypes are the variables. Their values are maps, so that CEL reads nothing of ours but what is listed here.
var variableTypes = map[string]*cel.Type{
	"release":     cel.ObjectType("a release"),
	"previous":    cel.ObjectType("a release"),
	"stage":       cel.ObjectType("a stage"),
	"pipeline":    cel.ObjectType("a pipeline"),
	"environment": cel.ObjectType("an environment"),
	"config":      wordMap,
	"now":         cel.TimestampType,
}

var wordMap = cel.MapType(cel.StringType, cel.StringType)

// textFunctions are what may be used of CEL's extension for texts. The others of it (replace, join and format) can make a
// text of gigabytes from two that are allowed, in one call, before any limit is looked at.
var textFunctions = []string{"charAt", "lowerAscii", "reverse", "split", "strings.quote", "substring", "trim", "upperAscii"}

// expressionInput is what one environment's answer depends on.
type expressionInput struct {
	Now         time.Time
	Pipeline    PipelineSpec
	Stage       Stage
	Environment EnvironmentSpec
	Config      map[string]string // effective, without secrets
	Release     Release
	Previous    *Release // nil: nothing runs there
}

// objects tells CEL of our types, beside its own.
type objects struct{ types.Provider }

// FindStructType says whether there is a type of the name.
func (o objects) FindStructType(name string) (*types.Type, bool) {
	if _, ok := objectFields[name]; ok {
		return types.NewTypeTypeWithParam(cel.ObjectType(name)), true
	}
	return o.Provider.FindStructType(name)
}

// FindStructFieldNames lists a type's fields.
func (o objects) FindStructFieldNames(name string) ([]string, bool) {
	if fields, ok := objectFields[name]; ok {
		return sortedKeys(fields), true
	}
	return o.Provider.FindStructFieldNames(name)
}

// FindStructFieldType describes a field: its type, whether an object has it, and how to read it. What is null has no fields.
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

// language is CEL with our variables. It is made once, as the process starts: every expression is compiled with it.
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
	for _, name := range sortedKeys(variableTypes) {
		options = append(options, cel.Variable(name, variableTypes[name]))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		// Nothing of it comes from outside: every test of this package would fail.
		panic(fmt.Sprintf("delivery: preparing expressions: %v", err))
	}
	return env
}()

// without takes a function away, with all its overloads. CEL wants to hear the signature of one that is known.
func without(function, overload string, result *cel.Type, arguments ...*cel.Type) cel.EnvOption {
	return cel.Function(function, cel.MemberOverload(overload, arguments, result), cel.DisableDeclaration(true))
}

func (e Expression) validate(p problems) {
	_, flaws := e.program()
	for _, flaw := range flaws {
		p.at("condition").add("%s", flaw)
	}
	switch {
	case strings.TrimSpace(e.Message) == "":
		p.at("message").add("say why the condition matters; the message is what people read when it is false")
	case len(e.Message) > MaxMessageBytes:
		p.at("message").add("the message has %d bytes; at most %d are allowed", len(e.Message), MaxMessageBytes)
	}
}

// program is an expression that can be asked.
type program struct {
	cel.Program
	readsNow bool // time alone can change the answer
}

// program compiles the condition, and says what is wrong with it, one line each.
func (e Expression) program() (program, []string) {
	switch {
	case strings.TrimSpace(e.Condition) == "":
		return program{}, []string{"a condition is needed; write a CEL expression, such as \"'ticket' in release.labels\""}
	case len(e.Condition) > MaxConditionBytes:
		return program{}, []string{fmt.Sprintf("the condition has %d bytes; at most %d are allowed", len(e.Condition), MaxConditionBytes)}
	}
	checked, issues := language.Compile(e.Condition)
	if issues.Err() != nil {
		return program{}, e.flaws(issues.Errors())
	}
	if given := checked.OutputType(); !given.IsExactType(cel.BoolType) {
		return program{}, []string{fmt.Sprintf("line 1, column 1: the condition gives %s, but it must be true or false; compare it with something", given)}
	}
	made, err := language.Program(checked, cel.CostLimit(maxWork), cel.MemoryLimit(maxValueSize),
		cel.MemoryTracking(types.MemoryTrackerSizeCalculator(types.NewSizeCalculator(types.SizeCalculatorMaxTraversal(maxValueParts)))))
	if err != nil {
		return program{}, []string{inWords(err.Error())}
	}
	p := program{Program: made}
	for _, reference := range checked.NativeRep().ReferenceMap() {
		p.readsNow = p.readsNow || reference.Name == "now"
	}
	return p, nil
}

// flaws gives what CEL found as lines, each with its place and, for a name that is not known, with those that are.
func (e Expression) flaws(issues []*cel.Error) []string {
	lines := []string{}
	for _, issue := range issues {
		line, column := issue.Location.Line(), issue.Location.Column()+1
		text := inWords(issue.Message)
		if line > 0 { // limits have no place
			text = fmt.Sprintf("line %d, column %d: %s", line, column, text)
		}
		unknown := strings.HasPrefix(issue.Message, "undeclared reference")
		switch {
		case unknown && e.character(line, column) == '(':
			text += "; beside CEL's own functions there are " + strings.Join(textFunctions, ", ")
		case unknown:
			text += "; the variables are " + strings.Join(sortedKeys(variableTypes), ", ")
		case strings.HasPrefix(issue.Message, "undefined field"):
			text += "; " + fieldsInWords()
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

// character returns what stands at a place of the condition, both numbers starting at 1; zero beyond its end.
func (e Expression) character(line, column int) rune {
	lines := strings.Split(e.Condition, "\n")
	if line < 1 || line > len(lines) {
		return 0
	}
	characters := []rune(lines[line-1])
	if column < 1 || column > len(characters) {
		return 0
	}
	return characters[column-1]
}

func fieldsInWords() string {
	all := []string{}
	for _, name := range sortedKeys(objectFields) {
		all = append(all, fmt.Sprintf("%s has %s", name, strings.Join(sortedKeys(objectFields[name]), ", ")))
	}
	return strings.Join(all, "; ")
}

// inWords shortens what CEL says to one line.
func inWords(message string) string {
	message, _, _ = strings.Cut(message, " expecting {") // every token there is
	message = strings.Join(strings.Fields(message), " ")
	message = strings.ReplaceAll(message, "Syntax error", "syntax error")
	return strings.ReplaceAll(message, "mismatched input '<EOF>'", "the expression ends too early")
}

// eval answers the condition for one environment.
func (e Expression) eval(in expressionInput) (bool, error) {
	p, flaws := e.program()
	if len(flaws) > 0 {
		return false, errors.New(strings.Join(flaws, "; "))
	}
	return p.eval(in)
}

func (p program) eval(in expressionInput) (bool, error) {
	answer, _, err := p.Eval(in.variables())
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &cancelled):
		return false, errors.New("it takes too much work to answer; make the condition simpler")
	case err != nil && strings.HasPrefix(err.Error(), "no such key"):
		return false, fmt.Errorf("%s; where a key may be missing, ask for it with \"in\" first", inWords(err.Error()))
	case err != nil:
		return false, errors.New(inWords(err.Error()))
	}
	yes, ok := answer.Value().(bool)
	if !ok {
		return false, fmt.Errorf("it gives %s, not true or false", answer.Type().TypeName())
	}
	return yes, nil
}

func (in expressionInput) variables() map[string]any {
	return map[string]any{
		"release":     in.Release.object(),
		"previous":    orNull(in.Previous, (*Release).object),
		"stage":       map[string]any{"name": in.Stage.Name, "promotion": string(in.Stage.Promotion)},
		"pipeline":    map[string]any{"name": in.Pipeline.Name},
		"environment": map[string]any{"name": in.Environment.Name, "tier": string(in.Environment.Tier), "platform": words(in.Environment.Platform)},
		"config":      words(in.Config),
		"now":         in.Now,
	}
}

func (r *Release) object() map[string]any {
	artifacts := map[string]any{}
	for name, a := range r.Spec.Artifacts {
		artifacts[name] = map[string]any{"uri": a.URI, "digest": a.Digest}
	}
	return map[string]any{
		"version": r.Spec.Version, "digest": r.Digest, "labels": words(r.Spec.Labels),
		"artifacts": types.NewStringInterfaceMap(types.DefaultTypeAdapter, artifacts), "author": r.Author(),
		"source": orNull(r.Spec.Source, (*Source).object), "registered_by": r.RegisteredBy, "registered_at": r.RegisteredAt,
	}
}

func (s *Source) object() map[string]any {
	object := map[string]any{"repository": s.Repository, "revision": s.Revision, "author": s.Author, "committed_at": nil}
	if at := s.CommittedAt.Value(); !at.IsZero() {
		object["committed_at"] = at
	}
	return object
}

// words makes a map CEL's own at once. It would otherwise measure the map anew, against our limits, at each use.
func words(m map[string]string) ref.Val { return types.NewStringStringMap(types.DefaultTypeAdapter, m) }

// orNull gives the object of a value, or CEL's null when there is none.
func orNull[T any](value *T, object func(*T) map[string]any) any {
	if value == nil {
		return nil
	}
	return object(value)
}

// expressionsGate passes when the expression is true in each environment. Where it is false it stays so, unless it reads the
// time; an expression that cannot be answered never passes.
func expressionsGate(name string, e Expression, inputs []expressionInput) GateResult {
	result := GateResult{Name: "expressions." + name, Verdict: VerdictFailed}
	p, flaws := e.program()
	if len(flaws) > 0 {
		result.Reason = "the condition is not valid: " + strings.Join(flaws, "; ")
		return result
	}
	if len(inputs) == 0 {
		result.Reason = "there is no environment to ask about"
		return result
	}
	refusing := []string{}
	for _, in := range inputs {
		yes, err := p.eval(in)
		if err != nil {
			result.Reason = fmt.Sprintf("the condition cannot be answered for %s: %s", in.Environment.Name, err)
			return result
		}
		if !yes {
			refusing = append(refusing, in.Environment.Name)
		}
	}
	if len(refusing) == 0 {
		result.Verdict, result.Reason = VerdictPassed, "the condition is true"
		return result
	}
	if p.readsNow {
		result.Verdict = VerdictPending
	}
	result.Reason = e.Message
	if len(inputs) > 1 {
		result.Reason += " (" + strings.Join(refusing, ", ") + ")"
	}
	return result
}
