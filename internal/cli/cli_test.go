package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMainRefusesWhatItDoesNotKnow(t *testing.T) {
	require.Equal(t, 2, Main("test", []string{"serve"}))
	require.Equal(t, 2, Main("test", []string{"version", "please"}))
	require.Equal(t, 0, Main("test", []string{"version"}))
}

func TestFrameworkIsQuietUnlessSomebodyAsksForLogs(t *testing.T) {
	for _, c := range []struct {
		environment []string
		want        map[string]string
	}{
		{[]string{"PATH=/bin"}, map[string]string{"TF_LOG_SDK": "error"}},
		{[]string{"TF_LOG=trace"}, map[string]string{}},
		{[]string{"PATH=/bin", "TF_LOG_PROVIDER_CD=debug"}, map[string]string{}},
		{[]string{"TF_LOG_SDK_PROTO=off"}, map[string]string{}},
	} {
		set := map[string]string{}
		quietFramework(c.environment, func(key, value string) error { set[key] = value; return nil })
		require.Equal(t, c.want, set, "%v", c.environment)
	}
}

func TestActor(t *testing.T) {
	t.Setenv("CD_ACTOR", "carol@example.com")
	require.Equal(t, "carol@example.com", actor(t.Context()))
	t.Setenv("CD_ACTOR", "")
	t.Setenv("PATH", t.TempDir()) // without git, the operating system's user acts
	require.NotEmpty(t, actor(t.Context()))
}
