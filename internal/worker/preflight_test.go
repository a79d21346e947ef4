package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// careful is a driver that looks beforehand, and misses the artifacts of some versions.
type careful struct {
	driver.Driver
	missing map[string]bool
	looked  []string
}

func (c *careful) Preflight(_ context.Context, r driver.Request) error {
	c.looked = append(c.looked, r.Version)
	if c.missing[r.Version] {
		return errors.New("the artifact is gone")
	}
	return nil
}

// TestGoingBackLooksFirst previews an older version whose artifacts are gone, and a new one whose artifacts are not built yet.
func TestGoingBackLooksFirst(t *testing.T) {
	looks := &careful{missing: map[string]bool{}}
	h := newFixture(t, func(o *engineOptions) {
		looks.Driver = o.Drivers["directory"]
		o.Drivers["directory"] = looks
	})
	h.declares(stage("production", delivery.Automatic, "eu", "us"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.clock.move(time.Hour)
	require.Nil(t, h.delivers("1.1", 1).Failure)
	preview := func(version string) delivery.ReleasePreview {
		r := release(version, 1)
		looks.looked = nil
		found, err := h.PreviewRelease(t.Context(), ann, previewOf(r))
		require.NoError(t, err)
		require.NotEmpty(t, found.Steps)
		require.Equal(t, []string{"1.1", version}, looks.looked, "what a failure would be rolled back to, and what would be deployed: once, for both environments")
		return found
	}

	require.Empty(t, preview("1.0").Refused)
	looks.missing["1.0"], looks.missing["2.0"] = true, true
	older := preview("1.0")
	require.ErrorContains(t, older.Refused.Err(), "version: 1.0 cannot be deployed to eu: the artifact is gone")
	require.Empty(t, older.Missing)
	newer := preview("2.0")
	require.Empty(t, newer.Refused, "it may be built before it is deployed")
	require.Equal(t, []string{"2.0 could not be deployed to eu as things are: the artifact is gone"}, newer.Missing)

	refused, events := release("2.0", 1), len(h.log(0))
	_, err := h.PutRelease(t.Context(), ann, refused)
	require.ErrorContains(t, err, "artifacts: it could not be deployed to eu: the artifact is gone. Nothing was recorded")
	require.Equal(t, "release.refused shop/2.0 by "+ann, h.log(events)[0], "the refusal is in the log")
	_, err = h.Release(t.Context(), "shop", "2.0")
	require.Equal(t, delivery.CodeNotFound, delivery.CodeOf(err), "the version is still free")
	delete(looks.missing, "2.0")
	require.Nil(t, h.delivers("2.0", 1).Failure)
	require.Nil(t, h.delivers("1.1", 1).Failure)
	looks.missing["1.1"] = true
	require.Nil(t, h.delivers("1.1", 2).Failure, "what is registered already is not asked about")

	same := release("1.1", 2)
	looks.looked = nil
	found, err := h.PreviewRelease(t.Context(), ann, previewOf(same))
	require.NoError(t, err)
	require.Empty(t, found.Steps)
	require.Empty(t, looks.looked, "nothing is deployed, so nothing is looked for")
}
