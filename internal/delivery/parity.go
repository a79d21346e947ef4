package delivery

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parity declares that an environment equals another, except for the differences listed.
type Parity struct {
	With  string               `json:"with"`
	Allow map[string]Allowance `json:"allow,omitempty"` // by glob over keys
}

// Allowance is one declared difference.
type Allowance struct {
	Reason string    `json:"reason"`
	Min    *float64  `json:"min,omitempty"` // the value must be a number, and at least this
	Max    *float64  `json:"max,omitempty"`
	Until  Timestamp `json:"until,omitempty"` // from this moment on, it no longer allows
}

// Difference is one key whose value differs between two environments. A nil value means that the key is absent there.
type Difference struct {
	Key     string  `json:"key"` // a configuration key, "secrets.KEY" or "platform.KEY"
	This    *string `json:"this"`
	Other   *string `json:"other"`
	Allowed bool    `json:"allowed"`
	// Reason is the allowance's reason when allowed; else why it is not.
	Reason string `json:"reason"`
}

// Facts is what parity compares: everything that makes two environments behave alike.
type Facts struct {
	Config, Secrets, Platform map[string]string
}

func (p *Parity) validate(at problems, self string) {
	validateName(at.at("with"), p.With)
	if p.With != "" && p.With == self {
		at.at("with").add("an environment cannot be compared with itself; name another one")
	}
	for _, glob := range sortedKeys(p.Allow) {
		here := at.at("allow").key(glob)
		if _, err := path.Match(glob, ""); err != nil {
			here.add("%q is not a glob: %v", glob, err)
		}
		p.Allow[glob].validate(here)
	}
}

func (a Allowance) validate(p problems) {
	if strings.TrimSpace(a.Reason) == "" {
		p.at("reason").add("a declared difference needs a reason, for its reviewers")
	}
	if a.Min != nil && a.Max != nil && *a.Min > *a.Max {
		p.at("min").add("min %v is above max %v", *a.Min, *a.Max)
	}
	if a.Until != "" {
		a.Until.validate(p.at("until"))
	}
}

// Facts gives what parity compares, the configuration overlaid by overlay (a stage's own configuration).
func (s EnvironmentSpec) Facts(overlay map[string]string) Facts {
	return Facts{Config: overlaid(s.Config, overlay), Secrets: s.Secrets, Platform: s.Platform}
}

func (f Facts) flat() map[string]string {
	all := make(map[string]string, len(f.Config)+len(f.Secrets)+len(f.Platform))
	maps.Copy(all, f.Config)
	for k, v := range f.Secrets {
		all["secrets."+k] = v
	}
	for k, v := range f.Platform {
		all["platform."+k] = v
	}
	return all
}

// Differences compares two environments key by key, sorted by key. now decides which allowances have lapsed.
func Differences(this, other Facts, allow map[string]Allowance, now time.Time) []Difference {
	a, b := this.flat(), other.flat()
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	leave := newAllowanceMatcher(allow, now)
	found := []Difference{}
	for _, key := range sortedKeys(keys) {
		va, inA := a[key]
		vb, inB := b[key]
		if inA && inB && va == vb {
			continue
		}
		d := Difference{Key: key}
		if inA {
			d.This = &va
		}
		if inB {
			d.Other = &vb
		}
		d.Allowed, d.Reason = leave.of(d)
		found = append(found, d)
	}
	return found
}

// leave is the allowances made ready to be asked about many keys.
type allowanceMatcher struct {
	allow    map[string]Allowance
	patterns []string // those that may match more than the key they spell, sorted
	now      time.Time
}

func newAllowanceMatcher(allow map[string]Allowance, now time.Time) allowanceMatcher {
	l := allowanceMatcher{allow: allow, now: now}
	for _, glob := range sortedKeys(allow) {
		if strings.ContainsAny(glob, `*?[\`) {
			l.patterns = append(l.patterns, glob)
		}
	}
	return l
}

// of looks for an allowance that covers the difference. An exact key is asked before globs, so that the most precise reason is the
// one reported; one allowance that allows is enough.
func (l allowanceMatcher) of(d Difference) (bool, string) {
	refusal := "not declared in parity.allow"
	ask := func(glob string) (allowed bool, reason string) {
		reason, why := l.allow[glob].covers(d, l.now)
		if why != "" {
			refusal = fmt.Sprintf("parity.allow[%q] does not cover it: %s", glob, why)
		}
		return why == "", reason
	}
	if _, exact := l.allow[d.Key]; exact {
		if allowed, reason := ask(d.Key); allowed {
			return true, reason
		}
	}
	for _, glob := range l.patterns {
		if match, err := path.Match(glob, d.Key); err != nil || !match || glob == d.Key {
			continue
		}
		if allowed, reason := ask(glob); allowed {
			return true, reason
		}
	}
	return false, refusal
}

// covers returns the reason when the allowance covers the difference, and otherwise why it does not.
func (a Allowance) covers(d Difference, now time.Time) (reason, refusal string) {
	if a.Until != "" && !now.Before(a.Until.Value()) {
		return "", "it ended at " + string(a.Until)
	}
	if a.Min == nil && a.Max == nil {
		return a.Reason, ""
	}
	if d.This == nil {
		return "", "min and max need a number, and the key is absent"
	}
	n, err := strconv.ParseFloat(*d.This, 64)
	switch {
	case err != nil || math.IsNaN(n):
		return "", fmt.Sprintf("min and max need a number, and the value is %q", *d.This)
	case a.Min != nil && n < *a.Min:
		return "", fmt.Sprintf("%v is below min %v", n, *a.Min)
	case a.Max != nil && n > *a.Max:
		return "", fmt.Sprintf("%v is above max %v", n, *a.Max)
	}
	return a.Reason, ""
}

// UnmatchedAllowances lists the globs that match no key: neither of the environment nor of the one that it must equal, nor of a stage that
// deploys to one of them. Such an allowance may be misspelt. known has the environments that these two name.
func (s EnvironmentSpec) UnmatchedAllowances(known map[string]EnvironmentSpec, pipelines []PipelineSpec) (unmatched []string) {
	if s.Parity == nil {
		return nil
	}
	keys := map[string]string{}
	for _, one := range []EnvironmentSpec{s, known[s.Parity.With]} {
		if effective, refused := one.effective(known); refused == nil {
			maps.Copy(keys, effective.Facts(nil).flat())
		}
		for _, p := range pipelines {
			for _, stage := range p.Stages {
				if slices.Contains(stage.Environments, one.Name) {
					maps.Copy(keys, stage.Config)
				}
			}
		}
	}
	for _, glob := range sortedKeys(s.Parity.Allow) {
		if !slices.ContainsFunc(sortedKeys(keys), func(key string) bool {
			match, err := path.Match(glob, key)
			return glob == key || err == nil && match
		}) {
			unmatched = append(unmatched, glob)
		}
	}
	return unmatched
}

// NotAllowed keeps the differences that break parity.
func NotAllowed(all []Difference) []Difference {
	kept := []Difference{}
	for _, d := range all {
		if !d.Allowed {
			kept = append(kept, d)
		}
	}
	return kept
}

// CheckParity compares an environment, as it is in effect, with the reference it declares and returns one refusal for each key
// that differs without leave, each at the attribute that holds the key. reference is nil when it does not exist.
func CheckParity(spec EnvironmentSpec, reference *EnvironmentSpec, now time.Time) Errors {
	return checkParity(spec, spec, reference, now)
}

// checkParity is CheckParity for an environment that has values which it did not declare itself.
func checkParity(effective, declared EnvironmentSpec, reference *EnvironmentSpec, now time.Time) Errors {
	if declared.Parity == nil {
		return nil
	}
	if reference == nil {
		return Errors{{Code: CodeInvalid, Field: "parity.with",
			Message: fmt.Sprintf("environment %q does not exist; declare it first, or name another one", declared.Parity.With)}}
	}
	broken := NotAllowed(Differences(effective.Facts(nil), reference.Facts(nil), declared.Parity.Allow, now))
	return refusals(broken, declared, fmt.Sprintf("parity with environment %q is broken", reference.Name),
		"Make them equal, or declare the difference in parity.allow with its reason.")
}

// Parts of an environment that are compared, as the attributes are called.
const (
	partConfig   = "config"
	partSecrets  = "secrets"
	partPlatform = "platform"
	partRunning  = "running" // no attribute: what was seen where something runs
)

// split tells which attribute holds the key, and what the key is called there.
func (d Difference) split() (part, key string) {
	for _, prefix := range []string{partSecrets, partPlatform, partRunning} {
		if rest, ok := strings.CutPrefix(d.Key, prefix+"."); ok {
			return prefix, rest
		}
	}
	return partConfig, d.Key
}

// path is the attribute at which the difference is to be fixed in a declaration: the key itself when it is there, the secret that
// took its place, what it is a replica of when the value comes from there, else the map.
func (d Difference) path(declared EnvironmentSpec) string {
	part, key := d.split()
	own := map[string]map[string]string{partConfig: declared.Config, partSecrets: declared.Secrets, partPlatform: declared.Platform}
	if _, ok := own[part][key]; ok {
		return fmt.Sprintf("%s[%q]", part, key)
	}
	if _, ok := declared.Secrets[key]; ok && part == partConfig && d.This == nil {
		return fmt.Sprintf("%s[%q]", partSecrets, key)
	}
	if d.This != nil && declared.ReplicaOf != "" {
		return "replica_of"
	}
	return part
}

func shown(v *string) string {
	if v == nil {
		return "absent"
	}
	return strconv.Quote(*v)
}

func overlaid(base, over map[string]string) map[string]string {
	all := make(map[string]string, len(base)+len(over))
	maps.Copy(all, base)
	maps.Copy(all, over)
	return all
}
