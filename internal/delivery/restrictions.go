package delivery

// Restrictions lists the optional attributes whose absence is laxer than what they can say: they have no default that is strict. Removing one
// is a weakening edit, which the plan reports. All other optional attributes are at their strictest when they are left out. The names are those
// of the resources; gates are those of a stage and of a policy alike. A test removes every attribute of the schema and compares what the plan
// says with this table.
func Restrictions() map[string]string {
	return map[string]string{
		"gates":                            "nothing is asked; an automatic stage that deploys to production then refuses, unless a policy asks",
		"gates.approvals":                  "nobody has to approve",
		"gates.approvals.expires_after":    "approvals do not expire",
		"gates.approvals.require_signed":   "approvals need no signature",
		"gates.approvals.signed_by":        "approvals need no signature",
		"gates.tests":                      "no suite has to report",
		"gates.tests.min_tests":            "one test is enough",
		"gates.tests.max_age":              "reports of any age are accepted",
		"gates.soak":                       "a release does not have to run anywhere before",
		"gates.windows":                    "a release may enter at any time",
		"gates.windows.days":               "the window opens every day",
		"gates.windows.start":              "the window opens at the start of the day",
		"gates.windows.end":                "the window closes at the end of the day",
		"gates.windows.time_zone":          "the window opens at other times, in UTC",
		"gates.cooldown":                   "deliveries may follow each other at once",
		"gates.max_deploys":                "there may be any number of deliveries",
		"gates.parity":                     "environments may differ",
		"gates.checks":                     "nothing outside is asked",
		"gates.checks.http.expect_status":  "the check is asked in another way",
		"gates.checks.http.attempts":       "the check is asked in another way",
		"gates.checks.http.interval":       "the check is asked in another way",
		"gates.checks.http.timeout":        "the check is asked in another way",
		"gates.checks.command.environment": "the check is asked in another way",
		"gates.checks.command.directory":   "the check is asked in another way",
		"gates.checks.command.timeout":     "the check is asked in another way",
		"gates.checks.command.junit":       "the check is asked in another way",
		"gates.checks.command.attempts":    "the check is asked in another way",
		"gates.checks.command.interval":    "the check is asked in another way",
		"gates.expressions":                "no condition is evaluated",
		"parity":                           "the environment may differ",
		"parity.allow.min":                 "a value may be lower",
		"parity.allow.max":                 "a value may be higher",
		"parity.allow.until":               "the difference is allowed for good",
	}
}
