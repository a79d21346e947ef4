package delivery

import (
	"net/url"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// ReleaseSpec is the content of a release: an immutable version of the artifacts of one pipeline.
type ReleaseSpec struct {
	Pipeline  string              `json:"pipeline"`
	Version   string              `json:"version"`
	Artifacts map[string]Artifact `json:"artifacts"`
	Source    *Source             `json:"source,omitempty"`
	Labels    map[string]string   `json:"labels,omitempty"`
}

// Artifact is one thing that is deployed.
type Artifact struct {
	URI    string `json:"uri"`    // a path, file://, https:// or oci://
	Digest string `json:"digest"` // sha256:<hex> of the bytes; for a directory, of its listing (see the directory driver)
}

// Source is the revision that a release was built from.
type Source struct {
	Repository  string    `json:"repository,omitempty"`
	Revision    string    `json:"revision"`
	Author      string    `json:"author,omitempty"`
	CommittedAt Timestamp `json:"committed_at,omitempty"`
}

// Release is a registered release.
type Release struct {
	Spec         ReleaseSpec `json:"spec"`
	Digest       string      `json:"digest"`
	Attempt      int         `json:"attempt"` // raised by a user to try a failed release again
	RegisteredBy string      `json:"registered_by"`
	RegisteredAt time.Time   `json:"registered_at"`
	// Retired is true once nobody declares the release. Its content stays: a version is never reused.
	Retired bool `json:"retired,omitempty"`
}

// ID names a release: pipeline/version.
func (s ReleaseSpec) ID() string { return s.Pipeline + "/" + s.Version }

// Digest hashes the release's whole content.
func (s ReleaseSpec) Digest() string { return digestOf(s) }

// Author is who wrote the release: the source's author, or the actor who registered it when the source names nobody.
func (r Release) Author() string {
	if r.Spec.Source != nil && r.Spec.Source.Author != "" {
		return r.Spec.Source.Author
	}
	return r.RegisteredBy
}

// authors are the people who may not approve the release: who wrote it, and who registered it. The person who registers a release chooses what
// is in it, and says who wrote it.
func (r Release) authors() []string {
	if author := r.Author(); !person.Same(author, r.RegisteredBy) {
		return []string{author, r.RegisteredBy}
	}
	return []string{r.Author()}
}

// Validate checks the release's content.
func (s ReleaseSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateVersion(p.at("version"), s.Version)
	if len(s.Artifacts) == 0 {
		p.at("artifacts").add("a release needs at least one artifact")
	}
	for _, name := range sortedKeys(s.Artifacts) {
		here := p.at("artifacts").key(name)
		validateName(here, name)
		s.Artifacts[name].validate(here)
	}
	if s.Source != nil {
		if s.Source.Revision == "" {
			p.at("source").at("revision").add("the source needs its revision")
		}
		if s.Source.Author != "" {
			validatePerson(p.at("source").at("author"), s.Source.Author)
		}
		if s.Source.CommittedAt != "" {
			s.Source.CommittedAt.validate(p.at("source").at("committed_at"))
		}
	}
	if len(s.Labels) > MaxKeys {
		p.at("labels").add("%d labels are too many: at most %d", len(s.Labels), MaxKeys)
	}
	for _, key := range sortedKeys(s.Labels) {
		if len(s.Labels[key]) > MaxValueBytes {
			p.at("labels").key(key).add("the value has %d bytes; at most %d are allowed", len(s.Labels[key]), MaxValueBytes)
		}
	}
	return p.errors()
}

func (a Artifact) validate(p problems) {
	scheme, _, hasScheme := strings.Cut(a.URI, "://")
	switch {
	case a.URI == "" || containsNUL(a.URI):
		p.at("uri").add("an artifact needs a path, or a file://, https:// or oci:// address")
	case hasScheme && scheme != "file" && scheme != "https" && scheme != "http" && scheme != "oci":
		p.at("uri").add("%q is not supported; use a path, file://, https:// or oci://", scheme+"://")
	case hasScheme && scheme == "http" && !onThisMachine(a.URI):
		p.at("uri").add("artifacts are fetched over https://; plain http:// is only for this machine")
	}
	if !digestPattern.MatchString(a.Digest) {
		p.at("digest").add("%q is not a digest; write \"sha256:\" and 64 hexadecimal digits (in Terraform: \"sha256:${filesha256(path)}\")", a.Digest)
	}
}

func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && Loopback(u.Hostname())
}

// ValidateAttempt checks an attempt number.
func ValidateAttempt(attempt int) Errors {
	if attempt >= 1 && attempt <= 1_000_000 {
		return nil
	}
	p := newProblems()
	p.at("attempt").add("%d is not an attempt; start at 1 and raise it to try again", attempt)
	return p.errors()
}
