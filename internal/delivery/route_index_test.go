package delivery

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAReportNeedsOnlyWhatIsNear compares reports over what shares an environment or a place with those over everything.
func TestAReportNeedsOnlyWhatIsNear(t *testing.T) {
	edited := rapid.Custom(drawEdit)
	smaller, said := 0, 0
	for seed := range edits / 2 {
		e := edited.Example(seed + 1)
		subjects := []Subject{}
		for _, p := range e.before.Pipelines {
			subjects = append(subjects, Subject{Pipeline: p.Name})
		}
		for _, env := range e.before.Environments {
			subjects = append(subjects, Subject{Environment: env.Name})
		}
		for _, s := range subjects {
			without := e.without(s)
			near := s.near(e.before, without, e.after)
			if len(near[2].Pipelines) < len(e.after.Pipelines) {
				smaller++
			}
			want, wantPipelines := reportRelaxations(e.before, without, e.after, s)
			got, gotPipelines := ReportRelaxations(e.before, without, e.after, s)
			require.Equal(t, want, got, "edit %d of %v", seed+1, s)
			require.Equal(t, wantPipelines, gotPipelines, "edit %d of %v", seed+1, s)
			said += len(got.Lines)
		}
	}
	require.Greater(t, smaller, edits/10, "two pipelines that always share something prove nothing")
	require.Greater(t, said, edits/10, "reports that say nothing prove nothing")
}

// without is what the plan makes of everything else.
func (e edit) without(s Subject) Declarations {
	d := e.after
	d.Pipelines, d.Environments = slices.Clone(d.Pipelines), slices.Clone(d.Environments)
	for i := range d.Pipelines {
		if d.Pipelines[i].Name == s.Pipeline {
			d.Pipelines[i] = e.before.Pipelines[i]
		}
	}
	for i := range d.Environments {
		if d.Environments[i].Name == s.Environment {
			d.Environments[i] = e.before.Environments[i]
		}
	}
	return d
}
