package delivery

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// link is a resolver for which /link is another name of /srv.
func link(path string) string { return strings.Replace(path, "/link", "/srv", 1) }

func commandAt(place string) *Target { return &Target{Command: &CommandTarget{Place: place}} }

func TestPlace(t *testing.T) {
	directory := func(path string) *Target { return &Target{Directory: &DirectoryTarget{Path: path}} }
	for _, same := range [][2]*Target{
		{directory("/srv/shop"), directory("/srv/shop/")},
		{directory("/srv/shop"), directory("/link/shop")},
		{commandAt("cluster-1"), {Webhook: &WebhookTarget{URL: "https://example.com", Place: "cluster-1"}}},
	} {
		require.Equal(t, same[0].Place(cleanLink), same[1].Place(cleanLink))
		require.NotEmpty(t, same[0].Place(cleanLink))
	}
	require.NotEqual(t, directory("/srv/a").Place(nil), directory("/srv/b").Place(nil))
	require.Equal(t, directory("/srv/a").Place(nil), directory("/srv/x/../a").Place(nil))
	require.NotEqual(t, directory("a").Place(nil), commandAt("a").Place(nil), "a directory and a name are not compared")
	for _, unknown := range []*Target{nil, {}, commandAt(""), {Webhook: &WebhookTarget{URL: "https://example.com"}}} {
		require.Empty(t, unknown.Place(nil), "nothing is concluded")
	}
}

func cleanLink(path string) string { return link(strings.TrimSuffix(path, "/")) }

func TestPlaceIsAName(t *testing.T) {
	for place, want := range map[string]string{
		"": "", "cluster-1/shop": "", " " + "x": "cannot begin or end with a space", "x\n": "cannot begin or end with a space",
		"a\x00b": "cannot hold control characters", strings.Repeat("x", MaxPlaceBytes+1): "at most 200 are allowed",
	} {
		p := newProblems()
		validatePlace(p.at("place"), place)
		if want == "" {
			require.Empty(t, p.errors(), place)
		} else {
			requireErrors(t, p.errors(), map[string]string{"place": want})
		}
	}
}

// TestOnePlaceForEachEnvironmentOfAPipeline refuses two environments of one pipeline on one place, from the side of the pipeline and of the
// environment.
func TestOnePlaceForEachEnvironmentOfAPipeline(t *testing.T) {
	w := shopFixture()
	require.Empty(t, w.Pipeline.ValidatePlaces(w.Environments, link))
	us := w.Environments["us"]
	us.Target = &Target{Directory: &DirectoryTarget{Path: "/link/eu"}}
	require.Empty(t, us.ValidatePlace([]PipelineSpec{{Name: "blog", Stages: w.Pipeline.Stages[:1]}}, w.Environments, link), "another pipeline does not deploy there")
	requireErrors(t, us.ValidatePlace([]PipelineSpec{w.Pipeline}, w.Environments, link), map[string]string{
		"target.directory.path": `pipeline "shop" deploys to this place through environment "eu" already: directory "/srv/eu"`})
	us.Target = commandAt("eu")
	require.Empty(t, us.ValidatePlace([]PipelineSpec{w.Pipeline}, w.Environments, link))

	us.Target = &Target{Directory: &DirectoryTarget{Path: "/link/stg"}}
	w.Environments["us"] = us
	requireErrors(t, w.Pipeline.ValidatePlaces(w.Environments, link), map[string]string{
		"stages[1].environments[1]": `environment "us" deploys to the same place as environment "stg": directory "/srv/stg"`})
	us.Target, w.Environments["us"] = nil, EnvironmentSpec{Name: "us"}
	require.Empty(t, us.ValidatePlace([]PipelineSpec{w.Pipeline}, w.Environments, link))
	require.Empty(t, w.Pipeline.ValidatePlaces(w.Environments, link))
	for _, name := range []string{"eu", "us"} {
		w.Environments[name] = EnvironmentSpec{Name: name, Target: commandAt("cluster")}
	}
	requireErrors(t, w.Pipeline.ValidatePlaces(w.Environments, link), map[string]string{"stages[1].environments[1]": `place "cluster"`})
	requireErrors(t, w.Environments["us"].ValidatePlace([]PipelineSpec{w.Pipeline}, w.Environments, link), map[string]string{"target.command.place": `through environment "eu"`})
}
