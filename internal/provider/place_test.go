package provider_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// placed declares an environment that deploys to a directory, or by a command to a named place.
func placed(name, directory, place string) map[string]any {
	target := map[string]any{"directory": map[string]any{"path": directory}}
	if place != "" {
		program := map[string]any{"argv": []any{"true"}}
		target = map[string]any{"command": map[string]any{"deploy": program, "observe": program, "place": place}}
	}
	return map[string]any{"name": name, "tier": "other", "target": target}
}

func deploysTo(name string, stages ...[]any) map[string]any {
	list := []any{}
	for i, environments := range stages {
		list = append(list, map[string]any{"name": string(rune('a' + i)), "environments": environments, "promotion": "manual"})
	}
	return map[string]any{"name": name, "stages": list}
}

// TestTwoEnvironmentsOfAPipelineOnOnePlace refuses it in the plan, however the place is written, from the side of the pipeline and of the
// environment.
func TestTwoEnvironmentsOfAPipelineOnOnePlace(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	w := newWire(t, h)
	srv, link := filepath.Join(h.Dir, "places"), filepath.Join(h.Dir, "link")
	require.NoError(t, os.Mkdir(srv, 0o755))
	require.NoError(t, os.Symlink(srv, link))
	declare := func(spec map[string]any) tftypes.Value {
		return w.apply(environmentType, w.null(environmentType), spec)
	}
	declare(placed("one", filepath.Join(srv, "x"), ""))
	declare(placed("again", filepath.Join(link, ".", "x"), ""))
	other := declare(placed("other", filepath.Join(srv, "y"), ""))
	declare(placed("named", "", "cluster"))
	declare(placed("renamed", "", "cluster"))
	for name, c := range map[string]struct {
		environments []any
		says         string
	}{
		"one directory":        {[]any{"one", "again"}, `environment "again" deploys to the same place as environment "one": directory`},
		"one name":             {[]any{"named", "other", "renamed"}, `environment "renamed" deploys to the same place as environment "named": place "cluster"`},
		"different everything": {[]any{"one", "other", "named"}, ""},
	} {
		w.configure()
		_, diagnostics := w.plan(pipelineType, w.null(pipelineType), deploysTo("shop", c.environments[:1], c.environments[1:]))
		if c.says == "" {
			require.Empty(t, diagnostics, name)
			continue
		}
		require.Equal(t, oneError, severities(diagnostics), name)
		require.Contains(t, diagnostics[0].Detail, c.says)
		require.Contains(t, diagnostics[0].Attribute.String(), `AttributeName("stages").ElementKeyInt(1).AttributeName("environments")`)
	}

	w.configure()
	w.apply(pipelineType, w.null(pipelineType), deploysTo("shop", []any{"one"}, []any{"other"}))
	w.apply(pipelineType, w.null(pipelineType), deploysTo("blog", []any{"again"}))
	w.configure()
	_, diagnostics := w.plan(environmentType, other, placed("other", filepath.Join(link, "x"), ""))
	require.Equal(t, oneError, severities(diagnostics))
	require.Contains(t, diagnostics[0].Detail, `pipeline "shop" deploys to this place through environment "one" already`)
	require.Contains(t, diagnostics[0].Attribute.String(), `AttributeName("path")`)
	w.configure()
	_, diagnostics = w.plan(environmentType, other, placed("other", filepath.Join(srv, "z"), ""))
	require.Empty(t, diagnostics)
}
