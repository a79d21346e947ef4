package acctest_test

import (
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// gatesConfig sets every attribute of gates, as stages and policies write them.
const gatesConfig = `{
	"approvals": {"required": 1, "approvers": ["alice", "bob"], "allow_author": true, "expires_after": "72h", "require_signed": false,
		"signed_by": ["alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"]},
	"tests": {"unit": {"min_tests": 3, "max_failures": 1, "max_age": "24h"}, "integration": {}},
	"soak": {"stage": "one", "duration": "1h"},
	"windows": {"office": {"days": ["wed", "mon", "tue"], "start": "09:00", "end": "16:00", "time_zone": "Europe/Berlin"}},
	"cooldown": {"duration": "4h"},
	"max_deploys": {"count": 3, "per": "24h"},
	"parity": {},
	"checks": {
		"asked": {"http": {"url": "https://metrics.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
		"run": {"command": {"argv": ["./ask", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "junit": "report.xml", "attempts": 3, "interval": "1s"}}},
	"expressions": {"ticket": {"condition": "'ticket' in release.labels", "message": "it names its ticket"}}}`

// noneIsAlone says why the reason for having no gates is not changed here.
const noneIsAlone = "it cannot be set beside the gates of this configuration"

// gateChanges are the changes of gates that gatesConfig sets.
func gateChanges[S any](prefix string, into map[string]change[S], gates func(*S) *delivery.Gates) {
	to := func(f func(*delivery.Gates)) change[S] { return change[S]{to: func(s *S) { f(gates(s)) }} }
	tests := func(f func(*delivery.TestsGate)) change[S] {
		return to(func(g *delivery.Gates) { changeIn(g.Tests, "unit", f) })
	}
	window := func(f func(*schedule.Window)) change[S] {
		return to(func(g *delivery.Gates) { changeIn(g.Windows, "office", f) })
	}
	ticket := func(f func(*delivery.Expression)) change[S] {
		return to(func(g *delivery.Gates) { changeIn(g.Expressions, "ticket", f) })
	}
	for name, f := range map[string]func(*delivery.Gates){
		"parity":                   func(g *delivery.Gates) { g.Parity = nil },
		"approvals":                func(g *delivery.Gates) { g.Approvals = nil },
		"approvals.required":       func(g *delivery.Gates) { g.Approvals.Required = 2 },
		"approvals.approvers":      func(g *delivery.Gates) { g.Approvals.Approvers = []string{"alice", "bob", mallory} },
		"approvals.allow_author":   func(g *delivery.Gates) { g.Approvals.AllowAuthor = false },
		"approvals.expires_after":  func(g *delivery.Gates) { g.Approvals.ExpiresAfter = "" },
		"approvals.require_signed": func(g *delivery.Gates) { g.Approvals.RequireSigned = true },
		"approvals.signed_by":      func(g *delivery.Gates) { g.Approvals.SignedBy = nil },
		"tests":                    func(g *delivery.Gates) { delete(g.Tests, "integration") },
		"soak":                     func(g *delivery.Gates) { g.Soak = nil },
		"soak.stage":               func(g *delivery.Gates) { g.Soak.Stage = "two" },
		"soak.duration":            func(g *delivery.Gates) { g.Soak.Duration = "1s" },
		"windows":                  func(g *delivery.Gates) { g.Windows["night"] = schedule.Window{} },
		"cooldown":                 func(g *delivery.Gates) { g.Cooldown = nil },
		"cooldown.duration":        func(g *delivery.Gates) { g.Cooldown.Duration = "1s" },
		"max_deploys":              func(g *delivery.Gates) { g.MaxDeploys = nil },
		"max_deploys.count":        func(g *delivery.Gates) { g.MaxDeploys.Count = 999 },
		"max_deploys.per":          func(g *delivery.Gates) { g.MaxDeploys.Per = "1s" },
		"checks":                   func(g *delivery.Gates) { delete(g.Checks, "asked") },
		"expressions":              func(g *delivery.Gates) { g.Expressions = nil },
	} {
		into[prefix+name] = to(f)
	}
	into[prefix+"tests.min_tests"] = tests(func(t *delivery.TestsGate) { t.MinTests = nil })
	into[prefix+"tests.max_failures"] = tests(func(t *delivery.TestsGate) { t.MaxFailures = 0 })
	into[prefix+"tests.max_age"] = tests(func(t *delivery.TestsGate) { t.MaxAge = "" })
	into[prefix+"windows.days"] = window(func(w *schedule.Window) { w.Days = nil })
	into[prefix+"windows.start"] = window(func(w *schedule.Window) { w.Start = "" })
	into[prefix+"windows.end"] = window(func(w *schedule.Window) { w.End = "24:00" })
	into[prefix+"windows.time_zone"] = window(func(w *schedule.Window) { w.TimeZone = "UTC" })
	into[prefix+"expressions.condition"] = ticket(func(e *delivery.Expression) { e.Condition = "true" })
	into[prefix+"expressions.message"] = ticket(func(e *delivery.Expression) { e.Message = "it may name a ticket" })
	checkChanges(prefix+"checks.", into, func(s *S) map[string]delivery.Check { return gates(s).Checks })
}

func changeIn[V any](values map[string]V, key string, f func(*V)) {
	value := values[key]
	f(&value)
	values[key] = value
}

// checkChanges are the changes of two checks, one of each kind.
func checkChanges[S any](prefix string, into map[string]change[S], checks func(*S) map[string]delivery.Check) {
	to := func(f func(map[string]delivery.Check)) change[S] { return change[S]{to: func(s *S) { f(checks(s)) }} }
	asked := func(f func(*delivery.HTTPCheck)) change[S] {
		return to(func(all map[string]delivery.Check) { f(all["asked"].HTTP) })
	}
	run := func(f func(*delivery.CommandCheck)) change[S] {
		return to(func(all map[string]delivery.Check) { f(all["run"].Command) })
	}
	into[prefix+"http"] = to(func(all map[string]delivery.Check) { all["asked"] = all["run"] })
	into[prefix+"http.url"] = asked(func(c *delivery.HTTPCheck) { c.URL = "https://mallory.example.com" })
	into[prefix+"http.expect_status"] = asked(func(c *delivery.HTTPCheck) { c.ExpectStatus = 500 })
	into[prefix+"http.attempts"] = asked(func(c *delivery.HTTPCheck) { c.Attempts = 0 })
	into[prefix+"http.interval"] = asked(func(c *delivery.HTTPCheck) { c.Interval = "2s" })
	into[prefix+"http.timeout"] = asked(func(c *delivery.HTTPCheck) { c.Timeout = "" })
	into[prefix+"command"] = to(func(all map[string]delivery.Check) { all["run"] = all["asked"] })
	into[prefix+"command.junit"] = run(func(c *delivery.CommandCheck) { c.JUnit = "" })
	into[prefix+"command.attempts"] = run(func(c *delivery.CommandCheck) { c.Attempts = 1 })
	into[prefix+"command.interval"] = run(func(c *delivery.CommandCheck) { c.Interval = "" })
	commandChanges(prefix+"command.", into, func(s *S) *delivery.Command { return &checks(s)["run"].Command.Command })
}
