package delivery_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func number(n float64) *float64 { return &n }

func TestDifferencesAndAllowances(t *testing.T) {
	this := delivery.Facts{
		Config:   map[string]string{"LOG_LEVEL": "debug", "REPLICAS": "2", "DB_HOST": "staging-db", "ONLY_HERE": "x"},
		Secrets:  map[string]string{"TOKEN": "env:STAGING_TOKEN"},
		Platform: map[string]string{"os": "debian-12"},
	}
	other := delivery.Facts{
		Config:   map[string]string{"LOG_LEVEL": "info", "REPLICAS": "6", "DB_HOST": "production-db"},
		Secrets:  map[string]string{"TOKEN": "env:PRODUCTION_TOKEN"},
		Platform: map[string]string{"os": "debian-13"},
	}
	allow := map[string]delivery.Allowance{
		"LOG_LEVEL":     {Reason: "debug output"},
		"REPLICAS":      {Reason: "smaller", Min: number(1), Max: number(10)},
		"DB_*":          {Reason: "own database", Until: "2027-03-01T12:00:01Z"},
		"secrets.TOKEN": {Reason: "own token"},
	}
	allowed := func(now time.Time) map[string]bool {
		found := map[string]bool{}
		for _, d := range delivery.Differences(this, other, allow, now) {
			found[d.Key] = d.Allowed
		}
		return found
	}
	require.Equal(t, map[string]bool{"LOG_LEVEL": true, "REPLICAS": true, "DB_HOST": true, "secrets.TOKEN": true, "ONLY_HERE": false, "platform.os": false}, allowed(noon))
	require.False(t, allowed(noon.Add(time.Second))["DB_HOST"], "past its end, an allowance allows no more")

	this.Config["REPLICAS"] = "0"
	require.False(t, allowed(noon)["REPLICAS"], "below min")
	this.Config["REPLICAS"] = "many"
	require.False(t, allowed(noon)["REPLICAS"], "no number")
	this.Config["REPLICAS"] = "NaN"
	require.False(t, allowed(noon)["REPLICAS"], "not a number at all")
	delete(this.Config, "REPLICAS")
	require.False(t, allowed(noon)["REPLICAS"], "absent is no number")
}

func TestCheckParityNamesBothValuesAndTheAttribute(t *testing.T) {
	reference := production()
	staging := production()
	staging.Name, staging.Tier = "staging", delivery.TierStaging
	staging.Config["LOG_LEVEL"] = "debug"
	delete(staging.Platform, "postgres")
	staging.Parity = &delivery.Parity{With: "production"}
	requireRefusals(t, delivery.CheckParity(staging, &reference, noon),
		refusal{`config["LOG_LEVEL"]`, `"production" is broken: LOG_LEVEL is "debug" here and "info" there`},
		refusal{"platform", `platform.postgres is absent here and "15.4" there`})
	requireRefusals(t, delivery.CheckParity(staging, nil, noon), refusal{"parity.with", "does not exist"})
	staging.Parity = nil
	require.Empty(t, delivery.CheckParity(staging, &reference, noon))
}

func facts(t *rapid.T, label string) delivery.Facts {
	key := rapid.SampledFrom([]string{"A", "B", "C", "D", "DB_HOST", "DB_PORT"})
	value := rapid.SampledFrom([]string{"", "1", "2", "x"})
	m := func(part string) map[string]string {
		return rapid.MapOfN(key, value, 0, 6).Draw(t, label+part)
	}
	return delivery.Facts{Config: m(".config"), Secrets: m(".secrets"), Platform: m(".platform")}
}

func keys(found []delivery.Difference) map[string][2]string {
	all := map[string][2]string{}
	text := func(s *string) string {
		if s == nil {
			return "absent"
		}
		return "=" + *s
	}
	for _, d := range found {
		all[d.Key] = [2]string{text(d.This), text(d.Other)}
	}
	return all
}

func TestDifferencesAreSymmetricAndComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := facts(t, "a"), facts(t, "b")
		found := keys(delivery.Differences(a, b, nil, noon))
		mirrored := keys(delivery.Differences(b, a, nil, noon))
		require.Len(t, mirrored, len(found))
		for key, pair := range found {
			require.Equal(t, [2]string{pair[1], pair[0]}, mirrored[key])
		}
		require.Empty(t, delivery.Differences(a, a, nil, noon))

		changed := delivery.Facts{Config: maps.Clone(a.Config), Secrets: a.Secrets, Platform: a.Platform}
		key := rapid.SampledFrom([]string{"A", "B", "NEW"}).Draw(t, "changed key")
		changed.Config[key] += "!"
		require.Contains(t, keys(delivery.Differences(a, changed, nil, noon)), key, "one changed key is always reported")
	})
}
