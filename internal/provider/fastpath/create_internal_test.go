package fastpath

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (f *fixture) apply(t *testing.T, prior *tfprotov6.DynamicValue) *tfprotov6.ApplyResourceChangeResponse {
	t.Helper()
	applied, err := f.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: environmentTypeName, PriorState: prior,
		PlannedState: f.state, Config: f.config, PlannedPrivate: []byte("kept")})
	require.NoError(t, err)
	return applied
}

func none(t *testing.T) *tfprotov6.DynamicValue {
	t.Helper()
	return dynamic(t, tftypes.NewValue(object, nil))
}

func TestPlainEnvironmentsAreCreatedWithoutTheFramework(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	created := f.apply(t, none(t))
	require.Same(t, f.state, created.NewState)
	require.NotNil(t, created.NewIdentity)
	require.Equal(t, []byte("kept"), created.Private)
	declared, protected := plain, false
	declared.DeletionProtection = &protected
	require.Equal(t, []delivery.EnvironmentSpec{declared}, f.session.put)
	require.Zero(t, f.next.asked)
}

// What is not created as it was planned is for the framework to tell, which learns what came of it.
func TestWhatComesOfACreationIsForTheFramework(t *testing.T) {
	t.Parallel()
	refusal := delivery.Errorf(delivery.CodeUnavailable, "the ledger does not answer")
	for name, change := range map[string]func(*fakeSession){
		"refused":          func(s *fakeSession) { s.refusal = refusal },
		"not as it should": func(s *fakeSession) { s.environment.Spec.Tier = delivery.TierOther },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			change(f.session)
			require.Nil(t, f.apply(t, none(t)))
			require.Equal(t, 1, f.next.asked)
			require.Len(t, f.session.put, 1)
			written, attempted, err := Attempted(f.next.applied, "qa")
			require.True(t, attempted)
			require.Equal(t, f.session.environment, written)
			require.Equal(t, f.session.refusal, err)
			_, attempted, err = Attempted(f.next.applied, "another")
			require.False(t, attempted)
			require.NoError(t, err)
		})
	}
}

func TestOtherChangesAreForTheFramework(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Nil(t, f.apply(t, f.state), "an update")
	f.state = none(t)
	require.Nil(t, f.apply(t, f.config), "a destruction")
	f = newFixture(t)
	f.state = encode(t, map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)})
	require.Nil(t, f.apply(t, none(t)), "a name that is not known")
	require.Empty(t, f.session.put)
	_, attempted, _ := Attempted(f.next.applied, "qa")
	require.False(t, attempted)
}
