package delivery

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// SignatureNamespace is the namespace of approval signatures, so that a signature made for anything else never counts:
// ssh-keygen -Y sign -n cd-approval.
const SignatureNamespace = "cd-approval"

// MaxSignatureBytes bounds an armored signature.
const MaxSignatureBytes = 16 << 10

// ApprovalRequest is what an approver signs.
type ApprovalRequest struct {
	Pipeline      string           `json:"pipeline"`
	Version       string           `json:"version"`
	Stage         string           `json:"stage"`
	Decision      ApprovalDecision `json:"decision"`
	ContentDigest string           `json:"content_digest"`
	// Ledger is the id of the ledger that is to record the decision. A signature for one ledger is none for another.
	Ledger string `json:"ledger"`
	// Summary tells people what the digest stands for, in lines that end with a line break.
	Summary string `json:"summary"`
	// Round grows with each decision on this release and stage that was withdrawn, ran out, or gave way to another of the same person, so that an old signature cannot be
	// handed in again.
	Round int `json:"round"`
}

// Payload is the canonical text of the request. It ends with a line break.
func (r ApprovalRequest) Payload() string {
	return fmt.Sprintf("cd approval, version 2\nledger: %s\npipeline: %s\nrelease: %s\nstage: %s\ndecision: %s\ncontent: %s\nround: %d\n\n%s",
		r.Ledger, r.Pipeline, r.Version, r.Stage, r.Decision, r.ContentDigest, r.Round, r.Summary)
}

// Request is what the approver of a recorded decision signed.
func (a Approval) Request() ApprovalRequest {
	return ApprovalRequest{Pipeline: a.Spec.Pipeline, Version: a.Spec.Version, Stage: a.Spec.Stage, Decision: a.Spec.Decision,
		ContentDigest: a.ContentDigest, Ledger: a.Ledger, Summary: a.Summary, Round: a.Round}
}

// SignatureKeyTypes are the types of keys that may sign. A certificate is none of them: an approval is made by a key that the gate
// lists, and by nobody that such a key vouches for.
var SignatureKeyTypes = []string{
	"ssh-ed25519", "sk-ssh-ed25519@openssh.com",
	"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com",
	"ssh-rsa",
}

// signer is one line of an SSH allowed-signers file (see ALLOWED SIGNERS in ssh-keygen(1)).
type signer struct {
	principals    []string // patterns
	namespaces    []string // patterns; empty means any
	after, before time.Time
	key           string // type and base64, as in an authorized key
}

// parseSigner reads a line: principals, options, key type, key. What it does not understand it refuses: an option that is not
// known might narrow what the line allows. What ssh-keygen refuses is refused here too.
func parseSigner(line string) (signer, error) {
	line = strings.Trim(strings.TrimSuffix(line, "\n"), " \t")
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' }) {
		return signer{}, fmt.Errorf("%q is more than one line; give each line of the file separately, as in split(\"\\n\", trimspace(file(…)))", line)
	}
	if line == "" || line[0] == '#' {
		return signer{}, fmt.Errorf("%q is an empty line or a comment; leave it out", line)
	}
	principals, rest := cutField(line)
	s := signer{principals: strings.Split(principals, ",")}
	if err := s.checkPrincipals(); err != nil {
		return signer{}, err
	}
	first, after := cutField(rest)
	if first != "" && !slices.Contains(SignatureKeyTypes, first) {
		if err := s.options(first); err != nil {
			return signer{}, fmt.Errorf("%q: %w", line, err)
		}
		first, after = cutField(after)
	}
	key, _ := cutField(after) // and then a comment
	if first == "" || key == "" {
		return signer{}, fmt.Errorf("%q is not a line of an allowed-signers file: principals, key type and key are needed, as in \"alice@example.com ssh-ed25519 AAAA…\"", line)
	}
	if err := checkKey(first, key); err != nil {
		return signer{}, fmt.Errorf("%q: %w", line, err)
	}
	s.key = first + " " + key
	return s, nil
}

// cutField cuts the first field of a line. Spaces within double quotes do not end it.
func cutField(line string) (field, rest string) {
	line = strings.TrimLeft(line, " \t")
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case !quoted && (line[i] == ' ' || line[i] == '\t'):
			return line[:i], line[i:]
		}
	}
	return line, ""
}

func (s signer) checkPrincipals() error {
	named := false
	for _, principal := range s.principals {
		if principal == "" || strings.ContainsAny(principal, `"`) {
			return fmt.Errorf("%q is not a list of principals: names or patterns with commas between them, without quotes or spaces", strings.Join(s.principals, ","))
		}
		named = named || principal[0] != '!'
	}
	if !named {
		return fmt.Errorf("%q says only who may not sign; name somebody who may", strings.Join(s.principals, ","))
	}
	return nil
}

// checkKey checks that the base64 is that of a key of the type, in the one form in which a signer's key is compared with it.
func checkKey(kind, text string) error {
	if !slices.Contains(SignatureKeyTypes, kind) {
		return fmt.Errorf("%q is no type of key that may sign; use one of %s", kind, strings.Join(SignatureKeyTypes, ", "))
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return errors.New("the key is not base64, or is cut off")
	}
	const size = 4 // of a length
	if len(blob) <= size+len(kind) || int(binary.BigEndian.Uint32(blob)) != len(kind) || string(blob[size:size+len(kind)]) != kind {
		return fmt.Errorf("the base64 is not that of a key of type %s; copy the whole line of the .pub file", kind)
	}
	return nil
}

// options reads name="value" pairs with commas between them.
func (s *signer) options(text string) error {
	seen := []string{}
	for rest := text; ; {
		name, value, next, err := cutOption(rest)
		if err != nil {
			return err
		}
		if slices.Contains(seen, name) {
			return fmt.Errorf("option %q is given twice", name)
		}
		seen = append(seen, name)
		if err := s.option(name, value); err != nil {
			return err
		}
		if next == "" {
			break
		}
		rest = next
	}
	if !s.after.IsZero() && !s.before.IsZero() && !s.after.Before(s.before) {
		return errors.New("valid-before is not later than valid-after, so the key would never count")
	}
	return nil
}

// cutOption cuts name="value" and the comma after it, if there is one. The name is in lower case.
func cutOption(text string) (name, value, rest string, err error) {
	name, quoted, _ := strings.Cut(text, "=")
	name = strings.ToLower(name)
	if !slices.Contains([]string{"namespaces", "valid-after", "valid-before"}, name) {
		// Without an equals sign the option may be the last of several, and all of the text the name.
		name, _, _ = strings.Cut(name, ",")
		return "", "", "", fmt.Errorf("option or key type %q is not supported; use the options namespaces, valid-after or valid-before, and then a key type", name)
	}
	value, is := strings.CutPrefix(quoted, `"`)
	value, rest, closed := strings.Cut(value, `"`)
	if !is || !closed || value == "" || strings.Contains(value, `\`) {
		return "", "", "", fmt.Errorf("option %s needs a value in double quotes, as in %[1]s=\"…\"", name)
	}
	if rest == "" {
		return name, value, "", nil
	}
	rest, is = strings.CutPrefix(rest, ",")
	if !is || rest == "" {
		return "", "", "", fmt.Errorf("there must be a comma and another option, or a space and the key, after %s=%q", name, value)
	}
	return name, value, rest, nil
}

func (s *signer) option(name, value string) (err error) {
	switch name {
	case "namespaces":
		s.namespaces = strings.Split(value, ",")
	case "valid-after":
		s.after, err = signerTime(value)
	case "valid-before":
		s.before, err = signerTime(value)
	}
	return err
}

// signerTime reads a time of an allowed-signers file. ssh-keygen takes one without Z in the time zone of the machine where it
// runs. A gate is judged on many machines, and must be judged the same on each: so the Z is demanded.
func signerTime(value string) (time.Time, error) {
	const forms = "YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ"
	digits, utc := strings.CutSuffix(value, "Z")
	layout, is := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(digits)]
	if !is || strings.Trim(digits, "0123456789") != "" {
		return time.Time{}, fmt.Errorf("%q is not a time of an allowed-signers file; use %s", value, forms)
	}
	if !utc {
		return time.Time{}, fmt.Errorf("%q has no time zone, so it would mean another moment on each machine; write it in UTC with a Z after it (%s)", value, forms)
	}
	t, err := time.Parse(layout, digits)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day and time that exists (%s)", value, forms)
	}
	return t, nil
}

// demandsSignature reports whether the gate counts signed decisions only.
func (a ApprovalsGate) demandsSignature() bool { return a.RequireSigned || len(a.SignedBy) > 0 }

// unsigned says why a decision lacks the signature that the gate demands, after its name; empty when it has it, or needs none. key is the one whose
// signature of the decision holds, empty when there is none.
func (a ApprovalsGate) unsigned(d Approval, key string, release Release, now time.Time) string {
	if !a.demandsSignature() {
		return ""
	}
	// A pattern of principals fits many names. It says that the key may sign, and not whose it is: so it counts only for a person who
	// recorded the decision, and nobody chooses another name with it.
	by := signer.names
	if person.Same(d.RecordedBy, d.Spec.Approver) {
		by = signer.fits
	}
	if !a.signsFor(key, d.Spec.Approver, now, by) {
		return "is not signed by a key that signed_by lists"
	}
	if author := a.sharedWith(key, release); author != "" && d.Spec.Decision == Approve && !a.AllowAuthor {
		return "is signed with a key that may also sign for " + author + ", an author"
	}
	return ""
}

// signsFor reports whether a line of the gate lets a key sign for a person at a moment.
func (a ApprovalsGate) signsFor(key, who string, now time.Time, by func(s signer, who string) bool) bool {
	return key != "" && slices.ContainsFunc(a.SignedBy, func(line string) bool {
		s, err := parseSigner(line)
		return err == nil && s.key == key && by(s, who) &&
			(len(s.namespaces) == 0 || matchesAny(s.namespaces, SignatureNamespace)) &&
			(s.after.IsZero() || !now.Before(s.after)) && (s.before.IsZero() || !now.After(s.before))
	})
}

// sharedWith returns the author for whom the key may sign too, at whatever time; empty when there is none.
func (a ApprovalsGate) sharedWith(key string, release Release) string {
	for _, author := range release.authors() {
		for _, line := range a.SignedBy {
			if s, err := parseSigner(line); err == nil && s.key == key && s.fits(author) {
				return author
			}
		}
	}
	return ""
}

// fits reports whether the principals include a person, by name or by a pattern.
func (s signer) fits(who string) bool {
	patterns := make([]string, len(s.principals))
	for i, principal := range s.principals {
		bare, negated := strings.CutPrefix(principal, "!")
		if patterns[i] = person.Key(bare); negated {
			patterns[i] = "!" + patterns[i]
		}
	}
	return matchesAny(patterns, person.Key(who))
}

// names reports whether the principals include a person by name.
func (s signer) names(who string) bool {
	return s.fits(who) && slices.ContainsFunc(s.principals, func(principal string) bool {
		return !strings.ContainsAny(principal, "*?!") && person.Same(principal, who)
	})
}

// matchesAny reports whether a name matches one of the patterns and none of the negated ones (led by "!").
func matchesAny(patterns []string, name string) bool {
	found := false
	for _, pattern := range patterns {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !matchesPattern(pattern, name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// matchesPattern knows what PATTERNS in ssh_config(5) knows: "*" is any text, also none, and "?" any one byte. Nothing else has a
// meaning, and brackets least of all. It never looks back further than the last "*", so no pattern takes long.
func matchesPattern(pattern, name string) bool {
	p, n, star, from := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
