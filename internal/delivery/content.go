package delivery

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A decision names the content that a person saw: the beginning of the digest of what would be delivered. So the same lines of a
// configuration decide once, and not about each next version. A signature names the content too, so a signed decision may leave it out.

// MinContentDigits is how many hex digits of a content's digest a decision has to name.
const MinContentDigits = 12

var contentPattern = regexp.MustCompile(`^[0-9a-f]*$`)

// digits are the hex digits of a digest, or of the beginning of one.
func digits(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// ShortContent is the shortest text by which a decision names a content; empty if there is none.
func ShortContent(digest string) string {
	d := digits(digest)
	return d[:min(MinContentDigits, len(d))]
}

// NamesContent reports whether a text names the content with a digest: its first digits, and enough of them.
func NamesContent(content, digest string) bool {
	named := digits(content)
	return len(named) >= MinContentDigits && strings.HasPrefix(digits(digest), named)
}

// ContentLine is the line of a configuration that names a content.
func ContentLine(digest string) string { return fmt.Sprintf("content = %q", ShortContent(digest)) }

// DecideLine says what a decision about the release writes, so that approvals can be given; empty unless they are missing.
func (s StageDecision) DecideLine() string {
	if s.Content == "" {
		return ""
	}
	return "To approve exactly this, write in cd_approval: " + ContentLine(s.Content)
}

// lacksApprovals reports whether the gate waits for approvals.
func (g GateResult) lacksApprovals() bool {
	return g.Verdict == VerdictPending && (g.Name == "approvals" || strings.HasPrefix(g.Name, "policy.") && strings.HasSuffix(g.Name, ".approvals"))
}

// judgeContent refuses a decision that does not name the content that would be delivered now.
func judgeContent(content, digest, what string) *Error {
	if NamesContent(content, digest) {
		return nil
	}
	var why string
	named := digits(content)
	switch {
	case content == "":
		why = "content is missing: a decision names what somebody reviewed"
	case !contentPattern.MatchString(named):
		why = fmt.Sprintf("%q is not the beginning of a digest: use the digits 0 to 9 and a to f", content)
	case len(named) < MinContentDigits:
		why = fmt.Sprintf("%q has %d digits; at least %d are needed", content, len(named), MinContentDigits)
	default:
		why = fmt.Sprintf("%q is not the content of %s, or what would be delivered has changed since", content, what)
	}
	return &Error{Code: CodeConflict, Field: "content", Message: fmt.Sprintf(
		"%s. Review %s as it would be delivered now. If you decide about that, write this line, as a literal or in a variable:\n\n  %s", why, what, ContentLine(digest))}
}

// validateContent refuses a decision that names no content, or another one than what would be delivered to a stage now.
func (w World) validateContent(stageName string, release Release, content string) Errors {
	stage, ok := w.Pipeline.Stage(stageName)
	if !ok {
		return nil
	}
	if wrong := judgeContent(content, w.ApprovalDigest(stage, release), fmt.Sprintf("%s for %s", release.Spec.ID(), stage.Name)); wrong != nil {
		return Errors{wrong}
	}
	return nil
}

// contentSummary tells people what they sign, in lines of "what: value". The digest of the content stands for all of it.
func (w World) contentSummary(stage Stage, release Release) string {
	var b strings.Builder
	for _, name := range sortedKeys(release.Spec.Artifacts) {
		fmt.Fprintf(&b, "artifact: %s %s\n", name, release.Spec.Artifacts[name].Digest)
	}
	if source := release.Spec.Source; source != nil {
		fmt.Fprintf(&b, "source: %q\n", strings.TrimSpace(source.Repository+" "+source.Revision))
	}
	fmt.Fprintf(&b, "author: %q\n", release.Author())
	for _, name := range slices.Sorted(slices.Values(stage.Environments)) {
		env := w.Environments[name]
		fmt.Fprintf(&b, "environment: %s, %s, configuration %s\n", name, cmp.Or(env.Tier, TierOther), ShortContent(ContentFor(stage, env, release).ConfigRevision))
	}
	return b.String()
}
