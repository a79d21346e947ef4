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

// patience bounds waiting for processes of a busy machine. Nothing waits for longer than what it waits for takes.
const patience = time.Minute

const slowScript = `[ -e "$1/fast" ] || {
	(trap '' TERM; read -r _ < "$1/go") &
	echo $! > "$1/grandchild"
	echo $$ > "$1/pid.new"; mv "$1/pid.new" "$1/pid"
	read -r _ < "$1/go"
}`

// deaf makes the script one that does not listen either when it is asked to end.
func (w *workspace) deaf() { w.write("slow.sh", "trap '' TERM\n"+slowScript) }

// slowShop is a shop whose smoke check, and whose after_deploy hook when slowDeploy says so, stays at work until let go: it tells
// its process id in a file, and then reads from a pipe into which nobody has written yet.
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

// required names the provider; every configuration of a real workspace needs it.
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

// grandchild is the process that the slow script has started, once it runs. It does not listen when it is asked to end.
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
	}, patience, 10*time.Millisecond, "the script never started")
	return pid
}

// hurry makes the script end at once from now on.
func (w *workspace) hurry() { w.write("fast", "") }

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// requireFree demands that nobody holds the right to deploy to staging, so that the next need not wait for it to lapse.
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

// requireDeliveredOnce demands that the release was deployed by one single deployment, and runs.
func requireDeliveredOnce(t *testing.T, h *acctest.Harness) {
	t.Helper()
	deployments, err := h.Client(mallory).Deployments(t.Context(), "shop", "staging", "", 0)
	require.NoError(t, err)
	require.Len(t, deployments, 1, "what was begun is finished, not begun again")
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
	said, status := apply.wait()
	require.NotZero(t, status, said)
	require.Contains(t, unwrapped(said), "Nothing is lost: applying again goes on from the ledger", said)
	requireGone(t, child, "the script still runs")
	requireGone(t, grandchild, "what the script started still runs")

	w.hurry()
	requireFree(t, h)
	plan := w.run("plan")
	require.Contains(t, unwrapped(plan), "finish the deployment of 1.0.0 to staging (1.0.0 is still", plan)
	w.run("apply")
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

func requireGone(t *testing.T, pid int, otherwise string) {
	t.Helper()
	require.Eventually(t, func() bool { return gone(pid) }, patience, 10*time.Millisecond, otherwise)
}

// onEachSlow runs a test while a hook and while a check is at work, on each kind of ledger. Neither listens when it is asked to end.
func onEachSlow(t *testing.T, test func(t *testing.T, h *acctest.Harness, w *workspace)) {
	t.Helper()
	for name, slowDeploy := range map[string]bool{"while deploying": true, "while verifying": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
				w := slowShop(t, h, slowDeploy)
				w.deaf()
				test(t, h, w)
			})
		})
	}
}

// TestTwoInterruptsLoseNothing: the second one makes Terraform leave at once. Neither the provider nor what it runs stays behind.
func TestTwoInterruptsLoseNothing(t *testing.T) {
	t.Parallel()
	onEachSlow(t, func(t *testing.T, h *acctest.Harness, w *workspace) {
		apply := w.start("apply")
		child, grandchild := w.child(), w.grandchild()
		provider := providerOf(t, child)
		t.Cleanup(func() { end(t, provider) })
		for _, says := range []string{"Gracefully shutting down", ""} {
			require.NoError(t, syscall.Kill(-apply.cmd.Process.Pid, syscall.SIGINT))
			apply.says(says)
		}
		said, status := apply.wait()
		require.NotZero(t, status, said)
		for _, pid := range []int{child, grandchild, provider} {
			requireGone(t, pid, "a process stays behind")
		}
		w.hurry()
		w.run("apply", "-lock=false")
		w.requireEmptyPlan()
		requireDeliveredOnce(t, h)
	})
}

// TestALostProviderLosesNothing kills the provider in the middle of a deployment. What it was running is ended all the same, before the
// next apply may start it again: nobody gives the lease up then, so that waits until it lapses.
func TestALostProviderLosesNothing(t *testing.T) {
	t.Parallel()
	onEachSlow(t, func(t *testing.T, h *acctest.Harness, w *workspace) {
		apply := w.start("apply")
		child, grandchild := w.child(), w.grandchild()
		end(t, providerOf(t, child))
		for _, pid := range []int{child, grandchild} {
			requireGone(t, pid, "a process stays behind")
		}
		said, status := apply.wait()
		require.NotZero(t, status, said)
		w.hurry()
		w.run("apply")
		w.requireEmptyPlan()
		requireDeliveredOnce(t, h)
	})
}

// TestALostTerraformLeavesNothingBehind: nobody ends the plugin when Terraform is killed, or when the terminal is closed. It stops what it
// runs itself, gives the lease up and ends, also with a log that nobody reads any more. It does so when it is asked to end, too.
func TestALostTerraformLeavesNothingBehind(t *testing.T) {
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
			t.Cleanup(func() { end(t, provider) })
			require.NoError(t, example.lose(apply, provider))
			said, status := apply.wait()
			require.NotZero(t, status, said)
			for _, pid := range []int{child, grandchild, provider} {
				requireGone(t, pid, "a process stays behind")
			}
			requireFree(t, h)
			w.hurry()
			w.run("apply", "-lock=false") // Terraform's lock on its own state may be lost as well
			w.requireEmptyPlan()
			requireDeliveredOnce(t, h)
		})
	}
}

// end kills a process, if it is still there.
func end(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		require.NoError(t, err)
	}
}

// providerOf is the process that started the script.
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
