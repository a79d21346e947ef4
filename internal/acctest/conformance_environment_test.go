package acctest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// environmentConfigs set every attribute of an environment, with every kind of target.
var environmentConfigs = []string{
	`{
		"name": "first", "tier": "staging", "deletion_protection": true,
		"config": {"LOG_LEVEL": "debug"}, "secrets": {"PASSWORD": "env:PASSWORD"}, "platform": {"os": "debian-12"},
		"parity": {"with": "reference", "allow": {"*": {"reason": "all of it", "min": 1, "max": 9, "until": "2027-06-30T00:00:00Z"}, "[A-Z]*": {"reason": "anything"}, "*.*": {"reason": "anything"}}},
		"target": {"directory": {"path": "/srv/first", "keep": 5,
			"after_deploy": {"argv": ["./shop", "restart"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s"}}}}`,
	`{
		"name": "second", "tier": "other", "replica_of": "reference",
		"target": {"command": {
			"place": "hall-1",
			"deploy": {"argv": ["./deploy", "now"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s"},
			"observe": {"argv": ["./observe", "now"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s"}}}}`,
	`{
		"name": "third", "tier": "other",
		"target": {"webhook": {
			"place": "hall-1", "url": "https://deploy.example.com/shop", "status_url": "https://deploy.example.com/shop/{id}",
			"observe_url": "https://deploy.example.com/running", "headers": {"X-Site": "eu"}, "secret": "env:KEY", "token": "env:TOKEN",
			"send_secrets": true, "timeout": "30m", "poll_interval": "5s"}}}`,
}

type environmentChange = change[delivery.EnvironmentSpec]

func environmentChanges() map[string]environmentChange {
	to := func(f func(*delivery.EnvironmentSpec)) environmentChange { return environmentChange{to: f} }
	allowance := func(f func(*delivery.Allowance)) environmentChange {
		return to(func(s *delivery.EnvironmentSpec) {
			allowed := s.Parity.Allow["*"]
			f(&allowed)
			s.Parity.Allow["*"] = allowed
		})
	}
	number := func(n float64) *float64 { return &n }
	changes := map[string]environmentChange{
		"tier":                to(func(s *delivery.EnvironmentSpec) { s.Tier = delivery.TierTesting }),
		"replica_of":          to(func(s *delivery.EnvironmentSpec) { s.ReplicaOf = "other" }),
		"config":              to(func(s *delivery.EnvironmentSpec) { s.Config["LOG_LEVEL"] = "info" }),
		"secrets":             to(func(s *delivery.EnvironmentSpec) { s.Secrets["PASSWORD"] = "env:OTHER" }),
		"platform":            to(func(s *delivery.EnvironmentSpec) { s.Platform["postgres"] = "15" }),
		"deletion_protection": to(func(s *delivery.EnvironmentSpec) { *s.DeletionProtection = false }),
		"parity":              to(func(s *delivery.EnvironmentSpec) { s.Parity = nil }),
		"parity.with":         to(func(s *delivery.EnvironmentSpec) { s.Parity.With = "other" }),
		"parity.allow":        to(func(s *delivery.EnvironmentSpec) { delete(s.Parity.Allow, "*") }),
		"parity.allow.reason": allowance(func(a *delivery.Allowance) { a.Reason = "none" }),
		"parity.allow.min":    allowance(func(a *delivery.Allowance) { a.Min = number(0) }),
		"parity.allow.max":    allowance(func(a *delivery.Allowance) { a.Max = nil }),
		"parity.allow.until":  allowance(func(a *delivery.Allowance) { a.Until = "2030-01-01T00:00:00Z" }),
		"target":              to(func(s *delivery.EnvironmentSpec) { s.Target = nil }),
		"target.directory": to(func(s *delivery.EnvironmentSpec) {
			run := delivery.Command{Argv: []string{"./run"}}
			s.Target = &delivery.Target{Command: &delivery.CommandTarget{Deploy: run, Observe: run}}
		}),
		"target.directory.path":         to(func(s *delivery.EnvironmentSpec) { s.Target.Directory.Path = "/srv/other" }),
		"target.directory.keep":         to(func(s *delivery.EnvironmentSpec) { s.Target.Directory.Keep = 0 }),
		"target.directory.after_deploy": to(func(s *delivery.EnvironmentSpec) { s.Target.Directory.AfterDeploy = nil }),
		"target.command": to(func(s *delivery.EnvironmentSpec) {
			s.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/other"}}
		}),
		"target.command.place": to(func(s *delivery.EnvironmentSpec) { s.Target.Command.Place = "hall-2" }),
		"target.command.deploy": to(func(s *delivery.EnvironmentSpec) {
			s.Target.Command.Deploy = delivery.Command{Argv: []string{"./other"}}
		}),
		"target.command.observe": to(func(s *delivery.EnvironmentSpec) {
			s.Target.Command.Observe = delivery.Command{Argv: []string{"./other"}}
		}),
	}
	webhookChanges(changes)
	commandChanges("target.directory.after_deploy.", changes, func(s *delivery.EnvironmentSpec) *delivery.Command { return s.Target.Directory.AfterDeploy })
	commandChanges("target.command.deploy.", changes, func(s *delivery.EnvironmentSpec) *delivery.Command { return &s.Target.Command.Deploy })
	commandChanges("target.command.observe.", changes, func(s *delivery.EnvironmentSpec) *delivery.Command { return &s.Target.Command.Observe })
	return changes
}

func webhookChanges(into map[string]environmentChange) {
	into["target.webhook"] = environmentChange{to: func(s *delivery.EnvironmentSpec) {
		s.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/other"}}
	}}
	for name, f := range map[string]func(*delivery.WebhookTarget){
		"place":         func(w *delivery.WebhookTarget) { w.Place = "hall-2" },
		"url":           func(w *delivery.WebhookTarget) { w.URL += "/other" },
		"status_url":    func(w *delivery.WebhookTarget) { w.StatusURL = "" },
		"observe_url":   func(w *delivery.WebhookTarget) { w.ObserveURL = "" },
		"headers":       func(w *delivery.WebhookTarget) { w.Headers["X-Site"] = "us" },
		"secret":        func(w *delivery.WebhookTarget) { w.Secret = "file:key" },
		"token":         func(w *delivery.WebhookTarget) { w.Token = "" },
		"send_secrets":  func(w *delivery.WebhookTarget) { w.SendSecrets = false },
		"timeout":       func(w *delivery.WebhookTarget) { w.Timeout = "31m" },
		"poll_interval": func(w *delivery.WebhookTarget) { w.PollInterval = "" },
	} {
		into["target.webhook."+name] = environmentChange{to: func(s *delivery.EnvironmentSpec) { f(s.Target.Webhook) }}
	}
}

// commandChanges returns the changes of a command, which occurs in several declarations.
func commandChanges[S any](prefix string, into map[string]change[S], command func(*S) *delivery.Command) {
	to := func(f func(*delivery.Command)) change[S] { return change[S]{to: func(s *S) { f(command(s)) }} }
	into[prefix+"argv"] = to(func(c *delivery.Command) { c.Argv[1] = "otherwise" })
	into[prefix+"directory"] = to(func(c *delivery.Command) { c.Directory = "" })
	into[prefix+"environment"] = to(func(c *delivery.Command) { c.Environment["A"] = "2" })
	into[prefix+"timeout"] = to(func(c *delivery.Command) { c.Timeout = "31s" })
}

func TestEnvironmentConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	for _, name := range []string{"reference", "other"} {
		_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther})
		require.NoError(t, err)
	}
	declared := func() delivery.EnvironmentSpec {
		all, err := api.Environments(t.Context())
		require.NoError(t, err)
		for _, e := range all {
			if e.Spec.Name != "reference" && e.Spec.Name != "other" {
				return e.Spec
			}
		}
		require.Fail(t, "no environment is declared")
		return delivery.EnvironmentSpec{}
	}
	put := func(spec delivery.EnvironmentSpec) error {
		_, err := api.PutEnvironment(t.Context(), spec)
		return err
	}
	conformance[delivery.EnvironmentSpec]{
		typ: "cd_environment", configs: environmentConfigs, declared: declared, put: put,
		remove: func() error {
			spec, protected := declared(), false
			spec.DeletionProtection = &protected
			if err := put(spec); err != nil {
				return err
			}
			return api.DeleteEnvironment(t.Context(), spec.Name)
		},
		changes: environmentChanges(),
		names:   []string{"name"},
	}.run(t, h)
}
