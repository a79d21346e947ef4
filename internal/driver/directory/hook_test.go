package directory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

func requestWithHook(t *testing.T, id string, hook *delivery.Command) driver.Request {
	t.Helper()
	r := requestTo(t.TempDir(), id, "1.0", artifactDirectory(t, map[string]string{"x": "1"}))
	r.Target.Directory.AfterDeploy = hook
	return r
}

func TestHookIsToldEverything(t *testing.T) {
	t.Setenv("UNRELATED", "must not reach the hook")
	r := requestWithHook(t, "d1", hookAs(t, "fail"))
	r.Config["HOME"] = "/home/of/config"
	r.Target.Directory.AfterDeploy.Environment["EXTRA"] = "extra"
	r.Target.Directory.AfterDeploy.Environment["CD_VERSION"] = "a lie"
	_, err := New(Options{}).Deploy(t.Context(), r)
	for _, line := range []string{
		"LOG_LEVEL=debug", "PORT=8080", "PASSWORD=***", "EXTRA=extra", "HOME=/home/of/config", "PATH=" + os.Getenv("PATH"),
		"CD_PIPELINE=shop", "CD_STAGE=staging", "CD_ENVIRONMENT=staging-eu", "CD_VERSION=1.0", "CD_DEPLOYMENT=d1",
		"the hook fails", "exit status 1",
	} {
		require.ErrorContains(t, err, line)
	}
	require.NotContains(t, err.Error(), "a lie")
	require.NotContains(t, err.Error(), "UNRELATED")
	require.NotContains(t, err.Error(), "tr0ub4dor")
}

func TestHookRunsInTheRelease(t *testing.T) {
	noted := filepath.Join(t.TempDir(), "noted")
	r := requestWithHook(t, "d1", hookAs(t, "note="+noted))
	deployed(t, New(Options{}), r)
	require.Equal(t, []string{"1.0-d1 shop staging staging-eu 1.0 d1"}, notes(t, noted))

	elsewhere := t.TempDir()
	r.ID, r.Target.Directory.AfterDeploy.Directory = "d2", elsewhere
	deployed(t, New(Options{}), r)
	require.Equal(t, filepath.Base(elsewhere)+" shop staging staging-eu 1.0 d2", notes(t, noted)[1])
}

func TestFailedHookOfTheFirstDeploymentLeavesNothingRunning(t *testing.T) {
	r := requestWithHook(t, "d1", hookAs(t, "fail"))
	_, err := New(Options{}).Deploy(t.Context(), r)
	require.ErrorContains(t, err, "nothing was deployed here before, so current was removed")
	require.NoFileExists(t, filepath.Join(r.Target.Directory.Path, "shop", "current"))
}

func TestFailedHookRunsAgainWhenTheDeploymentIsRepeated(t *testing.T) {
	r := requestWithHook(t, "d1", hookAs(t, "fail"))
	_, err := New(Options{}).Deploy(t.Context(), r)
	require.Error(t, err)
	noted := filepath.Join(t.TempDir(), "noted")
	r.Target.Directory.AfterDeploy = hookAs(t, "note="+noted)
	deployed(t, New(Options{}), r)
	deployed(t, New(Options{}), r)
	require.Len(t, notes(t, noted), 1)
}

func TestHookThatTakesTooLong(t *testing.T) {
	hook, _ := stallingHook(t)
	hook.Timeout = "300ms"
	_, err := New(Options{}).Deploy(t.Context(), requestWithHook(t, "d1", hook))
	require.ErrorContains(t, err, "took longer than its timeout of 300ms")
	require.ErrorContains(t, err, "it printed nothing")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's own deadline has not passed")
}

func TestHookThatCannotStart(t *testing.T) {
	r := requestWithHook(t, "d1", &delivery.Command{Argv: []string{"./no-such-program"}})
	_, err := New(Options{}).Deploy(t.Context(), r)
	require.ErrorContains(t, err, "after_deploy could not start in "+filepath.Join(r.Target.Directory.Path, "shop", "releases", "1.0-d1"))
	require.ErrorContains(t, err, `"./program"`)
	r.Target.Directory.AfterDeploy.Argv[0] = "no-such-program"
	_, err = New(Options{}).Deploy(t.Context(), r)
	require.ErrorContains(t, err, "not found")
}

func TestMask(t *testing.T) {
	m := newMask(map[string]string{"A": "secret", "B": "secretary", "C": "one\nline two\nab", "D": "", "E": "éé"})
	for text, want := range map[string]string{
		"the secretary has a secret.":  "the *** has a ***.",
		"secretsecret":                 "***",
		"line two alone":               "*** alone",
		"one\nline two\nab":            "***",
		"ab cd":                        "ab cd",
		"ééé":                          "***",
		"\x1b[31mred\x07 \u202eevil\n": "[31mred evil\n",
		"\xff":                         "?",
	} {
		require.Equal(t, want, m.text(text), "%q", text)
	}
}

func TestTailCutsNoSecretOpen(t *testing.T) {
	secret := strings.Repeat("0123456789abcdef", 50)
	m := newMask(map[string]string{"A": secret})
	for _, after := range []int{0, 1, tailBytes - len(secret), tailBytes - 400, tailBytes - 1, tailBytes, tailBytes + 1} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "output"))
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			_, err = f.WriteString(strings.Repeat("before ", 1000) + secret + strings.Repeat("z", after))
			require.NoError(t, err)
			shown := m.tail(f)
			require.NotContains(t, shown, "0123")
			require.NotContains(t, shown, "cdef")
			require.LessOrEqual(t, len(shown), tailBytes+100)
			require.Equal(t, min(after, tailBytes), strings.Count(shown, "z"))
		})
	}
}
