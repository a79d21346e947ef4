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

// Fixture is an empty environment, the driver that deploys to it, and what a person at its keyboard would do. Its functions may
// be called from the test's own goroutine only.
type Fixture struct {
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
	// Stalling is the same place with a target whose next deployment does not end until it is stopped. The channel is closed once it
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
func Exercise(t *testing.T, open func(t *testing.T) Fixture) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Fixture){
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
func (f Fixture) request(t *testing.T, id, version, content string) driver.Request {
	t.Helper()
	return driver.Request{
		ID: id, Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: version,
		Digest:         digest(version + content),
		Artifacts:      f.Artifacts(t, content),
		Config:         map[string]string{"LOG_LEVEL": "info", "REGION": "eu-west-1"},
		Secrets:        map[string]string{"DATABASE_PASSWORD": "correct horse battery staple"},
		SecretNames:    []string{"DATABASE_PASSWORD"},
		ConfigRevision: digest("config 1"),
		Credentials:    f.Credentials,
		Target:         f.Target,
	}
}

// deploy deploys and returns the request as Observe gets it: with the receipt, without the secrets' values.
func (f Fixture) deploy(t *testing.T, r driver.Request) driver.Request {
	t.Helper()
	result, err := f.Driver.Deploy(t.Context(), r)
	require.NoError(t, err)
	return observed(r, result)
}

func observed(r driver.Request, result driver.Result) driver.Request {
	r.Receipt, r.Secrets = result.Receipt, nil
	return r
}

func (f Fixture) observe(t *testing.T, r driver.Request) delivery.Observation {
	t.Helper()
	seen, err := f.Driver.Observe(t.Context(), r)
	require.NoError(t, err)
	return seen
}

func (f Fixture) requireInOrder(t *testing.T, r driver.Request) {
	t.Helper()
	require.Equal(t, delivery.Observation{Running: true, Version: r.Version}, f.observe(t, r))
}

func (f Fixture) requireDrifted(t *testing.T, r driver.Request) delivery.Observation {
	t.Helper()
	seen := f.observe(t, r)
	require.True(t, seen.Drifted(), "%+v", seen)
	require.True(t, slices.IsSorted(seen.Differences), "%q", seen.Differences)
	return seen
}

func deploys(t *testing.T, f Fixture) {
	r := f.request(t, "d1", "1.0.0", "hello")
	after := f.deploy(t, r)
	require.Equal(t, Running{"1.0.0", "hello", r.Config, r.Secrets}, f.Running(t, "shop"))
	require.NotEmpty(t, after.Receipt)
	require.LessOrEqual(t, len(after.Receipt), maxReceipt)
	f.requireInOrder(t, after)
	f.requireInOrder(t, after)
}

func replaces(t *testing.T, f Fixture) {
	f.deploy(t, f.request(t, "d1", "1.0.0", "old"))
	after := f.deploy(t, f.request(t, "d2", "1.1.0", "new"))
	running := f.Running(t, "shop")
	require.Equal(t, "1.1.0", running.Version)
	require.Equal(t, "new", running.Content)
	f.requireInOrder(t, after)
}

func rollsBack(t *testing.T, f Fixture) {
	f.deploy(t, f.request(t, "d1", "1.0.0", "old"))
	f.deploy(t, f.request(t, "d2", "1.1.0", "new"))
	after := f.deploy(t, f.request(t, "d3", "1.0.0", "old"))
	running := f.Running(t, "shop")
	require.Equal(t, "1.0.0", running.Version)
	require.Equal(t, "old", running.Content)
	f.requireInOrder(t, after)
}

func reconfigures(t *testing.T, f Fixture) {
	f.deploy(t, f.request(t, "d1", "1.0.0", "hello"))
	r := f.request(t, "d2", "1.0.0", "hello")
	r.Config = map[string]string{"LOG_LEVEL": "debug"}
	r.Secrets, r.SecretNames = nil, nil
	r.ConfigRevision = digest("config 2")
	after := f.deploy(t, r)
	running := f.Running(t, "shop")
	require.Equal(t, r.Config, running.Config)
	require.Empty(t, running.Secrets)
	f.requireInOrder(t, after)
}

func isIdempotent(t *testing.T, f Fixture) {
	f.deploy(t, f.request(t, "d1", "1.0.0", "hello"))
	r := f.request(t, "d2", "1.1.0", "new")
	first := f.deploy(t, r)
	running, effects := f.Running(t, "shop"), f.Effects(t, "shop")
	second := f.deploy(t, r)
	require.Equal(t, first.Receipt, second.Receipt)
	require.Equal(t, running, f.Running(t, "shop"))
	require.Equal(t, effects, f.Effects(t, "shop"), "the same deployment started the software again")
	f.requireInOrder(t, second)
}

func seesChanges(t *testing.T, f Fixture) {
	after := f.deploy(t, f.request(t, "d1", "1.0.0", "hello"))
	f.Alter(t, "shop")
	seen := f.requireDrifted(t, after)
	require.True(t, seen.Running)
	require.NotEmpty(t, seen.Differences)

	healed := f.deploy(t, f.request(t, "d2", "1.0.0", "hello"))
	require.Equal(t, "hello", f.Running(t, "shop").Content)
	f.requireInOrder(t, healed)
}

func seesRemoval(t *testing.T, f Fixture) {
	after := f.deploy(t, f.request(t, "d1", "1.0.0", "hello"))
	f.Remove(t, "shop")
	require.False(t, f.requireDrifted(t, after).Running)

	healed := f.deploy(t, f.request(t, "d2", "1.0.0", "hello"))
	require.Equal(t, "hello", f.Running(t, "shop").Content)
	f.requireInOrder(t, healed)
}

func keepsAwkwardValues(t *testing.T, f Fixture) {
	values := map[string]string{
		"EMPTY": "", "SPACES": "  two  spaces  ", "QUOTES": `"double" 'single' ` + "`back`", "DOLLAR": "$HOME ${HOME} $(id) $$ $",
		"BACKSLASH": `a\b\\c\n\`, "NEWLINES": "one\ntwo\n\nthree\n", "RETURN": "a\r\nb\r", "TAB": "a\tb", "HASH": "# no comment",
		"EQUALS": "a=b=c", "UNICODE": "Grüße, 世界 👋 e\u0301 \u202eright", "JSON": `{"a":["b\u00e9",null]}`, "BANG": "hello!world!!",
		"GLOB": "* ? [a-z] ~ {a,b}", "LONG": strings.Repeat("long ", 12_000), "_under_Score1": "mixed case key",
	}
	r := f.request(t, "d1", "1.0.0-rc.1+build.5", "Grüße, 世界 👋\n")
	r.Config = values
	r.Secrets, r.SecretNames = map[string]string{}, nil
	for key, value := range values {
		r.Secrets["SECRET_"+key] = value
		r.SecretNames = append(r.SecretNames, "SECRET_"+key)
	}
	slices.Sort(r.SecretNames)
	after := f.deploy(t, r)
	require.Equal(t, Running{r.Version, "Grüße, 世界 👋\n", r.Config, r.Secrets}, f.Running(t, "shop"))
	f.requireInOrder(t, after)
}

func (f Fixture) requireNoSecret(t *testing.T, text string) {
	t.Helper()
	redacttest.RequireNone(t, text, f.secrets()...)
}

// secrets are all values that nothing may show.
func (f Fixture) secrets() []string {
	return slices.AppendSeq(slices.Collect(maps.Values(redacttest.Values)), maps.Values(f.Credentials))
}

func keepsSecrets(t *testing.T, f Fixture) {
	r := f.request(t, "d1", "1.0.0", "hello")
	r.Secrets, r.SecretNames = redacttest.Values, slices.Sorted(maps.Keys(redacttest.Values))
	after := f.deploy(t, r)
	require.Equal(t, r.Secrets, f.Running(t, "shop").Secrets)
	f.requireNoSecret(t, after.Receipt)

	other := f.request(t, "d1", "1.0.0", "hello")
	other.Secrets = map[string]string{}
	for name := range r.Secrets {
		other.Secrets[name] = "something else"
	}
	other.SecretNames = r.SecretNames
	f.Remove(t, "shop")
	require.Equal(t, after.Receipt, f.deploy(t, other).Receipt, "the receipt depends on a secret's value")

	f.Alter(t, "shop")
	seen, err := json.Marshal(f.requireDrifted(t, after))
	require.NoError(t, err)
	f.requireNoSecret(t, string(seen))
}

// masksWhatItHears has all secrets told in every form. Deploy and Observe repeat much of what they hear, and show none.
func masksWhatItHears(t *testing.T, f Fixture) {
	after := f.deploy(t, f.request(t, "d1", "1.0.0", "good"))
	var text strings.Builder
	for _, secret := range f.secrets() {
		text.WriteString(redacttest.Say(secret))
	}
	var heard strings.Builder
	for i, target := range f.Telling(t, "shop", text.String()) {
		r := f.request(t, fmt.Sprintf("d%d", i+2), "1.1.0", "bad")
		r.Target, r.Secrets, r.SecretNames = target, redacttest.Values, slices.Sorted(maps.Keys(redacttest.Values))
		result, err := f.Driver.Deploy(t.Context(), r)
		if err != nil {
			heard.WriteString(err.Error())
		}
		f.requireNoSecret(t, result.Receipt)

		after.Target, after.Hidden = target, slices.Collect(maps.Values(redacttest.Values))
		seen := f.observe(t, after)
		for _, text := range append(seen.Differences, seen.Version, seen.Unknown) {
			heard.WriteString(text + "\n")
		}
	}
	f.requireNoSecret(t, heard.String())
	require.Contains(t, heard.String(), redact.Mark, "what it heard is repeated")
}

func failsSafely(t *testing.T, f Fixture) {
	before := f.deploy(t, f.request(t, "d1", "1.0.0", "good"))
	r := f.request(t, "d2", "1.1.0", "bad")
	r.Target = f.Failing(t)
	r.Secrets, r.SecretNames = redacttest.Values, slices.Sorted(maps.Keys(redacttest.Values))
	for range 2 {
		_, err := f.Driver.Deploy(t.Context(), r)
		require.Error(t, err)
		f.requireNoSecret(t, err.Error())
		require.Equal(t, "good", f.Running(t, "shop").Content)
	}
	f.requireInOrder(t, before)
	f.requireInOrder(t, f.deploy(t, f.request(t, "d3", "1.2.0", "better")))
}

func obeysEndedContext(t *testing.T, f Fixture) {
	before := f.deploy(t, f.request(t, "d1", "1.0.0", "good"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Driver.Deploy(ended, f.request(t, "d2", "1.1.0", "new"))
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.Driver.Observe(ended, before)
	require.ErrorIs(t, err, context.Canceled)
	f.requireInOrder(t, before)
}

func isCanceled(t *testing.T, f Fixture) {
	before := f.deploy(t, f.request(t, "d1", "1.0.0", "good"))
	r := f.request(t, "d2", "1.1.0", "new")
	var under <-chan struct{}
	r.Target, under = f.Stalling(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := f.Driver.Deploy(ctx, r)
		ended <- err
	}()
	select {
	case <-under:
	case err := <-ended:
		require.FailNow(t, "the deployment ended before it was stopped", "%v", err)
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, "good", f.Running(t, "shop").Content)
	f.requireInOrder(t, before)

	r.Target = f.Target
	after := f.deploy(t, r)
	require.Equal(t, "new", f.Running(t, "shop").Content)
	f.requireInOrder(t, after)
}

func deploysConcurrently(t *testing.T, f Fixture) {
	var requests []driver.Request
	for i := range 6 {
		r := f.request(t, fmt.Sprintf("d%d", i), "1.0.0", fmt.Sprintf("software %d", i))
		r.Pipeline = fmt.Sprintf("service-%d", i)
		requests = append(requests, r)
	}
	var all errgroup.Group
	for i, r := range requests {
		all.Go(func() error {
			result, err := f.Driver.Deploy(t.Context(), r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Pipeline, err)
			}
			requests[i] = observed(r, result)
			seen, err := f.Driver.Observe(t.Context(), requests[i])
			if err == nil && (seen.Drifted() || seen.Unknown != "") {
				err = fmt.Errorf("%s: seen %+v right after its deployment", r.Pipeline, seen)
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	for i, r := range requests {
		require.Equal(t, fmt.Sprintf("software %d", i), f.Running(t, r.Pipeline).Content)
		f.requireInOrder(t, r)
	}
}

func seesOtherDeployment(t *testing.T, f Fixture) {
	older := f.deploy(t, f.request(t, "d1", "1.0.0", "old"))
	f.deploy(t, f.request(t, "d2", "1.1.0", "new"))
	seen := f.requireDrifted(t, older)
	require.True(t, seen.Running)
	require.Equal(t, "1.1.0", seen.Version)
}
