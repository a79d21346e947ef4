package delivery

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
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
	// Round grows with each decision on this release and stage that was taken back or ran out, so that an old signature cannot be
	// handed in again.
	Round int `json:"round"`
}

// Payload is the canonical text of the request. It ends with a line break.
func (r ApprovalRequest) Payload() string {
	return fmt.Sprintf("cd approval, version 1\npipeline: %s\nrelease: %s\nstage: %s\ndecision: %s\ncontent: %s\nround: %d\n",
		r.Pipeline, r.Version, r.Stage, r.Decision, r.ContentDigest, r.Round)
}

// Request is what the approver of a recorded decision signed.
func (a Approval) Request() ApprovalRequest {
	return ApprovalRequest{Pipeline: a.Spec.Pipeline, Version: a.Spec.Version, Stage: a.Spec.Stage, Decision: a.Spec.Decision,
		ContentDigest: a.ContentDigest, Round: a.Round}
}

// signer is one line of an SSH allowed-signers file (see ALLOWED SIGNERS in ssh-keygen(1)).
type signer struct {
	principals    []string // globs
	namespaces    []string // globs; empty means any
	after, before time.Time
	key           string // type and base64, as in an authorized key
}

// parseSigner reads a line: principals, options, key type, key. What it does not understand it refuses: an option that is not
// known might narrow what the line allows.
func parseSigner(line string) (signer, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return signer{}, fmt.Errorf("%q is not a line of an allowed-signers file: principals, key type and key are needed, as in \"alice@example.com ssh-ed25519 AAAA…\"", line)
	}
	s := signer{principals: strings.Split(fields[0], ",")}
	rest := fields[1:]
	if !isKeyType(rest[0]) {
		if err := s.options(rest[0]); err != nil {
			return signer{}, err
		}
		rest = rest[1:]
	}
	if len(rest) < 2 || !isKeyType(rest[0]) {
		return signer{}, fmt.Errorf("%q names no key of a known type (ssh-ed25519, ecdsa-sha2-…, sk-…, ssh-rsa)", line)
	}
	if _, err := base64.StdEncoding.DecodeString(rest[1]); err != nil {
		return signer{}, fmt.Errorf("the key in %q is not base64", line)
	}
	s.key = rest[0] + " " + rest[1]
	return s, nil
}

func isKeyType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-ssh-") || strings.HasPrefix(s, "sk-ecdsa-")
}

func (s *signer) options(text string) error {
	for _, option := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		var err error
		switch strings.ToLower(name) {
		case "namespaces":
			s.namespaces = append(s.namespaces, value)
		case "valid-after":
			s.after, err = signerTime(value)
		case "valid-before":
			s.before, err = signerTime(value)
		default:
			err = fmt.Errorf("option %q is not supported; use namespaces, valid-after or valid-before", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func signerTime(value string) (time.Time, error) {
	for _, layout := range []string{"20060102", "200601021504", "20060102150405", "20060102Z", "200601021504Z", "20060102150405Z"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time of an allowed-signers file (YYYYMMDD[HHMM[SS]][Z])", value)
}

// signed reports whether a key may sign for a person at a moment. A gate that demands no signatures is content with none.
func (a ApprovalsGate) signed(who, key string, now time.Time) bool {
	if len(a.SignedBy) == 0 {
		return true
	}
	return key != "" && slices.ContainsFunc(a.SignedBy, func(line string) bool {
		s, err := parseSigner(line)
		return err == nil && s.key == key && matchesAny(s.principals, who) &&
			(len(s.namespaces) == 0 || matchesAny(s.namespaces, SignatureNamespace)) &&
			(s.after.IsZero() || !now.Before(s.after)) && (s.before.IsZero() || now.Before(s.before))
	})
}

// matchesAny reports whether a name matches one of the globs and none of the negated ones (led by "!").
func matchesAny(globs []string, name string) bool {
	found := false
	for _, glob := range globs {
		negated, is := strings.CutPrefix(glob, "!")
		if is {
			glob = negated
		}
		if ok, err := path.Match(glob, name); err != nil || !ok {
			continue
		}
		if is {
			return false
		}
		found = true
	}
	return found
}
