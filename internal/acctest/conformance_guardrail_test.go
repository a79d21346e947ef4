package acctest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestPolicyConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	changes := map[string]change[delivery.PolicySpec]{
		"tiers":        {to: func(s *delivery.PolicySpec) { s.Tiers = nil }},
		"environments": {to: func(s *delivery.PolicySpec) { s.Environments = []string{"first"} }},
		"gates":        {to: func(s *delivery.PolicySpec) { s.Gates = delivery.Gates{Parity: &delivery.ParityGate{}} }},
	}
	gateChanges("gates.", changes, func(s *delivery.PolicySpec) *delivery.Gates { return &s.Gates })
	conformance[delivery.PolicySpec]{
		typ:     "cd_policy",
		configs: []string{`{"name": "strict", "tiers": ["staging", "production"], "environments": ["second", "first"], "gates": ` + gatesConfig + `}`},
		declared: func() delivery.PolicySpec {
			spec, err := api.Policy(t.Context(), "strict")
			require.NoError(t, err)
			return spec
		},
		put: func(spec delivery.PolicySpec) error {
			_, err := api.PutPolicy(t.Context(), spec)
			return err
		},
		excluded: map[string]string{"gates.none": noneIsAlone},
		remove:   func() error { return api.DeletePolicy(t.Context(), "strict") },
		changes:  changes,
		names:    []string{"name"},
	}.run(t, h)
}

func TestFreezeConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	to := func(f func(*delivery.FreezeSpec)) change[delivery.FreezeSpec] {
		return change[delivery.FreezeSpec]{to: f}
	}
	conformance[delivery.FreezeSpec]{
		typ: "cd_freeze",
		configs: []string{`{"name": "holidays", "reason": "few people are here", "starts_at": "2026-12-20T00:00:00Z", "ends_at": "2027-01-04T06:00:00+01:00",
			"environments": ["second", "first"], "tiers": ["staging", "production"], "pipelines": ["shop", "blog"]}`},
		declared: func() delivery.FreezeSpec {
			spec, err := api.Freeze(t.Context(), "holidays")
			require.NoError(t, err)
			return spec
		},
		put: func(spec delivery.FreezeSpec) error {
			_, err := api.PutFreeze(t.Context(), spec)
			return err
		},
		remove: func() error { return api.DeleteFreeze(t.Context(), "holidays") },
		changes: map[string]change[delivery.FreezeSpec]{
			"reason":       to(func(f *delivery.FreezeSpec) { f.Reason = "none" }),
			"starts_at":    to(func(f *delivery.FreezeSpec) { f.StartsAt = "2026-12-31T00:00:00Z" }),
			"ends_at":      to(func(f *delivery.FreezeSpec) { f.EndsAt = "2026-12-21T00:00:00Z" }),
			"environments": to(func(f *delivery.FreezeSpec) { f.Environments = nil }),
			"tiers":        to(func(f *delivery.FreezeSpec) { f.Tiers = f.Tiers[:1] }),
			"pipelines":    to(func(f *delivery.FreezeSpec) { f.Pipelines = []string{"other"} }),
		},
		names: []string{"name"},
	}.run(t, h)
}
