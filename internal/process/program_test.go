package process_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// TestWhichVariableWins has one name in every place where a variable may come from.
func TestWhichVariableWins(t *testing.T) {
	p := process.Program{
		Command: delivery.Command{Argv: []string{"deploy"}, Environment: map[string]string{"A": "command", "CD_STAGE": "command"}},
		Config:  map[string]string{"A": "config", "B": "config", "C": "config"}, Secrets: map[string]string{"A": "secret", "B": "secret"},
		About: process.About{Stage: "production"},
	}
	spec, err := p.Spec()
	require.NoError(t, err)
	for name, want := range map[string]string{"A": "command", "B": "secret", "C": "config", "CD_STAGE": "production", "CD_CHECK": ""} {
		value, set := spec.Env[name]
		require.True(t, set, name)
		require.Equal(t, want, value, name)
	}
}

func TestACommandHasATime(t *testing.T) {
	for text, want := range map[delivery.Duration]time.Duration{"": delivery.DefaultCommandTimeout, "5s": 5 * time.Second} {
		spec, err := process.Program{Command: delivery.Command{Argv: []string{"deploy"}, Timeout: text}}.Spec()
		require.NoError(t, err)
		require.Equal(t, want, spec.Timeout)
	}
}

func TestAProgramNeedsAName(t *testing.T) {
	for _, argv := range [][]string{nil, {""}, {"", "argument"}} {
		_, err := process.Run(t.Context(), process.Spec{Argv: argv})
		require.ErrorContains(t, err, "no program is named")
	}
}
