package directory

import (
	"context"
	"os"
	"path/filepath"
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
		"CD_PIPELINE=shop", "CD_STAGE=staging", "CD_ENVIRONMENT=staging-eu", "CD_VERSION=1.0", "CD_DEPLOYMENT_ID=d1",
		"CD_CONFIG_REVISION=", "CD_CHECK=", "the hook fails", "exit status 1",
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
	require.ErrorContains(t, err, "was still running after 300ms and was stopped")
	require.ErrorContains(t, err, "It printed nothing.")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's own deadline has not passed")
}

func TestHookThatCannotStart(t *testing.T) {
	r := requestWithHook(t, "d1", &delivery.Command{Argv: []string{"./no-such-program"}})
	_, err := New(Options{}).Deploy(t.Context(), r)
	require.ErrorContains(t, err, `after_deploy: program "./no-such-program" could not be started`)
	require.ErrorContains(t, err, filepath.Join(r.Target.Directory.Path, "shop", "releases", "1.0-d1"))
	require.ErrorContains(t, err, "its path is taken from the working directory")
	r.Target.Directory.AfterDeploy.Argv[0] = "no-such-program"
	_, err = New(Options{}).Deploy(t.Context(), r)
	require.ErrorContains(t, err, "not found")
	require.ErrorContains(t, err, `A program of the release itself is written as "./no-such-program"`)
}
