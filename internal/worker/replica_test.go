package worker

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

func replica(name, of string) delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: name, Tier: delivery.TierTesting, ReplicaOf: of,
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}}
}

// However many replicas there are, and whatever they must equal, the number of reads stays the same.
func TestEnvironmentsAreReadWithoutAQueryForEach(t *testing.T) {
	t.Parallel()
	reads := func(customers int) (list, world, preview int64) {
		var n atomic.Int64
		h := newFixture(t, func(o *engineOptions) { o.Store = counted{o.Store, &n} })
		names := []string{}
		for i := range customers {
			customer, repro := fmt.Sprintf("customer-%d", i), fmt.Sprintf("repro-%d", i)
			h.environment(customer, func(*delivery.EnvironmentSpec) {})
			spec := replica(repro, customer)
			spec.Parity = &delivery.Parity{With: customer}
			_, err := h.PutEnvironment(t.Context(), ann, spec)
			require.NoError(t, err)
			names = append(names, repro)
		}
		_, err := h.PutPipeline(t.Context(), ann, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{stage("repro", delivery.Automatic, names...)}})
		require.NoError(t, err)
		took := func(f func()) int64 {
			before := n.Load()
			f()
			return n.Load() - before
		}
		list = took(func() {
			all, err := h.Environments(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 2*customers)
			for _, e := range all {
				require.Equal(t, "info", e.Status.EffectiveConfig["LEVEL"], e.Spec.Name)
			}
		})
		world = took(func() {
			w, err := h.view(t.Context(), "shop")
			require.NoError(t, err)
			require.Len(t, w.Environments, 2*customers)
			require.Equal(t, "info", w.Environments["repro-0"].Config["LEVEL"])
		})
		preview = took(func() {
			_, err := h.PreviewPipeline(t.Context(), ann, delivery.PreviewRequest[delivery.PipelineSpec]{Subject: delivery.PipelineSpec{Name: "blog",
				Stages: []delivery.Stage{stage("repro", delivery.Automatic, names...)}}})
			require.NoError(t, err)
		})
		return list, world, preview
	}
	list, world, preview := reads(1)
	require.Equal(t, int64(1), list)
	require.LessOrEqual(t, world, int64(8))
	many, worlds, previews := reads(100)
	require.Equal(t, []int64{list, world, preview}, []int64{many, worlds, previews}, "the same number of statements for a hundred as for one")
}

func TestReplicaIsDeployedWithWhatItsSourceHas(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.environment("acme", func(s *delivery.EnvironmentSpec) { s.Config["CURRENCY"] = "JPY" })
	written, err := h.PutEnvironment(t.Context(), ann, replica("repro", "acme"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"LEVEL": "info", "CURRENCY": "JPY"}, written.Status.EffectiveConfig)
	read, err := h.Environment(t.Context(), "repro")
	require.NoError(t, err)
	require.Equal(t, written, read, "a write returns what the next read returns")
	_, err = h.PutPipeline(t.Context(), ann, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{stage("repro", delivery.Automatic, "repro")}})
	require.NoError(t, err)
	require.Nil(t, h.delivers("1.0", 1).Failure)

	deployed := func() map[string]string {
		all, err := h.Deployments(t.Context(), store.DeploymentFilter{Newest: 1})
		require.NoError(t, err)
		return all[0].Content.Config
	}
	require.Equal(t, written.Status.EffectiveConfig, deployed())

	foreseen, err := h.PreviewRelease(t.Context(), ann, delivery.PreviewRequest[delivery.ReleaseRequest]{Subject: release("1.0", 1), Changes: delivery.ChangeSet{
		Environments: delivery.Changes[delivery.EnvironmentSpec]{"acme": {After: &delivery.EnvironmentSpec{Name: "acme", Tier: delivery.TierOther, Config: map[string]string{"CURRENCY": "EUR"}}}}}})
	require.NoError(t, err)
	require.True(t, foreseen.Changes, "what the plan changes at the source reaches the replica")
	require.Contains(t, foreseen.Steps[0].Reason, "the configuration of repro changed: CURRENCY, LEVEL")

	h.environment("acme", func(s *delivery.EnvironmentSpec) { s.Config["CURRENCY"] = "EUR" })
	after, err := h.Environment(t.Context(), "repro")
	require.NoError(t, err)
	require.Equal(t, "EUR", after.Status.EffectiveConfig["CURRENCY"])
	require.NotEqual(t, read.Status.Revision, after.Status.Revision)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.Equal(t, "EUR", deployed()["CURRENCY"])
	require.Equal(t, []string{"1.0 to repro: deliver superseded", "1.0 to repro: deliver verified"}, h.deployments())
}

func TestReplicaIsRefused(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	put := func(spec delivery.EnvironmentSpec) error {
		_, err := h.PutEnvironment(t.Context(), ann, spec)
		return err
	}
	requireRefusal(t, put(replica("repro", "acme")), delivery.CodeInvalid, `replica_of: environment "acme" does not exist`)
	h.environment("acme", func(*delivery.EnvironmentSpec) {})
	h.environment("original", func(*delivery.EnvironmentSpec) {})
	require.NoError(t, put(replica("repro", "acme")))
	requireRefusal(t, put(replica("again", "repro")), delivery.CodeConflict, `replica_of: environment "repro" is itself a replica, of "acme"; name "acme" instead`)
	requireRefusal(t, put(replica("acme", "original")), delivery.CodeConflict, `replica_of: it has replicas itself: repro; let them name "original" instead`)

	own := replica("repro", "acme")
	own.Config = map[string]string{"LEVEL": "debug"}
	requireRefusal(t, put(own), delivery.CodeConflict, `config["LEVEL"]: this is a replica of environment "acme", and its own values differ`)
	own.Parity = &delivery.Parity{With: "acme", Allow: map[string]delivery.Allowance{"LEVEL": {Reason: "debugging"}}}
	require.NoError(t, put(own))
	require.NoError(t, put(own), "declaring the same again changes nothing")

	requireRefusal(t, h.DeleteEnvironment(t.Context(), ann, "acme"), delivery.CodeConflict, "repro is a replica of it; delete it first")
	preview, err := h.PreviewEnvironment(t.Context(), ann, delivery.PreviewRequest[delivery.EnvironmentSpec]{Subject: replica("other", "nowhere")})
	require.NoError(t, err)
	require.Equal(t, "replica_of", preview.Refused[0].Field)
	require.NoError(t, h.DeleteEnvironment(t.Context(), ann, "repro"))
	require.NoError(t, h.DeleteEnvironment(t.Context(), ann, "acme"))
}
