package delivery

import "time"

// WorkRecord is the work on the promotion into a stage as the ledger holds it, so that every process tells the same about it. There is
// one for each stage that is entered: a newer request replaces it.
type WorkRecord struct {
	Pipeline string `json:"pipeline"`
	Stage    string `json:"stage"`
	// Number counts the requests of the stage.
	Number int64 `json:"number"`
	// Holder is the process that does the work.
	Holder      string    `json:"holder"`
	Version     string    `json:"version"`
	RequestedBy string    `json:"requested_by"`
	RequestedAt time.Time `json:"requested_at"`
	// Progress says what is being done.
	Progress   string         `json:"progress,omitempty"`
	FinishedAt *time.Time     `json:"finished_at,omitempty"`
	Failure    *Error         `json:"failure,omitempty"`
	Stopped    *StageDecision `json:"stopped,omitempty"`

	// Canceled is the number of the newest request that somebody asked to be stopped, with all before it. Interrupted says that the holder
	// has been silent for longer than a process that lives is. The ledger tells both; they are no part of the document.
	Canceled    int64 `json:"-"`
	Interrupted bool  `json:"-"`
}

// CancelRequested reports whether somebody asked for the work to be stopped.
func (r WorkRecord) CancelRequested() bool { return r.Canceled >= r.Number && r.Number > 0 }

// Ended reports whether nobody is at it anymore.
func (r WorkRecord) Ended() bool { return r.FinishedAt != nil || r.Interrupted }

// Work is the record as a reader sees it. The zero record is work that nobody asked for: there is none, so it is finished.
func (r WorkRecord) Work() Work {
	work := Work{Finished: r.Number == 0 || r.Ended(), Failure: r.Failure, Stopped: r.Stopped, Version: r.Version, RequestedBy: r.RequestedBy,
		Progress: r.Progress, CancelRequested: r.CancelRequested(), FinishedAt: r.FinishedAt}
	if r.Number > 0 {
		work.RequestedAt = &r.RequestedAt
	}
	if r.FinishedAt == nil && r.Interrupted {
		work.Failure = Errorf(CodeUnavailable, "the process that worked on %s/%s has ended without finishing; applying again goes on from the ledger", r.Pipeline, r.Stage)
	}
	return work
}

// Recording is what the outside world said to a question, as the ledger remembers it: what was seen in an environment, or what the check
// of a gate said. The newest one replaces those before.
type Recording struct {
	At time.Time `json:"at"`
	// From tells from where it was asked: paths, credentials and networks differ from place to place, so only a process at the same place may
	// look again without being asked to.
	From string `json:"from,omitempty"`

	// What was seen in an environment, and the deployment that was expected to run there: it says nothing about another one.
	Environment string       `json:"environment,omitempty"`
	Expected    string       `json:"expected,omitempty"`
	Observation *Observation `json:"observation,omitempty"`

	// What the check of a gate said.
	Check  *CheckKey    `json:"check,omitempty"`
	Result *CheckResult `json:"result,omitempty"`

	// What a rollback would not find; nothing if it is empty.
	Rollback *RollbackKey `json:"rollback,omitempty"`
	Lacks    string       `json:"lacks,omitempty"`
}

// Subject tells one recording of a pipeline from another.
func (r Recording) Subject() string {
	switch {
	case r.Rollback != nil:
		return "rollback/" + r.Rollback.Environment
	case r.Check != nil:
		return "check/" + r.Check.Stage + "/" + r.Check.Policy + "/" + r.Check.Name
	}
	return "environment/" + r.Environment
}
