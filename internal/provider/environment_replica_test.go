package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	acme    = `{"name": "acme", "tier": "production", "config": {"CURRENCY": "JPY"}}`
	acmeEUR = `{"name": "acme", "tier": "production", "config": {"CURRENCY": "EUR"}}`
	repro   = `{"name": "acme-repro", "tier": "testing", "replica_of": "acme"}`
)

func (w *wire) currency(environment tftypes.Value) string {
	w.t.Helper()
	values := map[string]tftypes.Value{}
	require.NoError(w.t, w.attributes(environment)["effective_config"].As(&values))
	var currency string
	require.NoError(w.t, values["CURRENCY"].As(&currency))
	return currency
}

func TestReplicaIsPlannedOverWhatThePlanChanges(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(environmentType)
	_, diagnostics := w.plan(environmentType, none, object(t, acme))
	require.Empty(t, diagnostics)
	planned, diagnostics := w.plan(environmentType, none, object(t, repro))
	require.Empty(t, diagnostics)
	require.True(t, planned.IsFullyKnown())
	require.Equal(t, "JPY", w.currency(planned), "a first plan already says what the replica gets")

	w.configure()
	source := w.apply(environmentType, none, object(t, acme))
	replica := w.apply(environmentType, none, object(t, repro))
	require.True(t, planned.Equal(replica))

	w.configure()
	again, diagnostics := w.plan(environmentType, replica, object(t, repro))
	require.Empty(t, diagnostics)
	require.True(t, again.Equal(replica), "nothing changes, and the source is read from the ledger")

	w.configure()
	_, diagnostics = w.plan(environmentType, source, object(t, acmeEUR))
	require.Empty(t, diagnostics)
	followed, diagnostics := w.plan(environmentType, replica, object(t, repro))
	require.Empty(t, diagnostics)
	require.Equal(t, "EUR", w.currency(followed))
	require.False(t, w.attributes(followed)["revision"].Equal(w.attributes(replica)["revision"]))
}

func TestReplicaOfWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(environmentType)
	_, diagnostics := w.plan(environmentType, none, map[string]any{"name": "acme", "tier": "production", "config": map[string]any{"CURRENCY": unknown}})
	require.Empty(t, diagnostics)
	planned, diagnostics := w.plan(environmentType, none, object(t, repro))
	require.Empty(t, diagnostics)
	require.False(t, w.attributes(planned)["effective_config"].IsFullyKnown())
	require.False(t, w.attributes(planned)["revision"].IsKnown())

	planned, diagnostics = w.plan(environmentType, none, map[string]any{"name": "acme-repro", "tier": "testing", "replica_of": unknown})
	require.Empty(t, diagnostics)
	require.False(t, w.attributes(planned)["revision"].IsKnown())
}

func TestReplicaShowsWhatChangedOutside(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	w := newWire(t, h)
	none := w.null(environmentType)
	w.apply(environmentType, none, object(t, acme))
	replica := w.apply(environmentType, none, object(t, repro))
	mallory := h.Client("mallory@example.com")
	redeclare(t, mallory, "acme", func(s *delivery.EnvironmentSpec) { s.Config["CURRENCY"] = "EUR" })
	w.configure()
	drifted := w.read(environmentType, replica)
	require.False(t, drifted.Equal(replica), "the source changed, so the replica did")
	require.Equal(t, "EUR", w.currency(drifted))

	redeclare(t, mallory, "acme-repro", func(s *delivery.EnvironmentSpec) { s.ReplicaOf = "" })
	w.configure()
	drifted = w.read(environmentType, replica)
	require.True(t, w.attributes(drifted)["replica_of"].IsNull())
	planned, diagnostics := w.plan(environmentType, drifted, object(t, repro))
	require.Empty(t, diagnostics)
	require.Equal(t, "EUR", w.currency(planned), "it is made a replica again")
}

func TestReplicaBadInput(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(environmentType)
	w.apply(environmentType, none, object(t, acme))
	w.apply(environmentType, none, object(t, repro))
	for name, c := range map[string]struct{ config, at, says string }{
		"nowhere":     {`{"name": "a", "tier": "testing", "replica_of": "nowhere"}`, `AttributeName("replica_of")`, `environment "nowhere" does not exist; declare it first`},
		"itself":      {`{"name": "a", "tier": "testing", "replica_of": "a"}`, `AttributeName("replica_of")`, "replica of itself"},
		"a chain":     {`{"name": "a", "tier": "testing", "replica_of": "acme-repro"}`, `AttributeName("replica_of")`, `itself a replica, of "acme"; name "acme" instead`},
		"own value":   {`{"name": "a", "tier": "testing", "replica_of": "acme", "config": {"CURRENCY": "EUR"}}`, `AttributeName("config").ElementKeyString("CURRENCY")`, `or declare parity = { with = "acme" } with the key in its allow`},
		"own fact":    {`{"name": "a", "tier": "testing", "replica_of": "acme", "platform": {"os": "x"}}`, `AttributeName("platform").ElementKeyString("os")`, `platform.os is "x" here and absent there`},
		"not allowed": {`{"name": "a", "tier": "testing", "replica_of": "acme", "config": {"CURRENCY": "EUR"}, "parity": {"with": "acme"}}`, `AttributeName("config").ElementKeyString("CURRENCY")`, "not declared in parity.allow"},
	} {
		_, diagnostics := w.plan(environmentType, none, object(t, c.config))
		lines := said(diagnostics)
		require.Len(t, lines, 1, name)
		require.Contains(t, lines[0], c.at+": ", name)
		require.Contains(t, lines[0], c.says, name)
	}
	_, diagnostics := w.plan(environmentType, none, object(t, `{"name": "a", "tier": "testing", "replica_of": "acme", "config": {"CURRENCY": "EUR"},
		"parity": {"with": "acme", "allow": {"CURRENCY": {"reason": "a trial"}}}}`))
	require.Empty(t, diagnostics)
}

func TestSourceHasToBePlannedBeforeItsReplica(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(environmentType)
	source := w.apply(environmentType, none, object(t, acme))
	replica := w.apply(environmentType, none, object(t, repro))
	w.configure()
	w.plan(environmentType, replica, object(t, repro))
	_, diagnostics := w.plan(environmentType, source, object(t, acme))
	require.Empty(t, diagnostics, "nothing changes, so the order is all the same")
	_, diagnostics = w.plan(environmentType, source, object(t, acmeEUR))
	require.Len(t, diagnostics, 1)
	require.Contains(t, diagnostics[0].Detail, "replica_of = cd_environment.acme.name")
}

const reproduced = `
resource "cd_environment" "acme" {
  name                = "acme"
  tier                = "production"
  deletion_protection = false
  config              = { CURRENCY = "%s", LOG_LEVEL = "info" }
  platform            = { postgres = "15.4" }
}

resource "cd_environment" "acme_repro" {
  name       = "acme-repro"
  tier       = "testing"
  replica_of = cd_environment.acme.name
  config     = { LOG_LEVEL = "debug" }
  parity     = { with = cd_environment.acme.name, allow = { LOG_LEVEL = { reason = "debugging" } } }
}

output "currency" { value = cd_environment.acme_repro.effective_config["CURRENCY"] }
`

// TestAccReplica shows what only Terraform itself can: that the replica follows its source in one apply, and what a change elsewhere
// looks like.
func TestAccReplica(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	const address = "cd_environment.acme_repro"
	with := func(currency string, checks ...plancheck.PlanCheck) resource.TestStep {
		return resource.TestStep{Config: fmt.Sprintf(reproduced, currency), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: checks}}
	}
	gets := func(currency string) plancheck.PlanCheck {
		return plancheck.ExpectKnownValue(address, tfjsonpath.New("effective_config").AtMapKey("CURRENCY"), knownvalue.StringExact(currency))
	}
	imported := with("EUR")
	imported.ResourceName, imported.ImportState, imported.ImportStateVerify, imported.ImportStateId = address, true, true, "acme-repro"
	runTerraform(t, h,
		with("JPY", inPlan(address, plancheck.ResourceActionCreate), gets("JPY")),
		with("JPY", plancheck.ExpectEmptyPlan()),
		with("EUR", inPlan(address, plancheck.ResourceActionUpdate), gets("EUR")),
		with("EUR", plancheck.ExpectEmptyPlan()),
		imported,
		behind(with("EUR", plancheck.ExpectKnownOutputValue("currency", knownvalue.StringExact("EUR")), inPlan(address, plancheck.ResourceActionUpdate)), func() {
			redeclare(t, h.Client("mallory@example.com"), "acme", func(s *delivery.EnvironmentSpec) { s.Config["CURRENCY"] = "USD" })
		}),
		with("EUR", plancheck.ExpectEmptyPlan()),
		refused(resource.TestStep{Config: `
resource "cd_environment" "acme_repro" {
  name       = "acme-repro"
  tier       = "testing"
  replica_of = "acme"
}`}, `acme-repro is a replica of it; delete it first`),
	)
}

// TestAccReplicaOfAnotherWorkspacesEnvironment shows the change of a source that this configuration does not declare.
func TestAccReplicaOfAnotherWorkspacesEnvironment(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	mallory := h.Client("mallory@example.com")
	_, err := mallory.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "acme", Tier: delivery.TierOther, Config: map[string]string{"CURRENCY": "JPY"}})
	require.NoError(t, err)
	with := func(currency string) resource.TestStep {
		return resource.TestStep{
			Config: `
resource "cd_environment" "repro" {
  name       = "acme-repro"
  tier       = "testing"
  replica_of = "acme"
}

output "currency" { value = cd_environment.repro.effective_config["CURRENCY"] }
`,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:            []plancheck.PlanCheck{plancheck.ExpectKnownOutputValue("currency", knownvalue.StringExact(currency)), plancheck.ExpectNonEmptyPlan()},
				PostApplyPreRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		}
	}
	runTerraform(t, h, with("JPY"), behind(with("EUR"), func() {
		redeclare(t, mallory, "acme", func(s *delivery.EnvironmentSpec) { s.Config["CURRENCY"] = "EUR" })
	}))
}
