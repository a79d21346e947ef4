package provider_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

const environmentType = "cd_environment"

func TestEnvironmentPlanComputesEverything(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	config := object(t, `{"name": "production", "tier": "production", "config": {"A": "1"}}`)
	planned, diagnostics := w.plan(environmentType, w.null(environmentType), config)
	require.Empty(t, diagnostics)
	require.True(t, planned.IsFullyKnown())
	created := w.apply(environmentType, w.null(environmentType), config)
	require.True(t, planned.Equal(created))
	require.True(t, w.attributes(created)["deletion_protection"].Equal(tftypes.NewValue(tftypes.Bool, true)))

	config["tier"] = "staging"
	updated := w.apply(environmentType, created, config)
	require.True(t, w.attributes(updated)["deletion_protection"].Equal(tftypes.NewValue(tftypes.Bool, false)), "the default follows the tier")
	require.True(t, w.attributes(updated)["revision"].Equal(w.attributes(created)["revision"]), "the tier takes no part in the revision")
}

func TestEnvironmentPlanOfWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	prior := w.apply(environmentType, w.null(environmentType), object(t, `{"name": "staging", "tier": "staging"}`))
	config := map[string]any{"name": "staging", "tier": "production", "config": map[string]any{"A": unknown}}
	planned, diagnostics := w.plan(environmentType, prior, config)
	require.Empty(t, diagnostics)
	got := w.attributes(planned)
	require.False(t, got["effective_config"].IsFullyKnown())
	require.False(t, got["revision"].IsKnown())
	require.True(t, got["id"].Equal(tftypes.NewValue(tftypes.String, "staging")))
	require.True(t, got["deletion_protection"].Equal(tftypes.NewValue(tftypes.Bool, true)))

	config["tier"], config["name"] = unknown, unknown
	planned, diagnostics = w.plan(environmentType, prior, config)
	require.Empty(t, diagnostics)
	require.False(t, w.attributes(planned)["deletion_protection"].IsKnown())
	require.False(t, w.attributes(planned)["id"].IsKnown())
	require.Empty(t, w.validate(environmentType, config))
}

func TestEnvironmentBadInput(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	cases := map[string]struct{ config, at, says string }{
		"name":                        {`{"name": "no spaces", "tier": "other"}`, `AttributeName("name")`, "is not a name"},
		"tier":                        {`{"name": "a", "tier": "prod"}`, `AttributeName("tier")`, "use one of development"},
		"variable":                    {`{"name": "a", "tier": "other", "config": {"1A": "x"}}`, `AttributeName("config").ElementKeyString("1A")`, "cannot be an environment variable"},
		"null value":                  {`{"name": "a", "tier": "other", "config": {"A": null}}`, `AttributeName("config").ElementKeyString("A")`, "Remove the element"},
		"secret":                      {`{"name": "a", "tier": "other", "secrets": {"A": "hunter2"}}`, `AttributeName("secrets").ElementKeyString("A")`, "never the value itself"},
		"platform":                    {`{"name": "a", "tier": "other", "platform": {"": "x"}}`, `AttributeName("platform").ElementKeyString("")`, "needs a name"},
		"parity with self":            {`{"name": "a", "tier": "other", "parity": {"with": "a"}}`, `AttributeName("parity").AttributeName("with")`, "compared with itself"},
		"reason":                      {`{"name": "a", "tier": "other", "parity": {"with": "b", "allow": {"A": {"reason": " "}}}}`, `AttributeName("parity").AttributeName("allow").ElementKeyString("A").AttributeName("reason")`, "needs a reason"},
		"null allowance":              {`{"name": "a", "tier": "other", "parity": {"with": "b", "allow": {"A": null}}}`, `AttributeName("parity").AttributeName("allow").ElementKeyString("A")`, "Remove the element"},
		"until":                       {`{"name": "a", "tier": "other", "parity": {"with": "b", "allow": {"A": {"reason": "x", "until": "soon"}}}}`, `AttributeName("until")`, "RFC 3339"},
		"no target kind":              {`{"name": "a", "tier": "other", "target": {}}`, `AttributeName("target")`, "exactly one kind"},
		"two target kinds":            {`{"name": "a", "tier": "other", "target": {"directory": {"path": "/srv"}, "command": {"deploy": {"argv": ["a"]}, "observe": {"argv": ["b"]}}}}`, `AttributeName("target")`, "exactly one kind"},
		"path":                        {`{"name": "a", "tier": "other", "target": {"directory": {"path": "/"}}}`, `AttributeName("target").AttributeName("directory").AttributeName("path")`, "root directory"},
		"keep":                        {`{"name": "a", "tier": "other", "target": {"directory": {"path": "/srv", "keep": 0}}}`, `AttributeName("keep")`, "at least 1"},
		"no argv":                     {`{"name": "a", "tier": "other", "target": {"directory": {"path": "/srv", "after_deploy": {"argv": []}}}}`, `AttributeName("after_deploy").AttributeName("argv")`, "program's name"},
		"null argument":               {`{"name": "a", "tier": "other", "target": {"directory": {"path": "/srv", "after_deploy": {"argv": ["a", null]}}}}`, `AttributeName("argv").ElementKeyInt(1)`, "Remove the element"},
		"timeout":                     {`{"name": "a", "tier": "other", "target": {"command": {"deploy": {"argv": ["a"], "timeout": "soon"}, "observe": {"argv": ["b"]}}}}`, `AttributeName("deploy").AttributeName("timeout")`, "not a duration"},
		"webhook: plain http":         {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "http://a.example/d", "secret": "env:K"}}}`, `AttributeName("target").AttributeName("webhook").AttributeName("url")`, "http is allowed to this machine only"},
		"webhook: no address":         {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "a.example", "secret": "env:K"}}}`, `AttributeName("url")`, "not an https address"},
		"webhook: password":           {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://me:pw@a.example/d", "secret": "env:K"}}}`, `AttributeName("url")`, "would be stored"},
		"webhook: no id":              {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "status_url": "https://a.example/d"}}}`, `AttributeName("status_url")`, "has to hold {id}"},
		"webhook: other host":         {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "status_url": "https://b.example/{id}"}}}`, `AttributeName("status_url")`, "credentials go to no other host"},
		"webhook: observed elsewhere": {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "observe_url": "https://a.example:444/"}}}`, `AttributeName("observe_url")`, "credentials go to no other host"},
		"webhook: secret in clear":    {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "hunter2"}}}`, `AttributeName("webhook").AttributeName("secret")`, "never the value itself"},
		"webhook: token in clear":     {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "token": "hunter2"}}}`, `AttributeName("token")`, "never the value itself"},
		"webhook: header":             {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "headers": {"A B": "x"}}}}`, `AttributeName("headers").ElementKeyString("A B")`, "not a header's name"},
		"webhook: secret header":      {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "headers": {"authorization": "x"}}}}`, `AttributeName("headers").ElementKeyString("authorization")`, "set token"},
		"webhook: own header":         {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "headers": {"CD-Signature": "x"}}}}`, `ElementKeyString("CD-Signature")`, "set by the provider itself"},
		"webhook: line break":         {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "headers": {"X": "a\nb"}}}}`, `ElementKeyString("X")`, "line breaks"},
		"webhook: timeout":            {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "timeout": "soon"}}}`, `AttributeName("webhook").AttributeName("timeout")`, "not a duration"},
		"webhook: long timeout":       {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "timeout": "25h"}}}`, `AttributeName("timeout")`, "the most is 24h"},
		"webhook: interval":           {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "poll_interval": "1ms"}}}`, `AttributeName("poll_interval")`, "the least is 100ms"},
		"webhook: rare looks":         {`{"name": "a", "tier": "other", "target": {"webhook": {"url": "https://a.example/d", "secret": "env:K", "timeout": "1m", "poll_interval": "1m"}}}`, `AttributeName("poll_interval")`, "never be looked at"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			lines := said(w.validate(environmentType, object(t, c.config)))
			require.NotEmpty(t, lines)
			at, text, _ := strings.Cut(lines[0], ": ")
			require.True(t, strings.HasSuffix(at, c.at), lines[0])
			require.Contains(t, text, c.says)
		})
	}
}

func severities(diagnostics []*tfprotov6.Diagnostic) []tfprotov6.DiagnosticSeverity {
	found := []tfprotov6.DiagnosticSeverity{}
	for _, d := range diagnostics {
		found = append(found, d.Severity)
	}
	return found
}

var oneError, oneWarning = []tfprotov6.DiagnosticSeverity{tfprotov6.DiagnosticSeverityError}, []tfprotov6.DiagnosticSeverity{tfprotov6.DiagnosticSeverityWarning}

const (
	production   = `{"name": "production", "tier": "production", "config": {"CURRENCY": "JPY"}}`
	stagingLike  = `{"name": "staging", "tier": "staging", "config": {"CURRENCY": "JPY"}, "parity": {"with": "production"}}`
	stagingOther = `{"name": "staging", "tier": "staging", "config": {"CURRENCY": "EUR"}, "parity": {"with": "production"}}`
)

func TestParityIsPlannedOverWhatThePlanChanges(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(environmentType)

	_, diagnostics := w.plan(environmentType, none, object(t, production))
	require.Empty(t, diagnostics)
	_, diagnostics = w.plan(environmentType, none, object(t, stagingLike))
	require.Empty(t, diagnostics, "nothing is created yet, and both are equal")

	_, diagnostics = w.plan(environmentType, none, object(t, stagingOther))
	require.Equal(t, oneError, severities(diagnostics))
	require.Equal(t, `AttributeName("config").ElementKeyString("CURRENCY")`, diagnostics[0].Attribute.String())
	require.Contains(t, diagnostics[0].Detail, `parity with environment "production" is broken: CURRENCY is "EUR" here and "JPY" there`)
}

func TestParityIsAskedAgainForWhoWasPlannedEarlier(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	reference := w.apply(environmentType, w.null(environmentType), object(t, production))
	claimant := w.apply(environmentType, w.null(environmentType), object(t, stagingLike))

	w.configure()
	_, diagnostics := w.plan(environmentType, claimant, object(t, stagingLike))
	require.Empty(t, diagnostics)
	_, diagnostics = w.plan(environmentType, reference, object(t, strings.Replace(production, "JPY", "EUR", 1)))
	require.Equal(t, oneError, severities(diagnostics))
	require.Equal(t, `Unable to plan environment "production": environment "staging" must equal it`, diagnostics[0].Summary)
	require.Contains(t, diagnostics[0].Detail, `CURRENCY is "JPY" here and "EUR" there`)
}

func TestBrokenParityThatNothingChangesOnlyWarns(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	w := newWire(t, h)
	reference := w.apply(environmentType, w.null(environmentType), object(t, production))
	claimant := w.apply(environmentType, w.null(environmentType), object(t, stagingLike))
	changed := strings.Replace(production, "JPY", "EUR", 1)
	w.configure()
	reference = w.apply(environmentType, reference, object(t, changed))

	w.configure()
	_, diagnostics := w.plan(environmentType, reference, object(t, changed))
	require.Empty(t, diagnostics)
	_, diagnostics = w.plan(environmentType, claimant, object(t, stagingLike))
	require.Equal(t, oneWarning, severities(diagnostics), "an error would stop terraform destroy")
	require.Contains(t, diagnostics[0].Detail, `CURRENCY is "JPY" here and "EUR" there`)

	w.configure()
	planned, diagnostics := w.plan(environmentType, claimant, object(t, stagingLike))
	require.Equal(t, oneWarning, severities(diagnostics))
	require.True(t, planned.Equal(claimant))
	_, diagnostics = w.plan(environmentType, reference, object(t, changed))
	require.Empty(t, diagnostics, "said once, by the one that claims it")
}

func TestParityIsNotJudgedWhileTheReferenceIsNotKnown(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(environmentType)
	_, diagnostics := w.plan(environmentType, none, map[string]any{"name": "production", "tier": "production", "config": map[string]any{"CURRENCY": unknown}})
	require.Empty(t, diagnostics)
	_, diagnostics = w.plan(environmentType, none, object(t, stagingOther))
	require.Empty(t, diagnostics)
}

func TestParityWithoutItsReference(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	_, diagnostics := w.plan(environmentType, w.null(environmentType), object(t, stagingLike))
	require.Equal(t, oneError, severities(diagnostics))
	require.Equal(t, `AttributeName("parity").AttributeName("with")`, diagnostics[0].Attribute.String())
}

// While Terraform only validates, or a value in the provider block is not known yet, there is no way to the ledger: plans say
// less, and what cannot do without it says so.
func TestWithoutAControlPlane(t *testing.T) {
	t.Parallel()
	w := &wire{t: t, server: providerserver.NewProtocol6(provider.New("test", provider.Host{})())()}
	var err error
	w.schemas, err = w.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(t, err)
	w.configure()

	planned, diagnostics := w.plan(environmentType, w.null(environmentType), object(t, stagingOther))
	require.Empty(t, diagnostics)
	require.True(t, planned.IsFullyKnown())
	require.True(t, w.read(environmentType, planned).Equal(planned))
	pipeline, diagnostics := w.plan(pipelineType, w.null(pipelineType), object(t, shopPipeline))
	require.Empty(t, diagnostics)
	require.True(t, w.read(pipelineType, pipeline).Equal(pipeline))

	s := w.schema(environmentType)
	applied, err := w.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: environmentType,
		PriorState: w.dynamic(s, w.null(environmentType)), PlannedState: w.dynamic(s, planned), Config: w.dynamic(s, w.value(s, object(t, stagingOther)))})
	require.NoError(t, err)
	require.Equal(t, oneError, severities(applied.Diagnostics))
	require.Contains(t, applied.Diagnostics[0].Detail, "the provider is not configured")

	source := w.schemas.DataSourceSchemas[environmentType]
	found, err := w.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: environmentType,
		Config: w.dynamic(source, w.value(source, map[string]any{"name": "staging"}))})
	require.NoError(t, err)
	require.Equal(t, oneError, severities(found.Diagnostics))
}

// An edit that lets more differ says so, also when it takes the comparison away altogether.
func TestParityEditSaysWhatItWeakens(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	live := object(t, production)
	maps.Copy(as[map[string]any](live["config"]), map[string]any{"A": "1", "B": "2"})
	w.apply(environmentType, w.null(environmentType), live)
	staging := func(parity string) map[string]any {
		return object(t, `{"name": "staging", "tier": "staging", "config": {"CURRENCY": "JPY", "A": "1", "B": "2"}`+parity+`}`)
	}
	state := w.apply(environmentType, w.null(environmentType), staging(`, "parity": {"with": "production", "allow": {"A": {"reason": "a", "max": 3, "until": "2028-01-01T00:00:00Z"}}}`))
	for name, c := range map[string]struct{ parity, says string }{
		"no parity":  {``, `parity with production removed`},
		"more keys":  {`, "parity": {"with": "production", "allow": {"A": {"reason": "a", "max": 3, "until": "2028-01-01T00:00:00Z"}, "B": {"reason": "debugging"}}}`, `B may now differ: debugging`},
		"wider":      {`, "parity": {"with": "production", "allow": {"A": {"reason": "a", "max": 4, "until": "2028-01-01T00:00:00Z"}}}`, `A may differ more`},
		"for longer": {`, "parity": {"with": "production", "allow": {"A": {"reason": "a", "max": 3}}}`, `A may differ for longer`},
		"fewer keys": {`, "parity": {"with": "production"}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			w.configure()
			_, diagnostics := w.plan(environmentType, state, staging(c.parity))
			if c.says == "" {
				require.Empty(t, diagnostics)
				return
			}
			require.Equal(t, oneWarning, severities(diagnostics))
			require.Equal(t, `This edit weakens the parity of environment "staging"`, diagnostics[0].Summary)
			require.Contains(t, diagnostics[0].Detail, `environment "staging": `+c.says)
		})
	}
}

// Nothing is destroyed as long as the new name may be the old one.
func TestAProtectedEnvironmentMayGetANameThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	config := map[string]any{"name": "production", "tier": "production"}
	state := w.apply("cd_environment", w.null("cd_environment"), config)
	w.configure()
	_, diagnostics := w.plan("cd_environment", state, map[string]any{"name": unknown, "tier": "production"})
	require.Empty(t, diagnostics)
	_, diagnostics = w.plan("cd_environment", state, map[string]any{"name": "live", "tier": "production"})
	require.Contains(t, strings.Join(said(diagnostics), "\n"), "deletion protection is on")
}

// TestNumbersKeepTheirDigits writes more digits than a float64 has. They are no difference in the next plan.
func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	w.apply("cd_environment", w.null("cd_environment"), map[string]any{"name": "production", "tier": "testing", "config": map[string]any{"REPLICAS": "1"}})
	config := map[string]any{"name": "qa", "tier": "testing", "config": map[string]any{"REPLICAS": "1"}, "parity": map[string]any{"with": "production",
		"allow": map[string]any{"REPLICAS": map[string]any{"reason": "smaller", "min": json.Number("0.1000000000000000055511151231257827021181583404541015625001")}}}}
	state := w.apply("cd_environment", w.null("cd_environment"), config)
	w.configure()
	read := w.read("cd_environment", state)
	require.True(t, read.Equal(state), "%s, not %s", read, state)
	planned, diagnostics := w.plan("cd_environment", read, config)
	require.Empty(t, diagnostics)
	require.True(t, planned.Equal(read), "%s, not %s", planned, read)
}
