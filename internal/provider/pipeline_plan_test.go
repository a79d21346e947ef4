package provider_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const pipelineType = "cd_pipeline"

// strictly reads a declaration and refuses keys that it does not have.
func strictly[S any](config []byte, into *S) error {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func TestPipelineBadInput(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	stage := func(rest string) string {
		return `{"name": "shop", "stages": [
			{"name": "one", "environments": ["a"], "promotion": "automatic"},
			{"name": "two", "environments": ["b"], "promotion": "manual", ` + rest + `}]}`
	}
	const first, second = `AttributeName("stages").ElementKeyInt(0)`, `AttributeName("stages").ElementKeyInt(1)`
	cases := map[string]struct{ config, at, says string }{
		"name":              {`{"name": "a/b", "stages": [{"name": "one", "environments": ["a"], "promotion": "manual"}]}`, `AttributeName("name")`, "is not a name"},
		"no stage":          {`{"name": "shop", "stages": []}`, `AttributeName("stages")`, "at least one stage"},
		"no environment":    {`{"name": "shop", "stages": [{"name": "one", "environments": [], "promotion": "manual"}]}`, first + `.AttributeName("environments")`, "at least one environment"},
		"promotion":         {`{"name": "shop", "stages": [{"name": "one", "environments": ["a"], "promotion": "auto"}]}`, first + `.AttributeName("promotion")`, "automatic"},
		"same stage twice":  {`{"name": "shop", "stages": [{"name": "one", "environments": ["a"], "promotion": "manual"}, {"name": "one", "environments": ["b"], "promotion": "manual"}]}`, second + `.AttributeName("name")`, "already at stages[0]"},
		"environment twice": {`{"name": "shop", "stages": [{"name": "one", "environments": ["a"], "promotion": "manual"}, {"name": "two", "environments": ["a"], "promotion": "manual"}]}`, second + `.AttributeName("environments").ElementKeyInt(0)`, "already in stage"},
		"null environment":  {`{"name": "shop", "stages": [{"name": "one", "environments": [null], "promotion": "manual"}]}`, first + `.AttributeName("environments").ElementKeyInt(0)`, "Remove the element"},
		"variable":          {stage(`"config": {"1A": "x"}`), second + `.AttributeName("config").ElementKeyString("1A")`, "environment variable"},
		"soak ahead":        {stage(`"gates": {"soak": {"stage": "two", "duration": "1h"}}`), second + `.AttributeName("gates").AttributeName("soak").AttributeName("stage")`, "not an earlier stage"},
		"soak duration":     {stage(`"gates": {"soak": {"stage": "one", "duration": "long"}}`), `AttributeName("duration")`, "not a duration"},
		"approvals":         {stage(`"gates": {"approvals": {"required": 0, "approvers": ["*"]}}`), `AttributeName("approvals").AttributeName("required")`, "use 1 to 100"},
		"too few people":    {stage(`"gates": {"approvals": {"required": 2, "approvers": ["*"], "approvers": ["alice"]}}`), `AttributeName("approvals").AttributeName("required")`, "only 1 people may approve"},
		"nobody":            {stage(`"gates": {"approvals": {"required": 1, "approvers": ["*"], "approvers": ["", "alice"]}}`), `AttributeName("approvals").AttributeName("approvers")`, "names nobody"},
		"expiry":            {stage(`"gates": {"approvals": {"required": 1, "approvers": ["*"], "expires_after": "0s"}}`), `AttributeName("expires_after")`, "too short"},
		"check kind":        {stage(`"gates": {"checks": {"rate": {}}}`), `AttributeName("checks").ElementKeyString("rate")`, "exactly one kind"},
		"check name":        {stage(`"verify": {"no spaces": {"http": {"url": "https://a.example"}}}`), `AttributeName("verify").ElementKeyString("no spaces")`, "is not a name"},
		"url":               {stage(`"verify": {"a": {"http": {"url": "ftp://a.example"}}}`), `AttributeName("http").AttributeName("url")`, "not an http or https address"},
		"status":            {stage(`"verify": {"a": {"http": {"url": "https://a.example", "expect_status": 999}}}`), `AttributeName("expect_status")`, "not an HTTP status"},
		"attempts":          {stage(`"verify": {"a": {"command": {"argv": ["a"], "attempts": 0}}}`), `AttributeName("attempts")`, "at least 1"},
		"argv":              {stage(`"verify": {"a": {"command": {"argv": []}}}`), `AttributeName("command").AttributeName("argv")`, "program's name"},
		"signer":            {stage(`"gates": {"approvals": {"required": 1, "approvers": ["*"], "signed_by": ["alice@example.com nonsense"]}}`), `AttributeName("approvals").AttributeName("signed_by").ElementKeyInt(0)`, "nonsense"},
		"suite":             {stage(`"gates": {"tests": {"no spaces": {}}}`), `AttributeName("tests").ElementKeyString("no spaces")`, "is not a name"},
		"tests":             {stage(`"gates": {"tests": {"unit": {"min_tests": -1}}}`), `AttributeName("tests").ElementKeyString("unit").AttributeName("min_tests")`, "not a number of tests"},
		"failures":          {stage(`"gates": {"tests": {"unit": {"max_failures": -1}}}`), `AttributeName("max_failures")`, "not a number of failures"},
		"age":               {stage(`"gates": {"tests": {"unit": {"max_age": "old"}}}`), `AttributeName("max_age")`, "not a duration"},
		"day":               {stage(`"gates": {"windows": {"office": {"days": ["mon", "monday"]}}}`), `AttributeName("windows").ElementKeyString("office").AttributeName("days")`, `"monday" is not a day`},
		"start":             {stage(`"gates": {"windows": {"office": {"start": "9"}}}`), `AttributeName("start")`, "not a time of day"},
		"end":               {stage(`"gates": {"windows": {"office": {"start": "09:00", "end": "09:00"}}}`), `AttributeName("end")`, "when it starts"},
		"time zone":         {stage(`"gates": {"windows": {"office": {"time_zone": "Berlin"}}}`), `AttributeName("time_zone")`, "not a known time zone"},
		"cooldown":          {stage(`"gates": {"cooldown": {"duration": "1ms"}}`), `AttributeName("cooldown").AttributeName("duration")`, "too short"},
		"deliveries":        {stage(`"gates": {"max_deploys": {"count": 0, "per": "1h"}}`), `AttributeName("max_deploys").AttributeName("count")`, "use 1 to 999"},
		"deliveries per":    {stage(`"gates": {"max_deploys": {"count": 1, "per": "day"}}`), `AttributeName("max_deploys").AttributeName("per")`, "not a duration"},
		"condition":         {stage(`"gates": {"expressions": {"ticket": {"condition": "release.lables['ticket'] != ''", "message": "a ticket"}}}`), `AttributeName("expressions").ElementKeyString("ticket").AttributeName("condition")`, "line 1, column 8"},
		"message":           {stage(`"gates": {"expressions": {"ticket": {"condition": "true", "message": ""}}}`), `AttributeName("expressions").ElementKeyString("ticket").AttributeName("message")`, "say why"},
		"overridable":       {stage(`"overridable": ["soak", "sok"]`), second + `.AttributeName("overridable")`, `"sok" is not a gate`},
		"report":            {stage(`"verify": {"a": {"command": {"argv": ["a"], "junit": "../report.xml"}}}`), `AttributeName("command").AttributeName("junit")`, "leaves the command's directory"},
		"rollout":           {stage(`"rollout": {"max_parallel": 0}`), `AttributeName("rollout").AttributeName("max_parallel")`, "at least 1"},
		"rollout failures":  {stage(`"rollout": {"max_failures": -1}`), `AttributeName("rollout").AttributeName("max_failures")`, "use 0 (stop at the first that fails)"},
		"failure":           {stage(`"on_failure": "panic"`), second + `.AttributeName("on_failure")`, "rollback"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			lines := said(w.validate(pipelineType, object(t, c.config)))
			require.NotEmpty(t, lines)
			at, text, _ := strings.Cut(lines[0], ": ")
			require.True(t, strings.HasSuffix(at, c.at), lines[0])
			require.Contains(t, text, c.says)
		})
	}
}

const shopPipeline = `{"name": "shop", "stages": [{"name": "one", "environments": ["staging", "nowhere"], "promotion": "automatic"}]}`

func TestPipelinePlanLooksForItsEnvironments(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	staging := object(t, `{"name": "staging", "tier": "staging"}`)
	_, diagnostics := w.plan(environmentType, w.null(environmentType), staging)
	require.Empty(t, diagnostics)
	_, diagnostics = w.plan(pipelineType, w.null(pipelineType), object(t, shopPipeline))
	require.Equal(t, []string{
		`AttributeName("stages").ElementKeyInt(0).AttributeName("promotion"): Unable to plan pipeline "shop": Terraform deploys to environment "staging" (it has no target), so a cd_promotion must authorize its artifacts: make this stage manual. A promotion whose version is the release's follows every release` + "\n\nAttribute: stages[0].promotion",
		`AttributeName("stages").ElementKeyInt(0).AttributeName("environments").ElementKeyInt(1): Unable to plan pipeline "shop": environment "nowhere" does not exist; declare it as a cd_environment, or correct the name` + "\n\nAttribute: stages[0].environments[1]",
	}, said(diagnostics))
}

func TestPipelinePlanOfWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	none := w.null(pipelineType)
	planned, diagnostics := w.plan(pipelineType, none, map[string]any{"name": "shop", "stages": []any{
		map[string]any{"name": "one", "environments": []any{unknown}, "promotion": "manual"}}})
	require.Empty(t, diagnostics)
	require.False(t, w.attributes(planned)["revision"].IsKnown())
	require.True(t, w.attributes(planned)["id"].Equal(tftypes.NewValue(tftypes.String, "shop")))

	for _, name := range []string{"staging", "nowhere"} {
		_, diagnostics = w.plan(environmentType, w.null(environmentType), map[string]any{"name": name, "tier": "staging", "config": map[string]any{"A": unknown}})
		require.Empty(t, diagnostics)
	}
	planned, diagnostics = w.plan(pipelineType, none, object(t, shopPipeline))
	require.Empty(t, diagnostics, "its environments are about to be there; as what is not known yet")
	require.True(t, planned.IsFullyKnown())
}

// A pipeline declared by other means may leave out what Terraform writes out: that is no difference.
func TestPipelineDeclaredElsewherePlansEmpty(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	w := newWire(t, h)
	api := h.Client("bob@example.com")
	_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging", Tier: delivery.TierStaging,
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/staging"}}})
	require.NoError(t, err)
	config := `{"name": "shop", "stages": [{"name": "one", "environments": ["staging"], "promotion": "manual"REST}]}`
	var spec delivery.PipelineSpec
	require.NoError(t, strictly([]byte(strings.Replace(config, "REST", "", 1)), &spec))
	_, err = api.PutPipeline(t.Context(), spec)
	require.NoError(t, err)

	imported := w.read(pipelineType, w.value(w.schema(pipelineType), map[string]any{"name": "shop", "stages": nil}))
	for _, rest := range []string{``, `, "on_failure": "rollback"`} {
		planned, diagnostics := w.plan(pipelineType, imported, object(t, strings.Replace(config, "REST", rest, 1)))
		require.Empty(t, diagnostics)
		require.True(t, planned.Equal(imported))
	}
	planned, diagnostics := w.plan(pipelineType, imported, object(t, strings.Replace(config, "REST", `, "on_failure": "halt"`, 1)))
	require.Equal(t, oneWarning, severities(diagnostics))
	require.Contains(t, diagnostics[0].Detail, "on_failure changes from rollback to halt")
	require.False(t, w.attributes(planned)["revision"].Equal(w.attributes(imported)["revision"]))
}

func TestPipelineWhoseEnvironmentWentAwayOnlyWarns(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	w := newWire(t, h)
	config := strings.Replace(shopPipeline, `, "nowhere"`, "", 1)
	staging := `{"name": "staging", "tier": "staging", "target": {"directory": {"path": "/srv/staging"}}}`
	w.apply(environmentType, w.null(environmentType), object(t, staging))
	state := w.apply(pipelineType, w.null(pipelineType), object(t, config))

	// Its target goes, behind Terraform's back.
	_, err := h.Client("bob@example.com").PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging", Tier: delivery.TierStaging})
	require.NoError(t, err)
	w.configure()
	planned, diagnostics := w.plan(pipelineType, w.read(pipelineType, state), object(t, config))
	require.Equal(t, oneWarning, severities(diagnostics), "an error would stop terraform destroy")
	require.Contains(t, diagnostics[0].Detail, `Terraform deploys to environment "staging" (it has no target)`)
	require.True(t, planned.Equal(state))
}
