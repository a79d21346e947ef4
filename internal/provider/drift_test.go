package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/stretchr/testify/require"
)

// declared is a kind of resource whose declaration is its configuration: attribute for attribute, key for key. Every
// configurable attribute of it is changed behind Terraform's back, and taken away, and each time the next plan has to show it.
type declared struct {
	typ string
	// configs together hold every configurable attribute.
	configs []map[string]any
	// put declares through the API; what the control plane refuses cannot happen behind anyone's back.
	put func(config []byte) error
	// fixed are attributes that name the object, so nothing can change them.
	fixed []string
}

func (d declared) exercise(w *wire) {
	w.t.Helper()
	shown := map[string]bool{}
	for _, config := range d.configs {
		state := w.apply(d.typ, w.null(d.typ), config)
		plan := func() bool {
			w.configure()
			now := w.read(d.typ, state)
			planned, diagnostics := w.plan(d.typ, now, config)
			require.NotContains(w.t, severities(diagnostics), tfprotov6.DiagnosticSeverityError, "%s", said(diagnostics)) // it may warn: changing it back may weaken it
			return !planned.Equal(now)
		}
		require.False(w.t, plan(), "a second plan is empty")
		walk(w.schema(d.typ).Block.Attributes, config, nil, func(pattern string, at []any) {
			if slices.Contains(d.fixed, pattern) {
				return
			}
			for _, attempts := range changes(w.t, config, at) {
				accepted := slices.IndexFunc(attempts, func(changed []byte) bool { return d.put(changed) == nil })
				if accepted < 0 {
					continue
				}
				require.True(w.t, plan(), "%s, changed behind Terraform's back, does not show in the next plan: %s", pattern, attempts[accepted])
				shown[pattern] = true
			}
		})
		require.NoError(w.t, d.put(text(w.t, config)))
	}
	for _, pattern := range configurable(w.schema(d.typ).Block.Attributes, "") {
		if !slices.Contains(d.fixed, pattern) {
			require.True(w.t, shown[pattern], "%s: no change of it was tried; add it to configs", pattern)
		}
	}
}

// walk visits each configurable attribute that the configuration holds: first objects and collections as a whole, then what
// is inside.
func walk(attributes []*tfprotov6.SchemaAttribute, config any, at []any, visit func(pattern string, at []any)) {
	object, ok := config.(map[string]any)
	if !ok {
		return
	}
	for _, a := range attributes {
		value, written := object[a.Name]
		if !written {
			continue
		}
		here := append(slices.Clone(at), a.Name)
		visit(patternOf(here), here)
		if a.NestedType == nil {
			continue
		}
		switch a.NestedType.Nesting {
		case tfprotov6.SchemaObjectNestingModeSingle:
			walk(a.NestedType.Attributes, value, here, visit)
		case tfprotov6.SchemaObjectNestingModeMap:
			for key, element := range as[map[string]any](value) {
				walk(a.NestedType.Attributes, element, append(slices.Clone(here), key, inside), visit)
			}
		case tfprotov6.SchemaObjectNestingModeList:
			for i, element := range as[[]any](value) {
				walk(a.NestedType.Attributes, element, append(slices.Clone(here), i, inside), visit)
			}
		}
	}
}

// inside marks, in a path, that the step before it is a key or an index and no attribute.
type insideMark struct{}

var inside = insideMark{}

func patternOf(at []any) string {
	names := []string{}
	for i, step := range at {
		name, isName := step.(string)
		if isName && (i+1 == len(at) || at[i+1] != inside) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ".")
}

// configurable lists the patterns of all attributes that a user can write, but for those that only hold others.
func configurable(attributes []*tfprotov6.SchemaAttribute, prefix string) []string {
	found := []string{}
	for _, a := range attributes {
		if !a.Required && !a.Optional {
			continue
		}
		if a.NestedType != nil {
			found = append(found, configurable(a.NestedType.Attributes, prefix+a.Name+".")...)
		} else {
			found = append(found, prefix+a.Name)
		}
	}
	return found
}

// changes gives the configuration with one value changed, and with it taken away. Of each list the first that the control plane
// accepts counts.
func changes(t *testing.T, config map[string]any, at []any) [][][]byte {
	t.Helper()
	steps := slices.DeleteFunc(slices.Clone(at), func(step any) bool { return step == inside })
	found := [][][]byte{}
	for _, values := range others(lookUp(config, steps)) {
		attempts := [][]byte{}
		for _, value := range values {
			changed := clone(t, config)
			put(changed, steps, value)
			attempts = append(attempts, text(t, changed))
		}
		found = append(found, attempts)
	}
	removed := clone(t, config)
	delete(as[map[string]any](lookUp(removed, steps[:len(steps)-1])), as[string](steps[len(steps)-1]))
	return append(found, [][]byte{text(t, removed)})
}

// others gives other values of the same kind, in lists of which one has to be accepted.
func others(value any) [][]any {
	switch v := value.(type) {
	case string:
		all := []any{v + "x", "7m", "manual", "automatic", "halt", "rollback", "testing", "other", "env:OTHER", "2027-09-09T00:00:00Z", "https://other.example.com"}
		return [][]any{slices.DeleteFunc(all, func(other any) bool { return other == v })}
	case float64:
		return [][]any{{v + 1}}
	case bool:
		return [][]any{{!v}}
	case []any:
		if name, ok := v[0].(string); ok {
			return [][]any{{append(slices.Clone(v), name+"x")}, {append([]any{name + "x"}, v[1:]...)}}
		}
		return [][]any{{v[:len(v)-1]}}
	case map[string]any:
		all := [][]any{}
		for key, element := range v {
			more, other := maps.Clone(v), maps.Clone(v)
			more["another"] = element
			all = append(all, []any{more})
			if value, ok := element.(string); ok {
				other[key] = value + "x"
				all = append(all, []any{other})
			}
		}
		return all
	}
	return nil
}

func lookUp(from any, steps []any) any {
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			from = as[map[string]any](from)[step]
		case int:
			from = as[[]any](from)[step]
		}
	}
	return from
}

func put(into any, steps []any, value any) {
	as[map[string]any](lookUp(into, steps[:len(steps)-1]))[as[string](steps[len(steps)-1])] = value
}

// as is for what was read from JSON and can only be one thing; anything else is a mistake in this file.
func as[T any](value any) T {
	typed, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("%v is a %T", value, value))
	}
	return typed
}

func clone(t *testing.T, config map[string]any) map[string]any {
	t.Helper()
	var copied map[string]any
	require.NoError(t, json.Unmarshal(text(t, config), &copied))
	return copied
}

func text(t *testing.T, config any) []byte {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	return text
}

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
	const drifted = `What runs in "production" drifted: It is not what was deployed there, and this plan leaves it as it is`
	require.NotContains(t, w.refreshAndPlan(s.declare(o)...)["promotion"].said(), drifted)
	s.write("srv/production/shop/current/shop-1.0.0.html", "hacked")
	plan := w.refreshAndPlan(s.declare(o)...)
	require.Empty(t, plan["promotion"].action)
	require.Contains(t, plan["promotion"].said(), drifted)
	require.Contains(t, plan["promotion"].said(), "Promotion of shop 1.0.0 to production waits")
}
