package delivery

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of refusal an Error is. The api package maps each code to one HTTP status.
type Code string

// The codes, and when each is used.
const (
	CodeInvalid     Code = "invalid"     // the request itself is wrong; sending it again cannot help
	CodeNotFound    Code = "not_found"   // the object does not exist
	CodeConflict    Code = "conflict"    // the request is well formed, but what the ledger holds forbids it
	CodeForbidden   Code = "forbidden"   // the actor may not do this
	CodeUnavailable Code = "unavailable" // something needed did not answer; trying again may help
	CodeInternal    Code = "internal"    // a defect, or an error nobody foresaw
)

// Error is every refusal that a user may see: what kind, where, and why in words that say what would make it pass.
type Error struct {
	Code Code `json:"code"`
	// Field is the path of the attribute at fault, as in `stages[1].gates.approvals.required` or
	// `parity.allow["DB_*"].reason`. It is empty when no single attribute is at fault.
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	// DependsOn names the other fields that decided it. While one of them is not known, neither is the problem.
	DependsOn []string `json:"-"`
	// Gates is what every gate of the stage says, when that is why a release may not enter: the message is for people, this for
	// programs. It is empty in every other refusal.
	Gates []GateResult `json:"gates,omitempty"`
}

// Error gives the message, led by the field if there is one.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Errors is a list of refusals, so that a user sees all that is wrong at once.
type Errors []*Error

// Error joins the messages, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the list as an error, or nil when it is empty.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Errorf makes an Error without a field.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first Error in err's chain, or CodeInternal when there is none.
func CodeOf(err error) Code {
	if all := ErrorsOf(err); len(all) > 0 {
		return all[0].Code
	}
	return CodeInternal
}

// ErrorsOf returns the refusals that err carries; nil when it carries none.
func ErrorsOf(err error) Errors {
	var many Errors
	if errors.As(err, &many) {
		return many
	}
	var one *Error
	if errors.As(err, &one) {
		return Errors{one}
	}
	return nil
}

// IsNotFound reports whether err says that an object does not exist.
func IsNotFound(err error) bool { return err != nil && CodeOf(err) == CodeNotFound }

// problems collects validation errors under a common path.
type problems struct {
	prefix string
	others []string
	list   *Errors
}

func newProblems() problems { return problems{list: &Errors{}} }

// at returns the same collection, one attribute deeper.
func (p problems) at(name string) problems {
	if p.prefix != "" {
		name = p.prefix + "." + name
	}
	return problems{prefix: name, list: p.list}
}

func (p problems) index(i int) problems {
	return problems{prefix: fmt.Sprintf("%s[%d]", p.prefix, i), list: p.list}
}

func (p problems) key(k string) problems {
	return problems{prefix: fmt.Sprintf("%s[%q]", p.prefix, k), list: p.list}
}

// dependsOn says which fields, given as whole paths, decide the problems that are added to the result, beside the one at fault.
func (p problems) dependsOn(fields ...string) problems {
	p.others = fields
	return p
}

func (p problems) add(format string, args ...any) {
	*p.list = append(*p.list, &Error{Code: CodeInvalid, Field: p.prefix, Message: fmt.Sprintf(format, args...), DependsOn: p.others})
}

// report adds what a leaf package found wrong with a field, given by its path below this one. others are fields beside it that decided it.
func (p problems) report(field, message string, others ...string) {
	for i, other := range others {
		others[i] = p.at(other).prefix
	}
	p.at(field).dependsOn(others...).add("%s", message)
}

func (p problems) errors() Errors { return *p.list }
