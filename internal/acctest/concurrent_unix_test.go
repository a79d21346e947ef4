//go:build unix

package acctest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
)

// requireWholeLedger checks the ledger: the chain is unbroken, every row is what the log says, no environment ever had two deployments of a
// pipeline in flight, and none is in flight now.
func requireWholeLedger(t *testing.T, h *acctest.Harness) {
	t.Helper()
	_, err := ledger.Verify(t.Context(), h.Ledger, "", func(string, int64, int64) {})
	require.NoError(t, err)
	api := h.Client(mallory)
	inFlight := map[string]string{} // by pipeline and environment
	var previous *delivery.Event
	for {
		var after int64
		if previous != nil {
			after = previous.Seq
		}
		events, err := api.Events(t.Context(), after, 100)
		require.NoError(t, err)
		if len(events) == 0 {
			break
		}
		for _, event := range events {
			require.NoError(t, delivery.VerifyLink(previous, event))
			trackInFlight(t, inFlight, event)
			previous = &event
		}
	}
	require.NotNil(t, previous, "the log is empty")
	require.Empty(t, inFlight, "deployments still in flight")
}

// trackInFlight updates the deployments in flight.
func trackInFlight(t *testing.T, inFlight map[string]string, event delivery.Event) {
	t.Helper()
	verb, ok := strings.CutPrefix(string(event.Kind), "deployment.")
	if !ok {
		return
	}
	var d delivery.Deployment
	require.NoError(t, json.Unmarshal(event.Data, &d))
	key := d.Pipeline + "/" + d.Environment
	switch verb {
	case "started":
		require.NotContains(t, inFlight, key, "event %d starts %s while another deployment is in flight there", event.Seq, d.ID)
		inFlight[key] = d.ID
	case "verified", "failed":
		require.Equal(t, d.ID, inFlight[key], "event %d ends a deployment that is not in flight", event.Seq)
		delete(inFlight, key)
	}
}

// applyTogether applies two workspaces at once: the second starts its release while the first deploys.
func applyTogether(t *testing.T, first, second *workspace) (output [2]string, status [2]int) {
	t.Helper()
	one := first.start("apply")
	first.child()
	two := second.start("apply")
	two.waitFor("cd_release.shop: Creating...")
	first.finishAtOnce()
	second.finishAtOnce()
	releaseScripts(t, first)
	output[0], status[0] = one.wait()
	output[1], status[1] = two.wait()
	return output, status
}

// releaseScripts lets every waiting script finish.
func releaseScripts(t *testing.T, w *workspace) {
	t.Helper()
	pipe, err := os.OpenFile(filepath.Join(w.dir, "go"), os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pipe.Close()) })
	_, err = pipe.WriteString(strings.Repeat("go\n", 100))
	require.NoError(t, err)
}

// sibling returns another workspace on the same ledger, with a changed configuration.
func sibling(t *testing.T, w *workspace, change ...string) *workspace {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
	require.NoError(t, err)
	// It declares the same environments and scripts, with the paths of the first workspace.
	shared := strings.ReplaceAll(string(text), "${abspath(path.module)}", w.dir)
	shared = strings.ReplaceAll(shared, "abspath(path.module)", `"`+w.dir+`"`)
	s := newWorkspace(t, strings.NewReplacer(change...).Replace(shared), w.env...)
	require.NoError(t, syscall.Mkfifo(filepath.Join(s.dir, "go"), 0o600))
	return s
}

func TestTwoAppliesAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("the same version", func(t *testing.T) {
		t.Parallel()
		acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
			first := slowShop(t, h, true)
			second := sibling(t, first)
			output, status := applyTogether(t, first, second)
			require.Equal(t, [2]int{}, status, "%s\n%s", output[0], output[1])
			first.requireEmptyPlan()
			second.requireEmptyPlan()
			requireDeliveredOnce(t, h)
		})
	})
	t.Run("different versions", func(t *testing.T) {
		t.Parallel()
		acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
			first := slowShop(t, h, true)
			second := sibling(t, first, `"1.0.0"`, `"1.1.0"`)
			output, status := applyTogether(t, first, second)
			require.Zero(t, status[1], "the version requested last is delivered:\n%s", output[1])
			if status[0] != 0 {
				require.Contains(t, unwrapped(output[0]), "asked for 1.1.0 meanwhile", output[0])
			}
			second.requireEmptyPlan()
			requireWholeLedger(t, h)
			deployed, err := h.Client(mallory).Deployed(t.Context(), "shop", "staging")
			require.NoError(t, err)
			require.Equal(t, "1.1.0", deployed.Version)
		})
	})
	t.Run("different pipelines", func(t *testing.T) {
		t.Parallel()
		h := acctest.New(t)
		first := slowShop(t, h, true)
		second := sibling(t, first, `name = "shop"`, `name = "bank"`)
		output, status := applyTogether(t, first, second)
		require.Equal(t, [2]int{}, status, "%s\n%s", output[0], output[1])
		first.requireEmptyPlan()
		second.requireEmptyPlan()
		requireWholeLedger(t, h)
	})
}

// TestAppliesAtTheSameMoment: several processes even create the ledger at once.
func TestAppliesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		first := slowShop(t, h, true)
		first.finishAtOnce()
		applies := []*background{}
		for _, w := range []*workspace{first, sibling(t, first), sibling(t, first)} {
			applies = append(applies, w.start("apply"))
		}
		for _, apply := range applies {
			output, status := apply.wait()
			require.Zero(t, status, output)
		}
		for _, apply := range applies {
			apply.requireEmptyPlan()
		}
		requireDeliveredOnce(t, h)
	})
}
