package delivery

import (
	"net/url"
	"path/filepath"
	"time"
)

// Bounds and defaults of checks and commands.
const (
	MinTimeout            = time.Millisecond
	DefaultCheckTimeout   = 10 * time.Second
	DefaultCommandTimeout = 10 * time.Minute
	DefaultInterval       = time.Second
	MaxAttempts           = 1000
)

// Check asks the world a question with yes or no for an answer. Exactly one kind is set; the JSON key of a kind is also the
// name of its checker. Checks are gates (before entering a stage) and verification (after deploying).
type Check struct {
	HTTP    *HTTPCheck    `json:"http,omitempty"`
	Command *CommandCheck `json:"command,omitempty"`
}

// HTTPCheck passes when the URL answers with the expected status.
type HTTPCheck struct {
	URL          string   `json:"url"`
	ExpectStatus int      `json:"expect_status,omitempty"` // default 200
	Attempts     int      `json:"attempts,omitempty"`      // default 1
	Interval     Duration `json:"interval,omitempty"`      // between attempts; default DefaultInterval
	Timeout      Duration `json:"timeout,omitempty"`       // of one attempt; default DefaultCheckTimeout
}

// CommandCheck passes when the command ends with status 0 and, if it names a JUnit file, wrote a report there of at least one
// test that ran and of none that failed.
type CommandCheck struct {
	Command
	// JUnit is the file that the command writes its report to: an absolute path, or one inside the command's directory. What is
	// there before the command runs is removed.
	JUnit    string   `json:"junit,omitempty"`
	Attempts int      `json:"attempts,omitempty"`
	Interval Duration `json:"interval,omitempty"`
}

// CheckRequest is what a checker is told. It never holds a secret's value.
type CheckRequest struct {
	Check       Check               `json:"-"`
	Name        string              `json:"check"`
	Deployment  string              `json:"id"` // empty for a gate, which is asked before there is one
	Pipeline    string              `json:"pipeline"`
	Stage       string              `json:"stage"`
	Environment string              `json:"environment"` // empty for a gate, which is asked once for its stage
	Version     string              `json:"version"`
	Digest      string              `json:"digest"`
	Artifacts   map[string]Artifact `json:"artifacts"`
	// Config is the effective configuration, and ConfigRevision its hash. Both are empty for a gate.
	Config         map[string]string `json:"config"`
	ConfigRevision string            `json:"config_revision"`
	SecretNames    []string          `json:"secret_names"` // sorted; empty for a gate
	// Hidden are the values that the answer may not show. The check gets none of them, but what it asks may know them.
	Hidden []string `json:"-"`
}

// CheckResult is a checker's answer.
type CheckResult struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Broken says that the check could not be asked at all and will not be answered until something changes (no such
	// program, for one). It never counts as a pass.
	Broken bool `json:"broken,omitempty"`
	// Report is what the JUnit file says that the check wrote, and ReportDigest is its text's; nil when it wrote none.
	Report       *TestCounts `json:"report,omitempty"`
	ReportDigest string      `json:"report_digest,omitempty"`
	Detail       string      `json:"detail"` // in words: what was asked and what came back; no secrets, at most a few lines
}

// Kind names the check's kind ("http", "command"): the key of its checker.
func (c Check) Kind() string {
	switch {
	case c.HTTP != nil:
		return "http"
	case c.Command != nil:
		return "command"
	}
	return ""
}

func validateChecks(p problems, checks map[string]Check) {
	for _, name := range sortedKeys(checks) {
		here := p.key(name)
		validateName(here, name)
		checks[name].validate(here)
	}
}

func (c Check) validate(p problems) {
	if (c.HTTP == nil) == (c.Command == nil) {
		p.add("set exactly one kind of check: http or command")
		return
	}
	if c.HTTP != nil {
		c.HTTP.validate(p.at("http"))
		return
	}
	c.Command.validate(p.at("command"))
}

func (c *CommandCheck) validate(p problems) {
	c.Command.validate(p)
	switch {
	case containsNUL(c.JUnit):
		p.at("junit").add("a path cannot hold a NUL byte")
	case c.JUnit != "" && !filepath.IsAbs(c.JUnit) && !filepath.IsLocal(c.JUnit):
		p.at("junit").add("%q leaves the command's directory; give a path inside it, or an absolute one", c.JUnit)
	}
	validateAttempts(p, c.Attempts, c.Interval)
}

func (c *HTTPCheck) validate(p problems) {
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		p.at("url").add("%q is not an http or https address", c.URL)
	}
	if c.ExpectStatus != 0 && (c.ExpectStatus < 100 || c.ExpectStatus > 599) {
		p.at("expect_status").add("%d is not an HTTP status", c.ExpectStatus)
	}
	if c.Timeout != "" {
		c.Timeout.validate(p.at("timeout"), MinTimeout)
	}
	validateAttempts(p, c.Attempts, c.Interval)
}

func validateAttempts(p problems, attempts int, interval Duration) {
	if attempts < 0 || attempts > MaxAttempts {
		p.at("attempts").add("%d is not a number of attempts; use 1 to %d", attempts, MaxAttempts)
	}
	if interval != "" {
		interval.validate(p.at("interval"), 0)
	}
}
