package delivery

import "strings"

// UnknownRecord is a decision or a test report of a plan with parts that are not known yet. Each part is empty while it is not known, or if the
// record has none.
type UnknownRecord struct {
	Noun                     string // approval or test report
	Pipeline, Version, Stage string
	Suite                    string
	Decision                 ApprovalDecision
}

// key tells it from others. Two that are equal as far as they are known are one here.
func (r UnknownRecord) key() string {
	return strings.Join([]string{"unknown", r.Noun, r.Pipeline, r.Version, r.Stage, r.Suite, string(r.Decision)}, "\n")
}

// Subject names the release that it is about, as far as that is known; empty if it is not.
func (r UnknownRecord) Subject() string {
	if r.Pipeline == "" || r.Version == "" {
		return ""
	}
	return ReleaseSpec{Pipeline: r.Pipeline, Version: r.Version}.ID()
}

// unknownClosings lists the records that may keep a release out once they are known: it may be any release that agrees with what is known. What
// is known to be an approval opens, and what is not known does not open anything.
func (c ChangeSet) unknownClosings() []Closing {
	all := []Closing{}
	for _, r := range c.UnknownRecords {
		if r.Decision == Approve {
			continue
		}
		closing := Closing{Noun: r.Noun, Name: r.Subject(), ID: r.key(), Unknown: true, version: r.Version, Values: r.values(), closes: isApprovalsGate,
			covers: func(pipeline string, _ EnvironmentSpec) bool { return r.Pipeline == "" || r.Pipeline == pipeline }}
		if r.Noun == "test report" {
			closing.closes = func(gate string) bool { return isTestsGate(gate, r.Suite) }
		}
		all = append(all, closing)
	}
	return all
}

// values are the attributes that are known.
func (r UnknownRecord) values() map[string]string {
	known := map[string]string{}
	for attribute, value := range map[string]string{"pipeline": r.Pipeline, "version": r.Version, "stage": r.Stage, "suite": r.Suite, "decision": string(r.Decision)} {
		if value != "" {
			known[attribute] = value
		}
	}
	return known
}

// isTestsGate reports whether a gate asks for reports of a suite; an empty one is not known.
func isTestsGate(gate, suite string) bool {
	if suite != "" {
		return gate == "tests."+suite || strings.HasSuffix(gate, ".tests."+suite)
	}
	return strings.HasPrefix(gate, "tests.") || strings.Contains(gate, ".tests.")
}

// Openings lists the changes of the plan that can only let a release in: an approval and an override. They need no order, but what the files
// order after a delivery does not count for it.
func (c ChangeSet) Openings() []Closing {
	all := []Closing{}
	for id, change := range restricting(c.Approvals) {
		if a := change.After; a != nil && a.Decision == Approve {
			all = append(all, Closing{Noun: "approval", Name: ReleaseSpec{Pipeline: a.Pipeline, Version: a.Version}.ID(), ID: id, version: a.Version, closes: isApprovalsGate,
				Values: map[string]string{"pipeline": a.Pipeline, "version": a.Version, "stage": a.Stage, "decision": string(a.Decision)}})
		}
	}
	for id, change := range restricting(c.Overrides) {
		if o := change.After; o != nil {
			all = append(all, Closing{Noun: "override", Name: ReleaseSpec{Pipeline: o.Pipeline, Version: o.Version}.ID(), ID: id, version: o.Version, closes: anyGate,
				Values: map[string]string{"pipeline": o.Pipeline, "version": o.Version, "stage": o.Stage}})
		}
	}
	return all
}

// ClosingElsewhere is a change that another provider configuration may make: nothing is known of it but the block that declares it.
func ClosingElsewhere(noun, block string) Closing {
	return Closing{Noun: noun, Name: block, ID: "elsewhere\n" + block, Unknown: true, Elsewhere: true, closes: anyGate}
}
