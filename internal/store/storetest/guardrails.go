package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var freezes = map[string]func(*testing.T, ledger){
	"are read back, replaced, listed by name and deleted": func(t *testing.T, l ledger) {
		holidays, audit, upper := freeze("holidays"), freeze("audit"), freeze("Zoo")
		l.write(t, putFreezes(holidays, audit, upper))
		holidays.EndsAt, holidays.Tiers = "2027-01-10T00:00:00Z", nil
		l.write(t, putFreezes(holidays))
		require.Equal(t, holidays, read(t, l, freezeNamed("holidays")))
		require.Equal(t, []delivery.FreezeSpec{upper, audit, holidays}, read(t, l, allFreezes))
		l.write(t, deleteFreeze("holidays"))
		refuseRead(t, l, delivery.CodeNotFound, freezeNamed("holidays"))
		require.Equal(t, []delivery.FreezeSpec{upper, audit}, read(t, l, allFreezes))
		require.Equal(t, audit, read(t, l, freezeNamed("audit")))
		l.write(t, putFreezes(holidays)) // a name is free again
		require.Equal(t, holidays, read(t, l, freezeNamed("holidays")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, freezeNamed("holidays"))
		l.refuse(t, delivery.CodeNotFound, deleteFreeze("holidays"), "holidays")
		require.Equal(t, []delivery.FreezeSpec{}, read(t, l, allFreezes))
	},
}

var policies = map[string]func(*testing.T, ledger){
	"are read back, replaced, listed by name and deleted": func(t *testing.T, l ledger) {
		production, eu, upper := policy("production"), policy("eu"), policy("Zoo")
		l.write(t, putPolicies(production, eu, upper))
		production.Environments, production.Gates = []string{"eu"}, delivery.Gates{Cooldown: &delivery.CooldownGate{Duration: "1h"}}
		l.write(t, putPolicies(production))
		require.Equal(t, production, read(t, l, policyNamed("production")))
		require.Equal(t, []delivery.PolicySpec{upper, eu, production}, read(t, l, allPolicies))
		l.write(t, deletePolicy("production"))
		refuseRead(t, l, delivery.CodeNotFound, policyNamed("production"))
		require.Equal(t, []delivery.PolicySpec{upper, eu}, read(t, l, allPolicies))
		require.Equal(t, eu, read(t, l, policyNamed("eu")))
		l.write(t, putPolicies(production)) // a name is free again
		require.Equal(t, production, read(t, l, policyNamed("production")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, policyNamed("production"))
		l.refuse(t, delivery.CodeNotFound, deletePolicy("production"), "production")
		require.Equal(t, []delivery.PolicySpec{}, read(t, l, allPolicies))
	},
}

func freeze(name string) delivery.FreezeSpec {
	return delivery.FreezeSpec{
		Name: name, Reason: "nobody is there <to look>", StartsAt: "2026-12-20T00:00:00+01:00", EndsAt: "2027-01-03T00:00:00Z",
		Environments: []string{"eu", "us"}, Tiers: []delivery.Tier{delivery.TierProduction}, Pipelines: []string{"shop"},
	}
}

func policy(name string) delivery.PolicySpec {
	none := 0
	return delivery.PolicySpec{
		Name: name, Tiers: []delivery.Tier{delivery.TierProduction},
		Gates: delivery.Gates{
			Approvals: &delivery.ApprovalsGate{Required: 2, Approvers: []string{"alice@example.com", "bob@example.com"}},
			Tests:     map[string]delivery.TestsGate{"unit": {MinTests: &none}},
			Windows:   map[string]schedule.Window{"office": {Days: []string{"mon"}, Start: "09:00", End: "17:00", TimeZone: "Europe/Berlin"}},
		},
	}
}

func freezeNamed(name string) question[delivery.FreezeSpec] {
	return func(ctx context.Context, r store.Reader) (delivery.FreezeSpec, error) { return r.Freeze(ctx, name) }
}

func allFreezes(ctx context.Context, r store.Reader) ([]delivery.FreezeSpec, error) {
	return r.Freezes(ctx)
}

func putFreezes(all ...delivery.FreezeSpec) change {
	return each(all, func(ctx context.Context, tx store.Tx, f delivery.FreezeSpec) error { return tx.PutFreeze(ctx, f) })
}

func deleteFreeze(name string) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.DeleteFreeze(ctx, name) }
}

func policyNamed(name string) question[delivery.PolicySpec] {
	return func(ctx context.Context, r store.Reader) (delivery.PolicySpec, error) { return r.Policy(ctx, name) }
}

func allPolicies(ctx context.Context, r store.Reader) ([]delivery.PolicySpec, error) {
	return r.Policies(ctx)
}

func putPolicies(all ...delivery.PolicySpec) change {
	return each(all, func(ctx context.Context, tx store.Tx, p delivery.PolicySpec) error { return tx.PutPolicy(ctx, p) })
}

func deletePolicy(name string) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.DeletePolicy(ctx, name) }
}
