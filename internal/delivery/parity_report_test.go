package delivery_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestParityReportReadsWell(t *testing.T) {
	this := delivery.Facts{
		Config:   map[string]string{"LOG_LEVEL": "debug", "REPLICAS": "2", "REGION": "eu-west-2", "BANNER": strings.Repeat("ä", 70) + "\n"},
		Secrets:  map[string]string{"DATABASE_PASSWORD": "env:STAGING_DB_PASSWORD"},
		Platform: map[string]string{"postgres": "15.4"},
	}
	other := delivery.Facts{
		Config:   map[string]string{"LOG_LEVEL": "info", "REPLICAS": "6", "REGION": "eu-west-1"},
		Secrets:  map[string]string{"DATABASE_PASSWORD": "env:DB_PASSWORD"},
		Platform: map[string]string{"postgres": "15.4", "os": "debian-12"},
	}
	allow := map[string]delivery.Allowance{
		"LOG_LEVEL": {Reason: "debug output while testing"}, "REPLICAS": {Reason: "smaller on purpose"}, "secrets.*": {Reason: "own database"},
		"REGION": {Reason: "a trial", Until: "2027-01-01T00:00:00Z"},
	}
	long := `"` + strings.Repeat("ä", 60) + `"… (71 characters)`
	require.Equal(t, `staging does not equal production: 3 differences not declared, 3 declared.

config       staging`+strings.Repeat(" ", len([]rune(long))-7)+`  production
  BANNER     `+long+`  absent       NOT ALLOWED: not declared in parity.allow
  REGION     "eu-west-2"`+strings.Repeat(" ", len([]rune(long))-11)+`  "eu-west-1"  NOT ALLOWED: parity.allow["REGION"] does not cover it: it ended at 2027-01-01T00:00:00Z
  LOG_LEVEL  "debug"`+strings.Repeat(" ", len([]rune(long))-7)+`  "info"       allowed: debug output while testing
  REPLICAS   "2"`+strings.Repeat(" ", len([]rune(long))-3)+`  "6"          allowed: smaller on purpose

secrets              staging                    production
  DATABASE_PASSWORD  "env:STAGING_DB_PASSWORD"  "env:DB_PASSWORD"  allowed: own database

platform  staging  production
  os      absent   "debian-12"  NOT ALLOWED: not declared in parity.allow
`, delivery.ParityReport("staging", "production", delivery.Differences(this, other, allow, noon)))

	require.Equal(t, "staging equals production.\n", delivery.ParityReport("staging", "production", nil))
	one := delivery.Differences(delivery.Facts{Config: map[string]string{"A": "1"}}, delivery.Facts{}, map[string]delivery.Allowance{"*": {Reason: "why not"}}, noon)
	require.Equal(t, "a equals b, except for 1 declared difference.\n\nconfig  a    b\n  A     \"1\"  absent  allowed: why not\n", delivery.ParityReport("a", "b", one))
}

// TestEveryMutationIsReported changes one key of one part, in every way it can be changed, and wants exactly it to be found.
func TestEveryMutationIsReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := facts(t, "a")
		b := delivery.Facts{Config: maps.Clone(a.Config), Secrets: maps.Clone(a.Secrets), Platform: maps.Clone(a.Platform)}
		require.Empty(t, delivery.Differences(a, b, nil, noon), "equal environments do not differ")

		part := rapid.SampledFrom([]string{"", "secrets.", "platform."}).Draw(t, "part")
		values := map[string]map[string]string{"": b.Config, "secrets.": b.Secrets, "platform.": b.Platform}[part]
		key := rapid.SampledFrom([]string{"A", "B", "DB_HOST", "NEW"}).Draw(t, "key")
		before, had := values[key]
		if had && rapid.Bool().Draw(t, "removed") {
			delete(values, key)
		} else {
			values[key] = before + rapid.StringN(1, 3, -1).Draw(t, "added")
		}
		found := delivery.Differences(a, b, nil, noon)
		require.Len(t, found, 1)
		require.Equal(t, part+key, found[0].Key)
		require.False(t, found[0].Allowed)
		require.Contains(t, delivery.ParityReport("a", "b", found), "  "+key+"  ", "whatever the key is, the report names it")
	})
}

// TestDifferencesKeepTheirOrder asks again with everything put together in another order: globs and keys come out of maps.
func TestDifferencesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := facts(t, "a"), facts(t, "b")
		globs := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"*", "A", "DB_*", "D?_HOST", "secrets.*", "*.*", "[AB]", "platform.A"}), rapid.ID[string]).Draw(t, "globs")
		allow := func(order []string) map[string]delivery.Allowance {
			m := map[string]delivery.Allowance{}
			for _, glob := range order {
				m[glob] = delivery.Allowance{Reason: "by " + glob}
			}
			return m
		}
		first := delivery.Differences(a, b, allow(globs), noon)
		slices.Reverse(globs)
		require.Equal(t, first, delivery.Differences(a, b, allow(globs), noon))
		require.True(t, slices.IsSortedFunc(first, func(x, y delivery.Difference) int { return strings.Compare(x.Key, y.Key) }))
		for _, d := range first {
			if _, exact := allow(globs)[d.Key]; exact {
				require.Equal(t, "by "+d.Key, d.Reason, "the most precise reason is the one reported")
			}
		}
	})
}

// BenchmarkParity compares environments with one that each must equal, every key of which differs and is allowed by its own entry or
// by a glob: time grows with the number of environments and with the number of keys, no faster.
func BenchmarkParity(b *testing.B) {
	for _, environments := range []int{10, 100} {
		for _, keys := range []int{100, 1000} {
			b.Run(fmt.Sprintf("environments=%d/keys=%d", environments, keys), func(b *testing.B) {
				reference, spec := parityPair(keys)
				b.ReportAllocs()
				for b.Loop() {
					for range environments {
						require.Empty(b, delivery.CheckParity(spec, &reference, noon))
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(environments)/float64(keys), "ns/key")
			})
		}
	}
}

func parityPair(keys int) (reference, spec delivery.EnvironmentSpec) {
	reference = delivery.EnvironmentSpec{Name: "production", Config: map[string]string{}}
	spec = delivery.EnvironmentSpec{Name: "customer", Config: map[string]string{}, Parity: &delivery.Parity{With: "production",
		Allow: map[string]delivery.Allowance{"URL_*": {Reason: "own place"}}}}
	for i := range keys {
		key := fmt.Sprintf("KEY_%d", i)
		if i%2 == 0 {
			key = fmt.Sprintf("URL_%d", i)
		} else {
			spec.Parity.Allow[key] = delivery.Allowance{Reason: "own value"}
		}
		reference.Config[key], spec.Config[key] = "there", "here"
	}
	return reference, spec
}

// TestParityWorkGrowsWithItsInput counts bytes, which no busy machine can disturb: ten times the keys may take about ten times of
// them. Sorting the allowances again for each key, for one, would take a hundred times.
func TestParityWorkGrowsWithItsInput(t *testing.T) {
	work := func(keys int) uint64 {
		reference, spec := parityPair(keys)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.Empty(t, delivery.CheckParity(spec, &reference, noon))
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := work(100), work(1000)
	require.Less(t, large, 25*small, "%d bytes for 100 keys, %d for 1,000", small, large)
}
