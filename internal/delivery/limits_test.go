package delivery

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// many makes a map of so many keys.
func many(n int) map[string]string {
	m := make(map[string]string, n)
	for i := range n {
		m[fmt.Sprintf("K%d", i)] = "v"
	}
	return m
}

func TestReleaseLimits(t *testing.T) {
	spec := shopFixture().Releases["1.0"].Spec
	spec.Labels = many(MaxKeys)
	require.Empty(t, spec.Validate())
	spec.Labels = many(MaxKeys + 1)
	requireErrors(t, spec.Validate(), map[string]string{"labels": "10001 labels are too many: at most 10000"})
	spec.Labels = map[string]string{"a": strings.Repeat("x", MaxValueBytes), "b": strings.Repeat("x", MaxValueBytes+1)}
	requireErrors(t, spec.Validate(), map[string]string{`labels["b"]`: "the value has 65537 bytes"})
}

// TestPlainHTTPHasNoPassword is about artifacts of this machine: an address with a password would be stored.
func TestPlainHTTPHasNoPassword(t *testing.T) {
	spec := shopFixture().Releases["1.0"].Spec
	for uri, wrong := range map[string]string{
		"http://localhost/app": "", "http://127.0.0.1:8080/app": "", "http://ann:pw@localhost/app": "plain http:// is only for this machine",
		"http://localhost@example.com/app": "plain http:// is only for this machine", "http://example.com/app": "plain http:// is only for this machine",
	} {
		spec.Artifacts = map[string]Artifact{"app": {URI: uri, Digest: "sha256:" + strings.Repeat("0", 64)}}
		want := map[string]string{}
		if wrong != "" {
			want[`artifacts["app"].uri`] = wrong
		}
		requireErrors(t, spec.Validate(), want)
	}
}

func TestTheAuthorOfASource(t *testing.T) {
	for want, source := range map[string]*Source{"ann": {Revision: "r", Author: "ann"}, "ci": {Revision: "r"}} {
		require.Equal(t, want, Release{Spec: ReleaseSpec{Source: source}, RegisteredBy: "ci"}.Author())
	}
	require.Equal(t, "ci", Release{RegisteredBy: "ci"}.Author())
}

func TestPipelineLimits(t *testing.T) {
	stages := func(n int) PipelineSpec {
		p := PipelineSpec{Name: "shop"}
		for i := range n {
			p.Stages = append(p.Stages, Stage{Name: fmt.Sprintf("s%d", i), Environments: []string{fmt.Sprintf("e%d", i)}, Promotion: Manual})
		}
		return p
	}
	require.Empty(t, stages(MaxStages).Validate())
	requireErrors(t, stages(MaxStages+1).Validate(), map[string]string{"stages": "101 stages are too many: at most 100"})
	p := stages(1)
	p.Stages[0].Rollout = &Rollout{MaxFailures: 1}
	require.Empty(t, p.Validate(), "max_parallel has a default")
	require.Equal(t, 1, p.Stages[0].MaxParallel())
	p.Stages[0].Gates.Approvals = &ApprovalsGate{Required: 1, Approvers: []string{Anyone}, SignedBy: []string{"nobody", "nobody either"}}
	requireErrors(t, p.Validate(), map[string]string{"stages[0].gates.approvals.signed_by[0]": "", "stages[0].gates.approvals.signed_by[1]": ""})
}

func TestASecretIsNotReplacedByConfiguration(t *testing.T) {
	w := shopFixture()
	for _, name := range []string{"eu", "us"} {
		env := w.Environments[name]
		env.Secrets = map[string]string{"TOKEN": "env:TOKEN"}
		w.Environments[name] = env
	}
	require.Empty(t, w.Pipeline.ValidateEnvironments(w.Environments))
	w.Pipeline.Stages[1].Config = map[string]string{"REGION": "west", "TOKEN": "x"}
	found := w.Pipeline.ValidateEnvironments(w.Environments)
	require.Len(t, found, 2, "one for each environment: %v", found)
	require.Equal(t, `stages[1].config["TOKEN"]`, found[0].Field)
	require.Contains(t, found[0].Message, `TOKEN is a secret of environment "eu"`)
}

func TestReferencesNameSomething(t *testing.T) {
	for reference, right := range map[string]bool{"env:A": true, "file:/a": true, "file:a:b": true, "env:": false, "file:": false, "env": false, "vault:a": false, "": false} {
		p := newProblems()
		validateReference(p, reference)
		require.Equal(t, right, len(p.errors()) == 0, reference)
	}
}

func TestCommandsNameAProgram(t *testing.T) {
	for name, argv := range map[string][]string{"none": nil, "an empty one": {""}, "an empty one with arguments": {"", "a"}} {
		p := newProblems()
		(&Command{Argv: argv}).validate(p)
		require.Len(t, p.errors(), 1, name)
		require.Equal(t, "argv", p.errors()[0].Field)
	}
}

func TestReceivers(t *testing.T) {
	valid := WebhookTarget{URL: "https://deploy.example.com/d", StatusURL: "https://Deploy.example.com/d/{id}", ObserveURL: "https://deploy.example.com/o", Secret: "env:KEY", Token: "env:TOKEN", Timeout: "24h"}
	for name, c := range map[string]struct {
		change func(*WebhookTarget)
		want   map[string]string
	}{
		"as it should be":  {func(*WebhookTarget) {}, nil},
		"the token itself": {func(w *WebhookTarget) { w.Token = "hunter2" }, map[string]string{"token": "a secret is a reference"}},
		"the key itself":   {func(w *WebhookTarget) { w.Secret = "hunter2" }, map[string]string{"secret": "a secret is a reference"}},
		"a longer time":    {func(w *WebhookTarget) { w.Timeout = "24h0m1s" }, map[string]string{"timeout": "is too long"}},
		"another host":     {func(w *WebhookTarget) { w.ObserveURL = "https://example.com/o" }, map[string]string{"observe_url": "credentials go to no other host"}},
		"the same, in clear": {func(w *WebhookTarget) {
			w.URL, w.StatusURL, w.ObserveURL = "https://localhost/d", "http://localhost/d/{id}", ""
		}, map[string]string{"status_url": "credentials go to no other host"}},
		"observed in clear": {func(w *WebhookTarget) {
			w.URL, w.StatusURL, w.ObserveURL = "https://localhost/d", "", "http://localhost/o"
		}, map[string]string{"observe_url": "credentials go to no other host"}},
		"on this machine": {func(w *WebhookTarget) {
			w.URL, w.StatusURL, w.ObserveURL = "http://localhost/d", "", "http://localhost/o"
		}, nil},
		"polled too seldom":   {func(w *WebhookTarget) { w.Timeout, w.PollInterval = "10s", "10s" }, map[string]string{"poll_interval": "is not shorter than the timeout"}},
		"polled often enough": {func(w *WebhookTarget) { w.Timeout, w.PollInterval = "10s", "9s" }, nil},
	} {
		w, p := valid, newProblems()
		c.change(&w)
		w.validate(p)
		t.Run(name, func(t *testing.T) { requireErrors(t, p.errors(), c.want) })
	}
}

func TestADurationOfNothingIsNotTheDefault(t *testing.T) {
	for text, want := range map[Duration]time.Duration{"": time.Hour, "0s": 0, "1s": time.Second, "soon": 0} {
		require.Equal(t, want, text.Or(time.Hour), text)
	}
}

// TestEventsAreSealedAsTheLedgerKeepsThem has a clock that is finer than the ledger's, and in another zone.
func TestEventsAreSealedAsTheLedgerKeepsThem(t *testing.T) {
	e := Event{At: fixtureNow.Add(1234567).In(time.FixedZone("east", 5*60*60)), Actor: "ann", Kind: EventReleaseRegistered, Data: json.RawMessage(`{}`)}.Sealed(1, "")
	require.Equal(t, fixtureNow.Add(1234*time.Microsecond), e.At)
	text, err := json.Marshal(e.At)
	require.NoError(t, err)
	require.JSONEq(t, `"2027-03-01T09:00:00.001234Z"`, string(text))
}

func TestAnAnchorIsFoundAnywhere(t *testing.T) {
	first := Event{At: fixtureNow, Kind: EventReleaseRefused, Data: json.RawMessage(`{}`)}.Sealed(1, "")
	second := Event{At: fixtureNow, Kind: EventReleaseRefused, Data: json.RawMessage(`{}`)}.Sealed(2, first.Hash)
	for anchor, found := range map[string]bool{"": true, first.Hash: true, second.Hash: true, "sha256:gone": false} {
		a := NewAudit(anchor)
		require.NoError(t, a.Event(first))
		require.NoError(t, a.Event(second))
		require.Equal(t, found, a.End() == nil, anchor)
	}
}

// TestAConditionReadsWhatRuns has a release running that the world does not hold: it is made from what was deployed.
func TestAConditionReadsWhatRuns(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.1", "eu", Verified)})
	known := production(w).expressionInputs()
	require.Equal(t, "ann", known[0].Previous.Author)
	require.Nil(t, known[1].Previous, "nothing runs in us")
	delete(w.Releases, "1.1")
	unknown := production(w).expressionInputs()
	require.Equal(t, "1.1", unknown[0].Previous.Version)
	require.Equal(t, known[0].Previous.Digest, unknown[0].Previous.Digest)
	require.Equal(t, known[0].Previous.Artifacts, unknown[0].Previous.Artifacts)
}

func TestParityRefusalsAreFewOrAReport(t *testing.T) {
	at := func(keys int) Errors {
		reference := EnvironmentSpec{Name: "eu"}
		return CheckParity(EnvironmentSpec{Name: "stg", Config: many(keys), Parity: &Parity{With: "eu"}}, &reference, fixtureNow)
	}
	ten := at(10)
	require.Len(t, ten, 10)
	require.Equal(t, `config["K0"]`, ten[0].Field)
	require.Len(t, at(11), 1)
	require.Equal(t, "parity", at(11)[0].Field)
}

func TestAValueIsCutByItsCharacters(t *testing.T) {
	fits := strings.Repeat("ü", 60)
	require.Equal(t, `"`+fits+`"`, briefly(&fits))
	longer := fits + "x"
	require.Equal(t, `"`+fits+`"… (61 characters)`, briefly(&longer))
}
