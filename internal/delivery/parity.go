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

// Parity declares that an environment equals another, but for the differences listed.
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
	// Reason is the allowance's reason when allowed; else why it is not, in words.
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
		p.at("reason").add("a declared difference needs its reason, for whoever reviews it")
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
		d.Allowed, d.Reason = allowed(d, allow, now)
		found = append(found, d)
	}
	return found
}

// allowed looks for an allowance that covers the difference. An exact key is asked before globs, so that the most precise
// reason is the one reported; one allowance that allows is enough.
func allowed(d Difference, allow map[string]Allowance, now time.Time) (bool, string) {
	globs := slices.SortedFunc(maps.Keys(allow), func(a, b string) int {
		if (a == d.Key) != (b == d.Key) {
			if a == d.Key {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	refusal := "not declared in parity.allow"
	for _, glob := range globs {
		if match, err := path.Match(glob, d.Key); err != nil || !match {
			continue
		}
		reason, why := allow[glob].covers(d, now)
		if why == "" {
			return true, reason
		}
		refusal = fmt.Sprintf("parity.allow[%q] does not cover it: %s", glob, why)
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

// CheckParity compares an environment with the reference it declares and returns one refusal for each key that differs
// without leave, each at the attribute that holds the key. reference is nil when it does not exist.
func CheckParity(spec EnvironmentSpec, reference *EnvironmentSpec, now time.Time) Errors {
	if spec.Parity == nil {
		return nil
	}
	if reference == nil {
		return Errors{{Code: CodeInvalid, Field: "parity.with",
			Message: fmt.Sprintf("environment %q does not exist; declare it first, or name another one", spec.Parity.With)}}
	}
	var found Errors
	for _, d := range NotAllowed(Differences(spec.Facts(nil), reference.Facts(nil), spec.Parity.Allow, now)) {
		found = append(found, &Error{Code: CodeConflict, Field: d.path(), Message: fmt.Sprintf(
			"parity with environment %q is broken: %s is %s here and %s there; %s. Make them equal, or declare the difference in parity.allow with its reason.",
			reference.Name, d.Key, shown(d.This), shown(d.Other), d.Reason)})
	}
	return found
}

// path is the attribute at which the difference is to be mended: the key itself when this side has it, else the map.
func (d Difference) path() string {
	attribute, key := "config", d.Key
	for _, prefix := range []string{"secrets", "platform"} {
		if rest, ok := strings.CutPrefix(d.Key, prefix+"."); ok {
			attribute, key = prefix, rest
		}
	}
	if d.This == nil {
		return attribute
	}
	return fmt.Sprintf("%s[%q]", attribute, key)
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
