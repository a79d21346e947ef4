package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// A driver is shown its own receipt of the deployment that should run.
func TestADriverIsShownWhatItLeft(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.observes()
	require.Equal(t, "receipt of "+h.driver.calls[0].ID, h.driver.looked.Receipt)
}

// Only what a driver deployed can be observed. What Terraform deploys, nobody here can see.
func TestWhatTerraformDeploysIsNotObserved(t *testing.T) {
	h := newFixture(t)
	h.byTerraformIn()
	require.Nil(t, h.delivers("1.0", 1).Failure)
	_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
	require.NoError(t, err)
	_, err = h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	h.observes()
	var seen []delivery.Recording
	require.NoError(t, h.ledger.View(t.Context(), func(r store.Reader) (err error) { seen, err = r.Recordings(t.Context(), "shop"); return err }))
	subjects := []string{}
	for _, one := range seen {
		subjects = append(subjects, one.Subject())
	}
	require.Equal(t, []string{"environment/asia", "environment/dev"}, subjects)
}

// readOnly is a ledger that this process may read and not write.
type readOnly struct{ store.Store }

func (readOnly) Update(context.Context, func(store.Tx) error) error {
	return delivery.Errorf(delivery.CodeForbidden, "it can only be read")
}

// A process that may only read tells what it observed, although the ledger does not know. Once the ledger does, that is what it tells.
func TestAProcessThatMayOnlyReadObserves(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	reader := h.engine(func(o *engineOptions) { o.Store = readOnly{o.Store} })
	drifted := func(e *Engine) bool {
		deployed, err := e.Deployed(t.Context(), "shop", "dev")
		require.NoError(t, err)
		return deployed.Drifted
	}
	observes := func(e *Engine) {
		_, err := e.Refresh(t.Context(), ann, delivery.RefreshRequest{Pipelines: []string{"shop"}})
		require.NoError(t, err)
	}

	h.driver.change("dev", "shop", func(p *fakeTarget) { p.drift = "edited" })
	observes(reader)
	require.True(t, drifted(reader))
	require.False(t, drifted(h.Engine), "nobody told the ledger")

	h.driver.change("dev", "shop", func(p *fakeTarget) { p.drift = "" })
	observes(h.Engine)
	observes(reader)
	require.False(t, drifted(reader), "what it saw before is forgotten")
}
