package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// keysOf lists the keys that differ, those that are allowed with a mark.
func keysOf(r ParityResult) []string {
	keys := []string{}
	for _, d := range r.Differences {
		if d.Allowed {
			d.Key += " (allowed)"
		}
		keys = append(keys, d.Key)
	}
	return keys
}

func TestParityAsDeclared(t *testing.T) {
	w := claims()
	w.Pipeline.Stages[0].Config = map[string]string{"SIZE": "1"}
	r, asked := w.Parity(ParityQuery{Environment: "stg", With: "eu", Pipeline: "shop"})
	require.Equal(t, []string{"LOG (allowed)", "REGION (allowed)", "SIZE"}, keysOf(r), "each stage has its own configuration")
	require.False(t, r.InParity)
	require.True(t, asked.Empty())
	w.Pipeline.Stages[0].Config = nil
	r, _ = w.Parity(ParityQuery{Environment: "stg", With: "eu"})
	require.True(t, r.InParity, "only what is declared differs")
	r, _ = w.Parity(ParityQuery{Environment: "stg", With: "us"})
	require.Equal(t, []string{"LOG", "REGION"}, keysOf(r), "it declares nothing of us")
	require.False(t, r.InParity)
}

func TestParityAsItRuns(t *testing.T) {
	w := claims()
	w.History.record(deployed(w, 2, "1.1", "eu", Verified))
	w = seen(w)
	query := ParityQuery{Environment: "stg", With: "eu", Pipeline: "shop", Source: ParityRunning}
	r, asked := w.Parity(query)
	require.True(t, r.InParity, r.Report)
	require.True(t, asked.Empty())
	require.Contains(t, r.Report, "stg (1.0) equals eu (1.1)")

	w.Observations["eu"] = Observation{Running: true, Differences: []string{"LOG is debug"}}
	r, _ = w.Parity(query)
	require.False(t, r.InParity)
	require.Equal(t, "running.drift", r.Differences[2].Key)
	require.Equal(t, "LOG is debug", *r.Differences[2].Other)

	w.Observations["eu"] = Observation{Unknown: "it does not answer"}
	r, _ = w.Parity(query)
	require.False(t, r.InParity, "what is not known is not equal")
	require.Equal(t, []string{"running.unknown"}, keysOf(r))

	delete(w.Observations, "eu")
	_, asked = w.Parity(query)
	require.Equal(t, []string{"eu"}, asked.Observations)

	w.History = nil
	r, _ = w.Parity(query)
	require.Equal(t, "nothing was ever verified there", *r.Differences[0].This)
}

func TestValidateParityQueries(t *testing.T) {
	query := ParityQuery{Environment: "stg", With: "eu"}
	for _, source := range []ParitySource{"", ParityDeclared} {
		query.Source = source
		require.Empty(t, query.Validate())
	}
	query.Source = ParityRunning
	requireErrors(t, query.Validate(), map[string]string{"pipeline": "name the pipeline"})
	query.Pipeline = "shop"
	require.Empty(t, query.Validate())
	requireErrors(t, ParityQuery{Environment: "a", With: "a", Pipeline: "/", Source: "x"}.Validate(), map[string]string{
		"with": "cannot be compared with itself", "pipeline": "is not a name", "source": "is not a source"})
}

func TestAllowancesAtTheirBounds(t *testing.T) {
	one, five := 1.0, 5.0
	allow := map[string]Allowance{"SIZE": {Reason: "smaller", Min: &one, Max: &five}}
	for value, allowed := range map[string]bool{"1": true, "5": true, "0.9": false, "5.1": false, "NaN": false, "x": false} {
		d := Differences(Facts{Config: map[string]string{"SIZE": value}}, Facts{Config: map[string]string{"SIZE": "9"}}, allow, fixtureNow)
		require.Equal(t, allowed, d[0].Allowed, value)
	}
	d := Differences(Facts{}, Facts{Config: map[string]string{"SIZE": "9"}}, allow, fixtureNow)
	require.Equal(t, `parity.allow["SIZE"] does not cover it: min and max need a number, and the key is absent`, d[0].Reason)
}

// TestOneAllowanceIsEnough asks the exact key first, and then each pattern.
func TestOneAllowanceIsEnough(t *testing.T) {
	allow := map[string]Allowance{"DB_HOST": {Reason: "for now", Until: "2027-01-01T00:00:00Z"}, "DB_*": {Reason: "own database"}, "CACHE_[AB]": {Reason: "own cache"}, `X\Y`: {Reason: "quoted"}}
	for key, reason := range map[string]string{"DB_HOST": "own database", "DB_PORT": "own database", "CACHE_A": "own cache", "XY": "quoted", "CACHE_C": "", "DB": ""} {
		d := Differences(Facts{Config: map[string]string{key: "1"}}, Facts{}, allow, fixtureNow)
		require.Equal(t, reason != "", d[0].Allowed, key)
		if reason != "" {
			require.Equal(t, reason, d[0].Reason)
		}
	}
	delete(allow, "DB_*")
	d := Differences(Facts{Config: map[string]string{"DB_HOST": "1"}}, Facts{}, allow, fixtureNow)
	require.Equal(t, `parity.allow["DB_HOST"] does not cover it: it ended at 2027-01-01T00:00:00Z`, d[0].Reason)
}
