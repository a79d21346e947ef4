package provider_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// object reads a configuration that is written as JSON.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var config map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &config))
	return config
}

// A closed gate keeps the healing out as well. The plan is empty, for applying would do nothing, and says that something drifted.
func TestDriftBehindAClosedGateIsTold(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	o := order{version: "1.0.0", gates: approvalGate(nil), approval: map[string]any{}, promotion: map[string]any{"when_blocked": "pend"}}
	w.apply(s.declare(o)...)
	o.logLevel = "debug" // the approval is void, so the new configuration waits
	w.apply(s.declare(o)...)
	const drifted = `What runs in "production" drifted: It is not what was deployed there. This plan leaves it unchanged`
	require.NotContains(t, w.refreshAndPlan(s.declare(o)...)["promotion"].said(), drifted)
	s.write("srv/production/shop/current/shop-1.0.0.html", "hacked")
	plan := w.refreshAndPlan(s.declare(o)...)
	require.Empty(t, plan["promotion"].action)
	require.Contains(t, plan["promotion"].said(), drifted)
	require.Contains(t, plan["promotion"].said(), "Promotion of shop 1.0.0 to production waits")
}

// as is for what was read from JSON and can only be one thing; anything else is a mistake in the test.
func as[T any](value any) T {
	typed, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("%v is a %T", value, value))
	}
	return typed
}

// put writes a value where the steps lead, keys and indexes.
func put(into any, steps []any, value any) {
	for _, step := range steps[:len(steps)-1] {
		switch step := step.(type) {
		case string:
			into = as[map[string]any](into)[step]
		case int:
			into = as[[]any](into)[step]
		}
	}
	as[map[string]any](into)[as[string](steps[len(steps)-1])] = value
}
