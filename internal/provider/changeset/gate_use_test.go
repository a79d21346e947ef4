package changeset

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func waiting(stage string, gates ...string) delivery.StageDecision {
	d := delivery.StageDecision{Stage: stage, Status: delivery.StageWaiting}
	for _, gate := range gates {
		d.Gates = append(d.Gates, delivery.GateResult{Name: gate, Verdict: delivery.VerdictPending})
	}
	return d
}

func passed(stage string, gates ...string) delivery.StageDecision {
	d := waiting(stage, gates...)
	d.Status = delivery.StageVerified
	return d
}

func is(name string) func(string) bool { return func(gate string) bool { return gate == name } }

func TestGateUses(t *testing.T) {
	o := New()
	o.AddGateUses("cd_promotion", "production", "shop", "1.0", []delivery.StageDecision{waiting("production", "approvals", "soak"), waiting("later", "approvals")})
	o.AddGateUses("cd_release", "", "shop", "1.0", []delivery.StageDecision{passed("development", "approvals"), waiting("staging", "tests.unit")})
	o.AddGateUses("cd_promotion", "production", "other", "1.0", []delivery.StageDecision{waiting("production", "approvals")})

	production := GateUse{"cd_promotion", "production", "shop", "1.0", "production", []string{"approvals", "soak"}}
	later := GateUse{"cd_promotion", "production", "shop", "1.0", "later", []string{"approvals"}}
	require.Equal(t, []GateUse{production, later}, o.GateUsesBefore("shop", "1.0", "", is("approvals")), "of any stage that is not passed yet")
	require.Equal(t, []GateUse{later}, o.GateUsesBefore("shop", "1.0", "later", is("approvals")))
	require.Equal(t, []GateUse{production}, o.GateUsesBefore("shop", "1.0", "", is("soak")))
	require.Len(t, o.GateUsesBefore("shop", "1.0", "staging", is("tests.unit")), 1)
	require.Empty(t, o.GateUsesBefore("shop", "1.1", "", is("approvals")), "evidence is about one release")

	// Terraform plans a resource again in the apply: what it evaluated then is what counts.
	o.AddGateUses("cd_promotion", "production", "shop", "1.0", []delivery.StageDecision{waiting("production", "soak")})
	require.Empty(t, o.GateUsesBefore("shop", "1.0", "", is("approvals")))
	require.Len(t, o.GateUsesBefore("shop", "1.0", "", is("soak")), 1)
	require.Len(t, o.GateUsesBefore("other", "1.0", "", is("approvals")), 1)
}

func TestARelativeNoMore(t *testing.T) {
	o := New()
	o.AddEnvironment(environmentLike("staging", "production"), false)
	require.False(t, o.IsUnrelated("production"))
	o.AddEnvironment(environmentLike("staging", ""), true)
	require.True(t, o.IsUnrelated("production"))
	require.Empty(t, o.related, "few of many environments have relatives, and each asks for them")
}

func TestAReleaseIsNoRivalOfItself(t *testing.T) {
	o := New()
	request := delivery.ReleaseRequest{Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0"}}
	for range 2 { // in the plan, and again in the apply
		rival, _ := o.AddRelease(request, true)
		require.Empty(t, rival)
	}
}
