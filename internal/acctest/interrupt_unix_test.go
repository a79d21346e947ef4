//go:build unix

package acctest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// waitLimit bounds the wait for processes of a busy machine. Every wait ends as soon as its condition holds.
const waitLimit = time.Minute

const slowScript = `[ -e "$1/fast" ] || {
	(trap '' TERM; read -r _ < "$1/go") &
	echo $! > "$1/grandchild"
	echo $$ > "$1/pid.new"; mv "$1/pid.new" "$1/pid"
	read -r _ < "$1/go"
}`

// ignoreTerm makes the script ignore SIGTERM, too.
func (w *workspace) ignoreTerm() { w.write("slow.sh", "trap '' TERM\n"+slowScript) }

// slowShop is a shop whose smoke check runs until it is released, and so does its after_deploy hook if slowDeploy is set. The script writes
// its process id to a file, and then reads from a pipe that is still empty.
func slowShop(t *testing.T, h *acctest.Harness, slowDeploy bool) *workspace {
	t.Helper()
	w := newWorkspace(t, "", "CD_LEDGER="+h.Ledger)
	require.NoError(t, syscall.Mkfifo(filepath.Join(w.dir, "go"), 0o600))
	w.write("slow.sh", slowScript)
	w.write("page.html", "hello")
	w.write("main.tf", fmt.Sprintf(`
locals {
  slow = { argv = ["/bin/sh", "${abspath(path.module)}/slow.sh", abspath(path.module)] }
  page = "${abspath(path.module)}/page.html"
}
resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${abspath(path.module)}/srv", after_deploy = %t ? local.slow : null } }
}
resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "staging"
    environments = [cd_environment.staging.name]
    promotion    = "automatic"
    verify       = { smoke = { command = local.slow } }
  }]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = local.page, digest = "sha256:${filesha256(local.page)}" } }
}
%s`, slowDeploy, required))
	return w
}

// required names the provider. Every configuration of a real workspace needs it.
const required = `
terraform {
  required_providers {
    cd = {
      source = "delivery-as-code/cd"
    }
  }
}
`

// child waits until the slow script runs, and returns its process id.
func (w *workspace) child() int { return w.pid("pid") }

// grandchild waits for the process that the slow script starts, and returns its id. That process ignores SIGTERM.
func (w *workspace) grandchild() int { return w.pid("grandchild") }

func (w *workspace) pid(file string) int {
	w.t.Helper()
	var pid int
	require.Eventually(w.t, func() bool {
		text, err := os.ReadFile(filepath.Join(w.dir, file))
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	}, waitLimit, 10*time.Millisecond, "the script never started")
	return pid
}

// finishAtOnce makes the script exit at once from now on.
func (w *workspace) finishAtOnce() { w.write("fast", "") }

func hasExited(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// requireFree requires that nobody holds the lease of staging, so that the next apply does not have to wait until it expires.
func requireFree(t *testing.T, h *acctest.Harness) {
	t.Helper()
	ledger, err := sqlstore.Open(t.Context(), h.Ledger)
	require.NoError(t, err)
	defer func() { require.NoError(t, ledger.Close()) }()
	require.NoError(t, ledger.Update(t.Context(), func(tx store.Tx) error {
		lease, err := tx.AcquireLease(t.Context(), "staging/shop", "test", time.Now(), time.Minute)
		if err != nil {
			return err
		}
		return tx.ReleaseLease(t.Context(), lease)
	}))
}

// requireDeliveredOnce requires that exactly one deployment delivered the release, and that it runs.
func requireDeliveredOnce(t *testing.T, h *acctest.Harness) {
	t.Helper()
	deployments, err := h.Client(mallory).Deployments(t.Context(), "shop", "staging", "", 0)
	require.NoError(t, err)
	require.Len(t, deployments, 1, "a started deployment is finished, not started again")
	require.Equal(t, delivery.Verified, deployments[0].Status)
	requireWholeLedger(t, h)
}

func TestInterruptLosesNothing(t *testing.T) {
	t.Parallel()
	for name, slowDeploy := range map[string]bool{"while deploying": true, "while verifying": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) { interrupt(t, h, slowDeploy) })
		})
	}
}

func interrupt(t *testing.T, h *acctest.Harness, slowDeploy bool) {
	w := slowShop(t, h, slowDeploy)
	apply := w.start("apply")
	child, grandchild := w.child(), w.grandchild()
	require.NoError(t, syscall.Kill(-apply.cmd.Process.Pid, syscall.SIGINT)) // as a terminal does: to the whole group
	output, status := apply.wait()
	require.NotZero(t, status, output)
	require.Contains(t, unwrapped(output), "Nothing is lost: run apply again to continue from the ledger", output)
	requireExit(t, child, "the script still runs")
	requireExit(t, grandchild, "the child of the script still runs")

	w.finishAtOnce()
	requireFree(t, h)
	plan := w.run("plan")
	require.Contains(t, unwrapped(plan), "finish the deployment of 1.0.0 to staging (1.0.0 is still", plan)
	w.run("apply")
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

func requireExit(t *testing.T, pid int, message string) {
	t.Helper()
	require.Eventually(t, func() bool { return hasExited(pid) }, waitLimit, 10*time.Millisecond, message)
}

// onEachSlow runs a test while a hook runs and while a check runs, on each kind of ledger. Both ignore SIGTERM.
func onEachSlow(t *testing.T, test func(t *testing.T, h *acctest.Harness, w *workspace)) {
	t.Helper()
	for name, slowDeploy := range map[string]bool{"while deploying": true, "while verifying": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
				w := slowShop(t, h, slowDeploy)
				w.ignoreTerm()
				test(t, h, w)
			})
		})
	}
}

// TestTwoInterruptsLoseNothing: the second interrupt makes Terraform exit at once. Neither the provider nor its programs keep running.
func TestTwoInterruptsLoseNothing(t *testing.T) {
	t.Parallel()
	onEachSlow(t, func(t *testing.T, h *acctest.Harness, w *workspace) {
		apply := w.start("apply")
		child, grandchild := w.child(), w.grandchild()
		provider := providerOf(t, child)
		t.Cleanup(func() { kill(t, provider) })
		for _, text := range []string{"Gracefully shutting down", ""} {
			require.NoError(t, syscall.Kill(-apply.cmd.Process.Pid, syscall.SIGINT))
			apply.waitFor(text)
		}
		output, status := apply.wait()
		require.NotZero(t, status, output)
		for _, pid := range []int{child, grandchild, provider} {
			requireExit(t, pid, "a process still runs")
		}
		w.finishAtOnce()
		w.run("apply", "-lock=false")
		w.requireEmptyPlan()
		requireDeliveredOnce(t, h)
	})
}

// TestALostProviderLosesNothing kills the provider during a deployment. Its programs end too, before the next apply can start them again.
// Nobody released the lease, so the next apply waits until it expires.
func TestALostProviderLosesNothing(t *testing.T) {
	t.Parallel()
	onEachSlow(t, func(t *testing.T, h *acctest.Harness, w *workspace) {
		apply := w.start("apply")
		child, grandchild := w.child(), w.grandchild()
		kill(t, providerOf(t, child))
		for _, pid := range []int{child, grandchild} {
			requireExit(t, pid, "a process still runs")
		}
		output, status := apply.wait()
		require.NotZero(t, status, output)
		w.finishAtOnce()
		w.run("apply")
		w.requireEmptyPlan()
		requireDeliveredOnce(t, h)
	})
}

// TestALostTerraformLeavesNothingRunning: when Terraform is killed or the terminal is closed, nobody ends the plugin. The plugin stops its
// programs, releases the lease and exits, even if nobody reads its log. It does the same when it receives a signal.
func TestALostTerraformLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	killed := func(apply *background, _ int) error { return syscall.Kill(apply.cmd.Process.Pid, syscall.SIGKILL) }
	group := func(signal syscall.Signal) func(*background, int) error {
		return func(apply *background, _ int) error { return syscall.Kill(-apply.cmd.Process.Pid, signal) }
	}
	for name, example := range map[string]struct {
		lose       func(apply *background, provider int) error
		slowDeploy bool
		env        []string
	}{
		"Terraform is killed":                  {killed, true, nil},
		"Terraform is killed while it logs":    {killed, true, []string{"TF_LOG=trace"}},
		"Terraform is killed during a check":   {killed, false, nil},
		"the terminal is closed":               {group(syscall.SIGHUP), true, nil},
		"Terraform and the provider are ended": {group(syscall.SIGTERM), true, nil},
		"the provider is ended":                {func(_ *background, provider int) error { return syscall.Kill(provider, syscall.SIGTERM) }, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := acctest.New(t)
			w := slowShop(t, h, example.slowDeploy)
			logged := newWorkspace(t, "", append(w.env, example.env...)...)
			logged.dir = w.dir
			apply := logged.start("apply")
			child, grandchild := w.child(), w.grandchild()
			provider := providerOf(t, child)
			t.Cleanup(func() { kill(t, provider) })
			require.NoError(t, example.lose(apply, provider))
			output, status := apply.wait()
			require.NotZero(t, status, output)
			for _, pid := range []int{child, grandchild, provider} {
				requireExit(t, pid, "a process still runs")
			}
			requireFree(t, h)
			w.finishAtOnce()
			w.run("apply", "-lock=false") // Terraform's lock on its own state may be lost as well
			w.requireEmptyPlan()
			requireDeliveredOnce(t, h)
		})
	}
}

// kill kills a process, if it still runs.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		require.NoError(t, err)
	}
}

// providerOf returns the process that started the script.
func providerOf(t *testing.T, child int) int {
	t.Helper()
	cmd := newWorkspace(t, "").command("ps", "-o", "ppid=", "-p", strconv.Itoa(child))
	text, err := cmd.Output()
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.Greater(t, pid, 1)
	return pid
}
