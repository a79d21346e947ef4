package delivery_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func production() delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{
		Name: "production", Tier: delivery.TierProduction,
		Config:   map[string]string{"LOG_LEVEL": "info", "REPLICAS": "6"},
		Secrets:  map[string]string{"DB_PASSWORD": "env:PROD_DB_PASSWORD"},
		Platform: map[string]string{"postgres": "15.4"},
		Target:   &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/production"}},
	}
}

// refusal is one refusal as the table tests write it: where, and a part of the words.
type refusal struct{ field, words string }

func requireRefusals(t *testing.T, got delivery.Errors, want ...refusal) {
	t.Helper()
	require.Len(t, got, len(want), "%v", got)
	for i, w := range want {
		require.Equal(t, w.field, got[i].Field)
		require.Contains(t, got[i].Message, w.words)
	}
}

func TestEnvironmentValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*delivery.EnvironmentSpec)
		want []refusal
	}{
		{"as it should be", func(*delivery.EnvironmentSpec) {}, nil},
		{"no name", func(s *delivery.EnvironmentSpec) { s.Name = "" }, []refusal{{"name", "a name is needed"}}},
		{"a name with a slash", func(s *delivery.EnvironmentSpec) { s.Name = "a/b" }, []refusal{{"name", "letters, digits"}}},
		{"a name that climbs", func(s *delivery.EnvironmentSpec) { s.Name = ".." }, []refusal{{"name", "letters, digits"}}},
		{"a long name", func(s *delivery.EnvironmentSpec) { s.Name = strings.Repeat("a", 64) }, []refusal{{"name", "at most 63"}}},
		{"an unknown tier", func(s *delivery.EnvironmentSpec) { s.Tier = "prod" }, []refusal{{"tier", "development, testing"}}},
		{"a key that no variable can have", func(s *delivery.EnvironmentSpec) { s.Config = map[string]string{"A-B": "1"} }, []refusal{{`config["A-B"]`, "environment variable"}}},
		{"a value with a NUL", func(s *delivery.EnvironmentSpec) { s.Config = map[string]string{"A": "\x00"} }, []refusal{{`config["A"]`, "NUL"}}},
		{"a huge value", func(s *delivery.EnvironmentSpec) {
			s.Config = map[string]string{"A": strings.Repeat("x", delivery.MaxValueBytes+1)}
		}, []refusal{{`config["A"]`, "at most 65536"}}},
		{"a secret in clear", func(s *delivery.EnvironmentSpec) { s.Secrets = map[string]string{"P": "hunter2"} }, []refusal{{`secrets["P"]`, "never the value"}}},
		{"a key that is secret and not", func(s *delivery.EnvironmentSpec) { s.Secrets = map[string]string{"LOG_LEVEL": "env:X"} }, []refusal{{`secrets["LOG_LEVEL"]`, "config too"}}},
		{"parity with itself", func(s *delivery.EnvironmentSpec) { s.Parity = &delivery.Parity{With: "production"} }, []refusal{{"parity.with", "itself"}}},
		{"a difference without reason", func(s *delivery.EnvironmentSpec) {
			s.Parity = &delivery.Parity{With: "eu", Allow: map[string]delivery.Allowance{"A*": {}}}
		}, []refusal{{`parity.allow["A*"].reason`, "reason"}}},
		{"a glob that is none", func(s *delivery.EnvironmentSpec) {
			s.Parity = &delivery.Parity{With: "eu", Allow: map[string]delivery.Allowance{"[": {Reason: "r", Until: "soon"}}}
		}, []refusal{{`parity.allow["["]`, "not a glob"}, {`parity.allow["["].until`, "RFC 3339"}}},
		{"a target of no kind", func(s *delivery.EnvironmentSpec) { s.Target = &delivery.Target{} }, []refusal{{"target", "exactly one kind"}}},
		{"the root as target", func(s *delivery.EnvironmentSpec) { s.Target.Directory.Path = "/a/.." }, []refusal{{"target.directory.path", "root directory"}}},
		{"a hook without a program", func(s *delivery.EnvironmentSpec) { s.Target.Directory.AfterDeploy = &delivery.Command{} }, []refusal{{"target.directory.after_deploy.argv", "program"}}},
		{"a hook with a bad timeout", func(s *delivery.EnvironmentSpec) {
			s.Target.Directory.AfterDeploy = &delivery.Command{Argv: []string{"x"}, Timeout: "5 minutes"}
		}, []refusal{{"target.directory.after_deploy.timeout", "not a duration"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := production()
			c.edit(&spec)
			requireRefusals(t, spec.Validate(), c.want...)
		})
	}
}

func TestEnvironmentProtection(t *testing.T) {
	off, on := false, true
	spec := production()
	require.True(t, spec.Protected(), "production is protected unless it says otherwise")
	spec.DeletionProtection = &off
	require.False(t, spec.Protected())
	spec.Tier, spec.DeletionProtection = delivery.TierStaging, nil
	require.False(t, spec.Protected())
	spec.DeletionProtection = &on
	require.True(t, spec.Protected())
}

func TestEnvironmentRevisionChangesExactlyWithWhatRuns(t *testing.T) {
	base := production().Revision()
	for name, edit := range map[string]func(*delivery.EnvironmentSpec){
		"config":   func(s *delivery.EnvironmentSpec) { s.Config["LOG_LEVEL"] = "debug" },
		"secrets":  func(s *delivery.EnvironmentSpec) { s.Secrets["DB_PASSWORD"] = "env:OTHER" },
		"platform": func(s *delivery.EnvironmentSpec) { s.Platform["postgres"] = "16.0" },
		"target":   func(s *delivery.EnvironmentSpec) { s.Target.Directory.Path = "/srv/other" },
	} {
		spec := production()
		edit(&spec)
		require.NotEqual(t, base, spec.Revision(), name)
	}
	spec := production()
	on := true
	spec.Tier, spec.DeletionProtection, spec.Parity = delivery.TierStaging, &on, &delivery.Parity{With: "eu"}
	require.Equal(t, base, spec.Revision(), "what does not run does not count")
}
