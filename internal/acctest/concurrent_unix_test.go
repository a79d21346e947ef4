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

// requireWholeLedger walks the event log: no link of the chain is broken, everything that the ledger holds is what the log says, no
// place ever had two deployments in flight, and none is in flight now.
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
			follow(t, inFlight, event)
			previous = &event
		}
	}
	require.NotNil(t, previous, "the log is empty")
	require.Empty(t, inFlight, "deployments still in flight")
}

// follow keeps the books of what is in flight.
func follow(t *testing.T, inFlight map[string]string, event delivery.Event) {
	t.Helper()
	verb, ok := strings.CutPrefix(string(event.Kind), "deployment.")
	if !ok {
		return
	}
	var d delivery.Deployment
	require.NoError(t, json.Unmarshal(event.Data, &d))
	place := d.Pipeline + "/" + d.Environment
	switch verb {
	case "started":
		require.NotContains(t, inFlight, place, "event %d starts %s while another deployment is in flight there", event.Seq, d.ID)
		inFlight[place] = d.ID
	case "verified", "failed":
		require.Equal(t, d.ID, inFlight[place], "event %d settles what is not in flight", event.Seq)
		delete(inFlight, place)
	}
}

// together applies two workspaces at once: the second begins its release while the first is at work.
func together(t *testing.T, first, second *workspace) (said [2]string, status [2]int) {
	t.Helper()
	one := first.start("apply")
	first.child()
	two := second.start("apply")
	two.says("cd_release.shop: Creating...")
	first.hurry()
	second.hurry()
	letGo(t, first)
	said[0], status[0] = one.wait()
	said[1], status[1] = two.wait()
	return said, status
}

// letGo lets every script that still waits end.
func letGo(t *testing.T, w *workspace) {
	t.Helper()
	pipe, err := os.OpenFile(filepath.Join(w.dir, "go"), os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pipe.Close()) })
	_, err = pipe.WriteString(strings.Repeat("go\n", 100))
	require.NoError(t, err)
}

// sibling is another workspace on the same ledger, with the configuration changed.
func sibling(t *testing.T, w *workspace, change ...string) *workspace {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
	require.NoError(t, err)
	// All of it declares the same places and scripts, by the first one's paths.
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
			said, status := together(t, first, second)
			require.Equal(t, [2]int{}, status, "%s\n%s", said[0], said[1])
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
			said, status := together(t, first, second)
			require.Zero(t, status[1], "what was asked for last is delivered:\n%s", said[1])
			if status[0] != 0 {
				require.Contains(t, unwrapped(said[0]), "asked for 1.1.0 meanwhile", said[0])
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
		said, status := together(t, first, second)
		require.Equal(t, [2]int{}, status, "%s\n%s", said[0], said[1])
		first.requireEmptyPlan()
		second.requireEmptyPlan()
		requireWholeLedger(t, h)
	})
}

// TestAppliesAtTheSameMoment: even the ledger itself is made by several processes at once.
func TestAppliesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		first := slowShop(t, h, true)
		first.hurry()
		applies := []*background{}
		for _, w := range []*workspace{first, sibling(t, first), sibling(t, first)} {
			applies = append(applies, w.start("apply"))
		}
		for _, apply := range applies {
			said, status := apply.wait()
			require.Zero(t, status, said)
		}
		for _, apply := range applies {
			apply.requireEmptyPlan()
		}
		requireDeliveredOnce(t, h)
	})
}
