package acctest_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// addresses says how to change the addresses of all resources of a configuration: another name, or an instance of for_each. The
// declared objects stay the same, and moved blocks map the addresses.
type addresses struct {
	suffix  string // of each name
	forEach bool
}

func (a addresses) of(typ, name string) string {
	address := typ + "." + name + a.suffix
	if a.forEach {
		address += `["only"]`
	}
	return address
}

// withAddresses writes the whole configuration with changed addresses.
func withAddresses(t *testing.T, text string, before, now addresses) string {
	t.Helper()
	var root map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &root))
	moved, written := []any{}, map[string]any{}
	for typ, resources := range asObject(root["resource"]) {
		again := map[string]any{}
		for name, config := range asObject(resources) {
			block := asObject(config)
			for i, other := range asList(block["depends_on"]) {
				name, ok := other.(string)
				require.True(t, ok)
				asList(block["depends_on"])[i] = name + now.suffix
			}
			if now.forEach {
				block["for_each"] = `${toset(["only"])}`
			}
			again[name+now.suffix] = block
			moved = append(moved, map[string]any{"from": before.of(typ, name), "to": now.of(typ, name)})
		}
		written[typ] = again
	}
	changed, err := json.Marshal(map[string]any{"resource": written, "moved": moved})
	require.NoError(t, err)
	return string(changed)
}

func asObject(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// TestMovedAndRemoved changes all addresses several times, removes everything from Terraform, and imports it again. Nothing is changed,
// created or removed by that.
func TestMovedAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	w.write("providers.tf", requiredProviders)
	digest := w.page("hello")
	as := func(before, now addresses) string {
		return withAddresses(t, wholeConfiguration(t, w.dir, digest), before, now)
	}
	plain, renamed, each := addresses{}, addresses{suffix: "_renamed"}, addresses{forEach: true}
	w.write("main.tf.json", wholeConfiguration(t, w.dir, digest))
	w.decide()
	w.run("apply")
	imports := w.imports()
	for _, step := range []struct{ before, now addresses }{{plain, renamed}, {renamed, each}, {each, plain}} {
		w.write("main.tf.json", as(step.before, step.now))
		output := w.run("plan")
		require.Contains(t, output, "Plan: 0 to add, 0 to change, 0 to destroy.")
		require.Contains(t, output, step.before.of("cd_release", "forum")+" has moved to "+step.now.of("cd_release", "forum"))
		require.Contains(t, w.run("apply"), "0 added, 0 changed, 0 destroyed.")
		w.requireEmptyPlan()
	}

	removed := []any{}
	for typ, resources := range asObject(asObject(jsonOf(t, as(plain, plain)))["resource"]) {
		for _, name := range slices.Sorted(maps.Keys(asObject(resources))) {
			removed = append(removed, map[string]any{"from": typ + "." + name, "lifecycle": map[string]any{"destroy": false}})
		}
	}
	text, err := json.Marshal(map[string]any{"removed": removed})
	require.NoError(t, err)
	w.write("main.tf.json", string(text))
	require.Contains(t, w.run("apply"), "0 added, 0 changed, 0 destroyed.")
	require.Empty(t, strings.TrimSpace(w.run("state", "list")))

	// Without an import everything would be created again. What the ledger does not have is added in place: two timeouts, the texts of two
	// reports, and two empty values that are written out.
	w.write("main.tf.json", wholeConfiguration(t, w.dir, digest))
	w.write("providers.tf", imports)
	require.Contains(t, w.run("plan"), "to import, 0 to add, 6 to change, 0 to destroy.")
	require.Contains(t, w.run("apply"), "0 added, 6 changed, 0 destroyed.")
	w.requireEmptyPlan()
}

func jsonOf(t *testing.T, text string) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value))
	return value
}
