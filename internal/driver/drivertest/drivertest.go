// Package drivertest exercises what every driver promises, whatever kind of target it serves: the software, its configuration and
// its secrets arrive, what was changed by hand is seen, a deployment is never done twice, and a secret's value shows nowhere.
package drivertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

// maxReceipt is what driver.Result allows, in bytes.
const maxReceipt = 64 << 10

// Place is an empty environment, the driver that deploys to it, and what a person at its keyboard would do. Its functions may
// be called from the test's own goroutine only.
type Place struct {
	Driver driver.Driver
	Target delivery.Target
	// Credentials are what the driver needs to be let in; nil when it needs nothing. Long ones, which appear nowhere by chance.
	Credentials map[string]string

	// Artifacts makes the artifacts of a release whose software is the given text.
	Artifacts func(t *testing.T, content string) map[string]delivery.Artifact
	// Running looks at what runs, without the driver's help. Something of the pipeline does run when it is called.
	Running func(t *testing.T, pipeline string) Running
	// Alter changes the running software by hand.
	Alter func(t *testing.T, pipeline string)
	// Remove takes away by hand all that runs of the pipeline.
	Remove func(t *testing.T, pipeline string)

	// Failing is the same place with a target whose next deployments fail after showing the whole of their environment: what a
	// careless script prints. What ran before must run still.
	Failing func(t *testing.T) delivery.Target
	// Telling is the same place with targets that tell the text in all that they let the driver hear: in what they print, in what they
	// answer, in why they fail. Something of the pipeline runs, and does so after their deployments failed.
	Telling func(t *testing.T, pipeline, text string) []delivery.Target
	// Stalling is the same place with a target whose next deployment does not end by itself. The channel is closed once it
	// is under way.
	Stalling func(t *testing.T) (delivery.Target, <-chan struct{})
	// OneLedger says that the place remembers which ledger deploys there.
	OneLedger bool
	// Effects counts how often software of the pipeline was started or restarted.
	Effects func(t *testing.T, pipeline string) int
}

// Running is what runs of one pipeline.
type Running struct {
	Version string
	Content string // the text given to Artifacts
	Config  map[string]string
	Secrets map[string]string
}

// Exercise runs the conformance suite. It calls open once for each test; open registers its own cleanup.
func Exercise(t *testing.T, open func(t *testing.T) Place) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Place){
		"what was deployed runs and is in order":         deploys,
		"a newer release replaces the older":             replaces,
		"an older content comes back as a new one":       rollsBack,
		"another configuration of the same version":      reconfigures,
		"the same deployment is done once":               isIdempotent,
		"what was changed by hand is seen and healed":    seesChanges,
		"what was removed by hand is seen and healed":    seesRemoval,
		"awkward values arrive as they are":              keepsAwkwardValues,
		"secrets show nowhere":                           keepsSecrets,
		"secrets that the target tells show nowhere":     masksWhatItHears,
		"a failed deployment leaves what ran":            failsSafely,
		"nothing happens once the context has ended":     obeysEndedContext,
		"a deployment under way can be canceled":         isCanceled,
		"different pipelines deploy at the same time":    deploysConcurrently,
		"a later deployment shows as a change to others": seesOtherDeployment,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	t.Run("a place of another ledger is left alone", func(t *testing.T) {
		if p := open(t); p.OneLedger {
			refusesOtherLedgers(t, p)
		} else {
			takesAnyLedger(t, p)
		}
	})
}

// request is a deployment of content to the pipeline "shop", complete except for what a test wants to be special.
func (p Place) request(t *testing.T, id, version, content string) driver.Request {
	t.Helper()
	return driver.Request{
		ID: id, Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: version,
		Digest:         digest(version + content),
		Artifacts:      p.Artifacts(t, content),
		Config:         map[string]string{"LOG_LEVEL": "info", "REGION": "eu-west-1"},
		Secrets:        map[string]string{"DATABASE_PASSWORD": "correct horse battery staple"},
		SecretNames:    []string{"DATABASE_PASSWORD"},
		ConfigRevision: digest("config 1"),
		Credentials:    p.Credentials,
		Target:         p.Target,
	}
}

// deploy deploys and returns the request as Observe gets it: with the receipt, without the secrets' values.
func (p Place) deploy(t *testing.T, r driver.Request) driver.Request {
	t.Helper()
	result, err := p.Driver.Deploy(t.Context(), r)
	require.NoError(t, err)
	return observed(r, result)
}

func observed(r driver.Request, result driver.Result) driver.Request {
	r.Receipt, r.Secrets = result.Receipt, nil
	return r
}

func (p Place) observe(t *testing.T, r driver.Request) delivery.Observation {
	t.Helper()
	seen, err := p.Driver.Observe(t.Context(), r)
	require.NoError(t, err)
	return seen
}

func (p Place) requireInOrder(t *testing.T, r driver.Request) {
	t.Helper()
	require.Equal(t, delivery.Observation{Running: true, Version: r.Version}, p.observe(t, r))
}

func (p Place) requireDrifted(t *testing.T, r driver.Request) delivery.Observation {
	t.Helper()
	seen := p.observe(t, r)
	require.True(t, seen.Drifted(), "%+v", seen)
	require.True(t, slices.IsSorted(seen.Differences), "%q", seen.Differences)
	return seen
}

func deploys(t *testing.T, p Place) {
	r := p.request(t, "d1", "1.0.0", "hello")
	after := p.deploy(t, r)
	require.Equal(t, Running{"1.0.0", "hello", r.Config, r.Secrets}, p.Running(t, "shop"))
	require.NotEmpty(t, after.Receipt)
	require.LessOrEqual(t, len(after.Receipt), maxReceipt)
	p.requireInOrder(t, after)
	p.requireInOrder(t, after)
}

func replaces(t *testing.T, p Place) {
	p.deploy(t, p.request(t, "d1", "1.0.0", "old"))
	after := p.deploy(t, p.request(t, "d2", "1.1.0", "new"))
	running := p.Running(t, "shop")
	require.Equal(t, "1.1.0", running.Version)
	require.Equal(t, "new", running.Content)
	p.requireInOrder(t, after)
}

func rollsBack(t *testing.T, p Place) {
	p.deploy(t, p.request(t, "d1", "1.0.0", "old"))
	p.deploy(t, p.request(t, "d2", "1.1.0", "new"))
	after := p.deploy(t, p.request(t, "d3", "1.0.0", "old"))
	running := p.Running(t, "shop")
	require.Equal(t, "1.0.0", running.Version)
	require.Equal(t, "old", running.Content)
	p.requireInOrder(t, after)
}

func reconfigures(t *testing.T, p Place) {
	p.deploy(t, p.request(t, "d1", "1.0.0", "hello"))
	r := p.request(t, "d2", "1.0.0", "hello")
	r.Config = map[string]string{"LOG_LEVEL": "debug"}
	r.Secrets, r.SecretNames = nil, nil
	r.ConfigRevision = digest("config 2")
	after := p.deploy(t, r)
	running := p.Running(t, "shop")
	require.Equal(t, r.Config, running.Config)
	require.Empty(t, running.Secrets)
	p.requireInOrder(t, after)
}

func isIdempotent(t *testing.T, p Place) {
	p.deploy(t, p.request(t, "d1", "1.0.0", "hello"))
	r := p.request(t, "d2", "1.1.0", "new")
	first := p.deploy(t, r)
	running, effects := p.Running(t, "shop"), p.Effects(t, "shop")
	second := p.deploy(t, r)
	require.Equal(t, first.Receipt, second.Receipt)
	require.Equal(t, running, p.Running(t, "shop"))
	require.Equal(t, effects, p.Effects(t, "shop"), "the same deployment started the software again")
	p.requireInOrder(t, second)
}

func seesChanges(t *testing.T, p Place) {
	after := p.deploy(t, p.request(t, "d1", "1.0.0", "hello"))
	p.Alter(t, "shop")
	seen := p.requireDrifted(t, after)
	require.True(t, seen.Running)
	require.NotEmpty(t, seen.Differences)

	healed := p.deploy(t, p.request(t, "d2", "1.0.0", "hello"))
	require.Equal(t, "hello", p.Running(t, "shop").Content)
	p.requireInOrder(t, healed)
}

func seesRemoval(t *testing.T, p Place) {
	after := p.deploy(t, p.request(t, "d1", "1.0.0", "hello"))
	p.Remove(t, "shop")
	require.False(t, p.requireDrifted(t, after).Running)

	healed := p.deploy(t, p.request(t, "d2", "1.0.0", "hello"))
	require.Equal(t, "hello", p.Running(t, "shop").Content)
	p.requireInOrder(t, healed)
}

func keepsAwkwardValues(t *testing.T, p Place) {
	values := map[string]string{
		"EMPTY": "", "SPACES": "  two  spaces  ", "QUOTES": `"double" 'single' ` + "`back`", "DOLLAR": "$HOME ${HOME} $(id) $$ $",
		"BACKSLASH": `a\b\\c\n\`, "NEWLINES": "one\ntwo\n\nthree\n", "RETURN": "a\r\nb\r", "TAB": "a\tb", "HASH": "# no comment",
		"EQUALS": "a=b=c", "UNICODE": "Grüße, 世界 👋 e\u0301 \u202eright", "JSON": `{"a":["b\u00e9",null]}`, "BANG": "hello!world!!",
		"GLOB": "* ? [a-z] ~ {a,b}", "LONG": strings.Repeat("long ", 12_000), "_under_Score1": "mixed case key",
	}
	r := p.request(t, "d1", "1.0.0-rc.1+build.5", "Grüße, 世界 👋\n")
	r.Config = values
	r.Secrets, r.SecretNames = map[string]string{}, nil
	for key, value := range values {
		r.Secrets["SECRET_"+key] = value
		r.SecretNames = append(r.SecretNames, "SECRET_"+key)
	}
	slices.Sort(r.SecretNames)
	after := p.deploy(t, r)
	require.Equal(t, Running{r.Version, "Grüße, 世界 👋\n", r.Config, r.Secrets}, p.Running(t, "shop"))
	p.requireInOrder(t, after)
}

func (p Place) requireNoSecret(t *testing.T, text string) {
	t.Helper()
	redacttest.RequireNone(t, text, p.secrets()...)
}

// secrets are all values that nothing may show.
func (p Place) secrets() []string {
	return slices.AppendSeq(slices.Collect(maps.Values(redacttest.Values)), maps.Values(p.Credentials))
}

func keepsSecrets(t *testing.T, p Place) {
	r := p.request(t, "d1", "1.0.0", "hello")
	r.Secrets, r.SecretNames = redacttest.Values, slices.Sorted(maps.Keys(redacttest.Values))
	after := p.deploy(t, r)
	require.Equal(t, r.Secrets, p.Running(t, "shop").Secrets)
	p.requireNoSecret(t, after.Receipt)

	other := p.request(t, "d1", "1.0.0", "hello")
	other.Secrets = map[string]string{}
	for name := range r.Secrets {
		other.Secrets[name] = "something else"
	}
	other.SecretNames = r.SecretNames
	p.Remove(t, "shop")
	require.Equal(t, after.Receipt, p.deploy(t, other).Receipt, "the receipt depends on a secret's value")

	p.Alter(t, "shop")
	seen, err := json.Marshal(p.requireDrifted(t, after))
	require.NoError(t, err)
	p.requireNoSecret(t, string(seen))
}

// masksWhatItHears has all secrets told in every form. Deploy and Observe repeat much of what they hear, and show none.
func masksWhatItHears(t *testing.T, p Place) {
	after := p.deploy(t, p.request(t, "d1", "1.0.0", "good"))
	var text strings.Builder
	for _, secret := range p.secrets() {
		text.WriteString(redacttest.Say(secret))
	}
	var heard strings.Builder
	for i, target := range p.Telling(t, "shop", text.String()) {
		r := p.request(t, fmt.Sprintf("d%d", i+2), "1.1.0", "bad")
		r.Target, r.Secrets, r.SecretNames = target, redacttest.Values, slices.Sorted(maps.Keys(redacttest.Values))
		result, err := p.Driver.Deploy(t.Context(), r)
		if err != nil {
			heard.WriteString(err.Error())
		}
		p.requireNoSecret(t, result.Receipt)

		after.Target, after.Hidden = target, slices.Collect(maps.Values(redacttest.Values))
		seen := p.observe(t, after)
		for _, text := range append(seen.Differences, seen.Version, seen.Unknown) {
			heard.WriteString(text + "\n")
		}
	}
	p.requireNoSecret(t, heard.String())
	require.Contains(t, heard.String(), redact.Mark, "what it heard is repeated")
}

func failsSafely(t *testing.T, p Place) {
	before := p.deploy(t, p.request(t, "d1", "1.0.0", "good"))
	r := p.request(t, "d2", "1.1.0", "bad")
	r.Target = p.Failing(t)
	r.Secrets, r.SecretNames = redacttest.Values, slices.Sorted(maps.Keys(redacttest.Values))
	for range 2 {
		_, err := p.Driver.Deploy(t.Context(), r)
		require.Error(t, err)
		p.requireNoSecret(t, err.Error())
		require.Equal(t, "good", p.Running(t, "shop").Content)
	}
	p.requireInOrder(t, before)
	p.requireInOrder(t, p.deploy(t, p.request(t, "d3", "1.2.0", "better")))
}

func obeysEndedContext(t *testing.T, p Place) {
	before := p.deploy(t, p.request(t, "d1", "1.0.0", "good"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Driver.Deploy(ended, p.request(t, "d2", "1.1.0", "new"))
	require.ErrorIs(t, err, context.Canceled)
	_, err = p.Driver.Observe(ended, before)
	require.ErrorIs(t, err, context.Canceled)
	p.requireInOrder(t, before)
}

func isCanceled(t *testing.T, p Place) {
	before := p.deploy(t, p.request(t, "d1", "1.0.0", "good"))
	r := p.request(t, "d2", "1.1.0", "new")
	var under <-chan struct{}
	r.Target, under = p.Stalling(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := p.Driver.Deploy(ctx, r)
		ended <- err
	}()
	select {
	case <-under:
	case err := <-ended:
		require.FailNow(t, "the deployment ended by itself", "%v", err)
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, "good", p.Running(t, "shop").Content)
	p.requireInOrder(t, before)

	r.Target = p.Target
	after := p.deploy(t, r)
	require.Equal(t, "new", p.Running(t, "shop").Content)
	p.requireInOrder(t, after)
}

func deploysConcurrently(t *testing.T, p Place) {
	var requests []driver.Request
	for i := range 6 {
		r := p.request(t, fmt.Sprintf("d%d", i), "1.0.0", fmt.Sprintf("software %d", i))
		r.Pipeline = fmt.Sprintf("service-%d", i)
		requests = append(requests, r)
	}
	var all errgroup.Group
	for i, r := range requests {
		all.Go(func() error {
			result, err := p.Driver.Deploy(t.Context(), r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Pipeline, err)
			}
			requests[i] = observed(r, result)
			seen, err := p.Driver.Observe(t.Context(), requests[i])
			if err == nil && (seen.Drifted() || seen.Unknown != "") {
				err = fmt.Errorf("%s: seen %+v right after its deployment", r.Pipeline, seen)
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	for i, r := range requests {
		require.Equal(t, fmt.Sprintf("software %d", i), p.Running(t, r.Pipeline).Content)
		p.requireInOrder(t, r)
	}
}

func seesOtherDeployment(t *testing.T, p Place) {
	older := p.deploy(t, p.request(t, "d1", "1.0.0", "old"))
	p.deploy(t, p.request(t, "d2", "1.1.0", "new"))
	seen := p.requireDrifted(t, older)
	require.True(t, seen.Running)
	require.Equal(t, "1.1.0", seen.Version)
}
