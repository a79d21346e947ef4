package delivery_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// acme is a customer's environment, and repro a replica of it.
func acme() delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: "acme", Tier: delivery.TierProduction,
		Config:  map[string]string{"CURRENCY": "JPY", "LOG_LEVEL": "info", "LICENSE": "plain"},
		Secrets: map[string]string{"TOKEN": "env:ACME_TOKEN"}, Platform: map[string]string{"postgres": "15.4"}}
}

func repro() delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: "acme-repro", Tier: delivery.TierTesting, ReplicaOf: "acme"}
}

func known(specs ...delivery.EnvironmentSpec) map[string]delivery.EnvironmentSpec {
	by := map[string]delivery.EnvironmentSpec{}
	for _, spec := range specs {
		by[spec.Name] = spec
	}
	return by
}

func TestReplicaHasTheEffectOfItsSource(t *testing.T) {
	spec := repro()
	spec.Config = map[string]string{"LOG_LEVEL": "debug"}
	spec.Secrets = map[string]string{"LICENSE": "file:/run/license"}
	spec.Platform = map[string]string{"os": "debian-12"}
	e := delivery.ReplicaOf(spec, acme())
	require.Equal(t, spec, e.Spec, "what is declared stays as it was declared")
	require.Equal(t, map[string]string{"CURRENCY": "JPY", "LOG_LEVEL": "debug"}, e.Status.EffectiveConfig, "a secret takes the place of the source's plain value")

	effective, err := delivery.Effective(known(acme(), spec))
	require.NoError(t, err)
	require.Equal(t, e.Status, delivery.EnvironmentOf(effective["acme-repro"]).Status)
	require.Equal(t, spec.Secrets, effective["acme-repro"].Secrets, "the source's secrets stay its own")
	require.Equal(t, map[string]string{"postgres": "15.4", "os": "debian-12"}, effective["acme-repro"].Platform)
	require.Equal(t, acme(), effective["acme"])
}

func TestReplicaFollowsItsSource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) map[string]string {
			return rapid.MapOfN(rapid.SampledFrom([]string{"A", "B", "C"}), rapid.SampledFrom([]string{"1", "2"}), 0, 3).Draw(t, label)
		}
		source := delivery.EnvironmentSpec{Name: "acme", Config: draw("config"), Platform: draw("platform"), Secrets: draw("secrets")}
		spec := delivery.EnvironmentSpec{Name: "acme-repro", ReplicaOf: "acme", Config: draw("own config"), Platform: draw("own platform")}
		before := delivery.ReplicaOf(spec, source)
		require.Equal(t, before, delivery.ReplicaOf(spec, source))

		edited := source
		edited.Config = maps.Clone(source.Config)
		key := rapid.SampledFrom([]string{"A", "B", "NEW"}).Draw(t, "edited key")
		edited.Config[key] += "!"
		after := delivery.ReplicaOf(spec, edited)
		if _, own := spec.Config[key]; own {
			require.Equal(t, before, after, "its own value hides the source's")
		} else {
			require.Equal(t, edited.Config[key], after.Status.EffectiveConfig[key])
			require.NotEqual(t, before.Status.Revision, after.Status.Revision)
		}

		// Without differences of its own, a replica and its source equal each other.
		bare, err := delivery.Effective(known(source, delivery.EnvironmentSpec{Name: "bare", ReplicaOf: "acme", Secrets: source.Secrets}))
		require.NoError(t, err)
		for name := range source.Secrets {
			if _, both := source.Config[name]; both {
				return // no declaration has a key in both: Validate refuses it
			}
		}
		require.Empty(t, delivery.Differences(bare["bare"].Facts(nil), bare["acme"].Facts(nil), nil, noon))
	})
}

func TestReplicaDeclaresItsDifferences(t *testing.T) {
	spec := repro()
	require.Empty(t, delivery.CheckEnvironment(spec, known(acme()), noon))

	spec.Config = map[string]string{"LOG_LEVEL": "debug", "CURRENCY": "JPY"}
	spec.Platform = map[string]string{"postgres": "16"}
	spec.Secrets = map[string]string{"LICENSE": "file:/run/license"}
	requireRefusals(t, delivery.CheckEnvironment(spec, known(acme()), noon),
		refusal{`secrets["LICENSE"]`, `LICENSE is absent here and "plain" there`},
		refusal{`config["LOG_LEVEL"]`, `LOG_LEVEL is "debug" here and "info" there; not declared in parity.allow. Leave it out, so that it follows acme, or declare parity = { with = "acme" }`},
		refusal{`platform["postgres"]`, `postgres is "16" here and "15.4" there`})

	allow := map[string]delivery.Allowance{"LOG_LEVEL": {Reason: "debugging"}, "LICENSE": {Reason: "own license"}, "platform.postgres": {Reason: "newer"}}
	spec.Parity = &delivery.Parity{With: "acme", Allow: allow}
	requireRefusals(t, delivery.CheckEnvironment(spec, known(acme()), noon),
		refusal{`secrets["LICENSE"]`, `parity with environment "acme" is broken: secrets.LICENSE is "file:/run/license" here and absent there`},
		refusal{"secrets", `secrets.TOKEN is absent here and "env:ACME_TOKEN" there`})
	allow["secrets.*"] = delivery.Allowance{Reason: "a replica reads no customer's secrets"}
	require.Empty(t, delivery.CheckEnvironment(spec, known(acme()), noon))

	// Parity with a third environment covers the differences from the source as well, and inherited values are mended at the source.
	other := acme()
	other.Name, other.Config["CURRENCY"] = "production", "EUR"
	spec.Parity.With = "production"
	requireRefusals(t, delivery.CheckEnvironment(spec, known(acme(), other), noon),
		refusal{`config["CURRENCY"]`, `CURRENCY is "JPY" here and "EUR" there`})
	delete(spec.Config, "CURRENCY")
	requireRefusals(t, delivery.CheckEnvironment(spec, known(acme(), other), noon),
		refusal{"replica_of", `parity with environment "production" is broken: CURRENCY is "JPY" here and "EUR" there`})
	delete(allow, "LOG_LEVEL")
	requireRefusals(t, delivery.CheckEnvironment(spec, known(acme(), other), noon),
		refusal{`config["LOG_LEVEL"]`, "declare the difference in parity.allow with its reason"},
		refusal{"replica_of", "CURRENCY"}, refusal{`config["LOG_LEVEL"]`, `parity with environment "production"`})
}

func TestReplicaOfWhatHasNone(t *testing.T) {
	spec := repro()
	requireRefusals(t, delivery.CheckEnvironment(spec, known(), noon), refusal{"replica_of", `environment "acme" does not exist; declare it first`})
	chained := acme()
	chained.ReplicaOf = "original"
	requireRefusals(t, delivery.CheckEnvironment(spec, known(chained), noon), refusal{"replica_of", `"acme" is itself a replica, of "original"; name "original" instead`})
	_, err := delivery.Effective(known(chained, spec))
	require.ErrorContains(t, err, "cannot be a replica")
	spec.ReplicaOf = spec.Name
	requireRefusals(t, spec.Validate(), refusal{"replica_of", "replica of itself"})
	spec.ReplicaOf = "no name"
	requireRefusals(t, spec.Validate(), refusal{"replica_of", "is not a name"})

	// The reference of parity may be a replica itself: what it has in effect is compared.
	spec = delivery.EnvironmentSpec{Name: "qa", Tier: delivery.TierTesting, Config: acme().Config, Platform: acme().Platform, Parity: &delivery.Parity{With: "acme-repro"}}
	require.Empty(t, delivery.CheckEnvironment(spec, known(acme(), repro()), noon))
	requireRefusals(t, delivery.CheckEnvironment(spec, known(repro()), noon), refusal{"parity.with", `environment "acme-repro": environment "acme" does not exist`})
}

func TestManyBrokenKeysAreReportedAtOnce(t *testing.T) {
	source, spec := acme(), repro()
	spec.Config = map[string]string{}
	for i := range 60 {
		spec.Config[fmt.Sprintf("KEY_%02d", i)] = "own"
	}
	found := delivery.CheckEnvironment(spec, known(source), noon)
	require.Len(t, found, 1)
	require.Equal(t, "replica_of", found[0].Field)
	require.Contains(t, found[0].Message, "its own values differ in 60 keys:\nconfig    here   there\n  KEY_00  \"own\"  absent  NOT ALLOWED: not declared in parity.allow\n")
	require.Contains(t, found[0].Message, "… and 10 more")
	require.Contains(t, found[0].Message, "Leave it out, so that it follows acme")
}

func TestReplicaRelaxation(t *testing.T) {
	after := repro()
	after.ReplicaOf = ""
	require.Equal(t, []string{`environment "acme-repro": no longer a replica of acme`}, delivery.ParityRelaxation(repro(), after))
	require.Empty(t, delivery.ParityRelaxation(repro(), repro()))
}
