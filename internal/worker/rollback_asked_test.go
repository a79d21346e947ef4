package worker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
)

// keeping is a driver whose target keeps some of what it deployed.
type keeping struct {
	careful
	kept  map[string]bool // by version
	asked []driver.Request
}

func (k *keeping) Keeps(_ context.Context, r driver.Request) error {
	k.asked = append(k.asked, r)
	if k.kept[r.Version] {
		return nil
	}
	return errors.New("the target keeps no copy")
}

// TestNothingBeginsThatCouldNotBeRolledBack takes the artifacts of what runs away, before the next version comes.
func TestNothingBeginsThatCouldNotBeRolledBack(t *testing.T) {
	looks := &keeping{careful: careful{missing: map[string]bool{}}, kept: map[string]bool{}}
	h := newFixture(t, func(o *engineOptions) {
		looks.Driver = o.Drivers["directory"]
		o.Drivers["directory"] = looks
	})
	h.declares(stage("production", delivery.Automatic, "eu"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	looks.missing["1.0"] = true
	found, err := h.PreviewRelease(t.Context(), ann, previewOf(release("2.0", 1)))
	require.NoError(t, err)
	require.ErrorContains(t, found.Refused.Err(), `version: 2.0 may not enter stage "production": if 2.0 failed, it could not be rolled back: `+
		`1.0 cannot be put back in eu: the artifact is gone; and the target keeps no copy. Bring that back, or set on_failure = "halt" for stage "production"`)

	calls, events := len(h.driver.calls), len(h.log(0))
	refused := h.delivers("2.0", 1)
	requireRefusal(t, refused.Failure, delivery.CodeConflict, "1.0 cannot be put back in eu: the artifact is gone")
	require.Len(t, h.driver.calls, calls, "the driver was asked")
	require.Contains(t, h.log(events), "promotion.refused shop/production by "+ann)
	state, err := h.Release(t.Context(), "shop", "2.0")
	require.NoError(t, err)
	require.Contains(t, state.Stages["production"].WaitingOn[0], "1.0 cannot be put back in eu", "it is remembered")

	// The target keeps a copy: that is enough, and a rollback is given the receipt by which it finds it.
	looks.kept["1.0"] = true
	h.driver.refuse["eu/shop"] = 1
	require.ErrorContains(t, h.delivers("2.0", 1).Failure, "2.0 was rolled back in production")
	back := h.driver.calls[len(h.driver.calls)-1]
	require.Equal(t, "1.0", back.Version)
	require.Equal(t, "receipt of "+h.driver.calls[0].ID, back.Earlier)
	require.Equal(t, "receipt of "+h.driver.calls[0].ID, looks.asked[0].Earlier)
	require.Empty(t, h.driver.calls[len(h.driver.calls)-2].Earlier, "a delivery takes its artifacts")
}

// counting counts how often each reference was resolved. Those that are gone cannot be.
type counting struct {
	mu    sync.Mutex
	times map[string]int
	gone  map[string]bool
}

func (c *counting) Resolve(_ context.Context, reference string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[reference]++
	if c.gone[reference] {
		return "", errors.New(reference + " is not set")
	}
	return "value of " + reference, nil
}

func (c *counting) taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := c.times
	c.times = map[string]int{}
	return times
}

// TestASecretOfTheRollbackIsResolvedFirst renames a secret. What both versions use is resolved once for each deployment.
func TestASecretOfTheRollbackIsResolvedFirst(t *testing.T) {
	secrets := &counting{times: map[string]int{}, gone: map[string]bool{}}
	h := newFixture(t, func(o *engineOptions) { o.Secrets = secret.Func(secrets.Resolve) })
	refers := func(name string) {
		h.environment("eu", func(spec *delivery.EnvironmentSpec) {
			spec.Secrets = map[string]string{"PASSWORD": "env:PASSWORD", "TOKEN": "env:" + name}
		})
	}
	h.declares(stage("production", delivery.Automatic, "eu"))
	refers("OLD")
	require.Nil(t, h.delivers("1.0", 1).Failure)
	refers("NEW")
	secrets.gone["env:OLD"] = true
	found, err := h.PreviewRelease(t.Context(), ann, previewOf(release("2.0", 1)))
	require.NoError(t, err)
	require.Empty(t, found.Refused, "a plan resolves no secret to deploy")
	calls := len(h.driver.calls)
	requireRefusal(t, h.delivers("2.0", 1).Failure, delivery.CodeConflict, `1.0 cannot be put back in eu: secret TOKEN: env:OLD is not set. Bring that back, or set on_failure = "halt" for stage "production"`)
	require.Len(t, h.driver.calls, calls)

	delete(secrets.gone, "env:OLD")
	h.clock.move(time.Minute)
	secrets.taken()
	h.driver.looks = 0 // each resolves what the software that runs may tell, to mask it
	require.Nil(t, h.delivers("2.0", 1).Failure)
	times := secrets.taken()
	require.Equal(t, 1+h.driver.looks, times["env:PASSWORD"], "once to deploy it, and not again for the rollback")
	require.Equal(t, 2+h.driver.looks, times["env:NEW"]+times["env:OLD"], "each once, and once for each look")

	secrets.gone["env:NEW"] = true
	h.declares(delivery.Stage{Name: "production", Promotion: delivery.Automatic, Environments: []string{"eu"}, OnFailure: delivery.Halt})
	refers("OLD")
	require.Nil(t, h.delivers("3.0", 1).Failure, "nothing would be rolled back")
}

// TestALargeRolloutLooksOnce goes to many environments. They are asked about together before it begins, and the rest in its turn.
func TestALargeRolloutLooksOnce(t *testing.T) {
	looks := &keeping{careful: careful{missing: map[string]bool{}}, kept: map[string]bool{}}
	h := newFixture(t, func(o *engineOptions) {
		looks.Driver = o.Drivers["directory"]
		o.Drivers["directory"] = looks
	})
	h.declares(stage("production", delivery.Automatic, "eu", "us", "asia"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.clock.move(time.Minute)
	looks.looked = nil
	seen := 0
	h.driver.onCall = func(driver.Request) {
		if seen++; seen == 2 {
			looks.missing["1.0"] = true // after us, in the middle of the rollout
		}
	}
	stopped := h.delivers("2.0", 1)
	requireRefusal(t, stopped.Failure, delivery.CodeConflict, "1.0 cannot be put back in asia: the artifact is gone")
	require.Equal(t, []string{"2.0", "1.0", "1.0", "1.0"}, looks.looked, "2.0 before it is registered, and 1.0 before each of the three")
	require.Equal(t, []string{"2.0 to eu: deliver verified", "2.0 to us: deliver verified"}, h.deployments()[3:])
}
