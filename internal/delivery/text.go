package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// Limits on what users write. They keep one declaration small enough to be read by a person and to fit one request.
const (
	MaxNameLength   = 63
	MaxActorLength  = 320 // bytes: as long as an address of mail
	MaxKeys         = 10_000
	MaxValueBytes   = 64 << 10
	MaxStages       = 100
	MaxEnvironments = 1_000 // of one stage
)

var (
	namePattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	versionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
	keyPattern     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	digestPattern  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Duration is a length of time as the user wrote it, in Go's notation ("90m") or in days ("7d"). The text is kept, so that what is read back
// is what was declared.
type Duration string

// Value returns the length of time; zero when the text is empty or malformed (Validate refuses malformed text).
func (d Duration) Value() time.Duration {
	v, err := d.parse()
	if err != nil {
		return 0
	}
	return v
}

// parse reads the text. A whole number of days may come first: a day is 24 hours.
func (d Duration) parse() (time.Duration, error) {
	days, rest, found := strings.Cut(string(d), "d")
	if !found {
		return time.ParseDuration(string(d))
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil || rest == "" {
		return time.Duration(n) * 24 * time.Hour, err
	}
	v, err := time.ParseDuration(rest)
	if v < 0 {
		return 0, strconv.ErrRange
	}
	return time.Duration(n)*24*time.Hour + v, err
}

// Or returns the length of time, or the default when nothing was written.
func (d Duration) Or(otherwise time.Duration) time.Duration {
	if d == "" {
		return otherwise
	}
	return d.Value()
}

func (d Duration) validate(p problems, least time.Duration) {
	v, err := d.parse()
	switch {
	case err != nil:
		p.add("%q is not a duration; write one such as \"90m\" or \"36h\"", string(d))
	case v < least:
		p.add("%q is too short: the least is %s", string(d), least)
	}
}

// Timestamp is a moment as the user wrote it, in RFC 3339.
type Timestamp string

// Value returns the moment; the zero time when the text is empty or malformed (Validate refuses malformed text).
func (t Timestamp) Value() time.Time {
	v, err := time.Parse(time.RFC3339, string(t))
	if err != nil {
		return time.Time{}
	}
	return v.UTC()
}

func (t Timestamp) validate(p problems) {
	if _, err := time.Parse(time.RFC3339, string(t)); err != nil {
		p.add("%q is not a time; write it as RFC 3339, such as \"2027-06-30T00:00:00Z\"", string(t))
	}
}

// ValidateActor checks who is acting, who is recorded with every event: a name or an address that can be compared with others
// (person.Check), of up to MaxActorLength bytes. Git, the operating system and variables may give anything.
func ValidateActor(actor string) Errors {
	p := newProblems()
	if len(actor) > MaxActorLength {
		p.at("actor").add("it has %d bytes; at most %d are allowed", len(actor), MaxActorLength)
	} else if err := person.Check(actor); err != nil {
		p.at("actor").add("%v. Set actor in the provider block, or CD_ACTOR, to a name or an address", err)
	}
	return p.errors()
}

// validatePerson refuses a text that cannot be compared with other spellings of the same person.
func validatePerson(p problems, who string) {
	if len(who) > MaxActorLength {
		p.add("it has %d bytes; at most %d are allowed", len(who), MaxActorLength)
	} else if err := person.Check(who); err != nil {
		p.add("%v", err)
	}
}

// validateName refuses a name that cannot be part of a path or an identifier.
func validateName(p problems, name string) {
	switch {
	case name == "":
		p.add("a name is needed")
	case len(name) > MaxNameLength:
		p.add("%q is too long: at most %d characters", name, MaxNameLength)
	case !namePattern.MatchString(name):
		p.add("%q is not a name: use letters, digits, hyphens and underscores, starting with a letter or digit", name)
	}
}

func validateVersion(p problems, version string) {
	if !versionPattern.MatchString(version) {
		p.add("%q is not a version: use up to 128 letters, digits, dots, hyphens, underscores and plus signs, starting with a letter or digit", version)
	}
}

// validateVariables checks a map that becomes environment variables.
func validateVariables(p problems, values map[string]string) {
	if len(values) > MaxKeys {
		p.add("%d keys are too many: at most %d", len(values), MaxKeys)
	}
	for _, key := range sortedKeys(values) {
		value := values[key]
		switch {
		case !keyPattern.MatchString(key):
			p.key(key).add("%q cannot be an environment variable: use letters, digits and underscores, not starting with a digit", key)
		case len(value) > MaxValueBytes:
			p.key(key).add("the value has %d bytes; at most %d are allowed", len(value), MaxValueBytes)
		case containsNUL(value):
			p.key(key).add("the value holds a NUL byte, which no environment variable can")
		}
	}
}

func containsNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

// digestOf hashes any value by its JSON text (object keys sorted, struct fields in declaration order): "sha256:<hex>".
func digestOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		// Only our own plain types are hashed; they always marshal.
		panic(fmt.Sprintf("delivery: hashing %T: %v", v, err))
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
