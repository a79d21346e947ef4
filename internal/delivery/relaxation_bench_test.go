package delivery

import (
	"fmt"
	"testing"
)

// manyPipelines declares pipelines of three stages, each into environments of its own, with gates, and a policy that holds for all of production.
func manyPipelines(count int) Declarations {
	d := Declarations{Now: fixtureNow, Policies: []PolicySpec{{Name: "strict", Tiers: []Tier{TierProduction}, Gates: Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}}}}}
	for i := range count {
		p := PipelineSpec{Name: fmt.Sprintf("service-%d", i)}
		for at, tier := range []Tier{TierTesting, TierStaging, TierProduction} {
			env := fmt.Sprintf("%s-%d", tier, i)
			d.Environments = append(d.Environments, EnvironmentSpec{Name: env, Tier: tier, Target: directoryTarget("/srv/" + env)})
			stage := Stage{Name: string(tier), Environments: []string{env}, Promotion: Automatic, Gates: Gates{Tests: map[string]TestsGate{"unit": {}}}}
			if at == 2 {
				stage.Promotion = Manual
			}
			p.Stages = append(p.Stages, stage)
		}
		d.Pipelines = append(d.Pipelines, p)
	}
	return d
}

// BenchmarkReportsOfAFirstPlan reports on each pipeline of a first plan, as the plan does: on each with all that was planned before it.
func BenchmarkReportsOfAFirstPlan(b *testing.B) {
	for _, count := range []int{10, 100, 400} {
		b.Run(fmt.Sprintf("pipelines=%d", count), func(b *testing.B) {
			all := manyPipelines(count)
			none := Declarations{Now: all.Now}
			for b.Loop() {
				for i, p := range all.Pipelines {
					with, without := all, all
					with.Pipelines, without.Pipelines = all.Pipelines[:i+1], all.Pipelines[:i]
					ReportRelaxations(none, without, with, Subject{Pipeline: p.Name})
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/float64(count), "ms/pipeline")
		})
	}
}

// BenchmarkReportsOfAnEdit reports on one edited pipeline among many that stay.
func BenchmarkReportsOfAnEdit(b *testing.B) {
	for _, count := range []int{10, 100, 400} {
		b.Run(fmt.Sprintf("pipelines=%d", count), func(b *testing.B) {
			all := manyPipelines(count)
			after := all
			after.Pipelines = append([]PipelineSpec{}, all.Pipelines...)
			edited := after.Pipelines[0]
			edited.Stages = append([]Stage{}, edited.Stages...)
			edited.Stages[2].Gates = Gates{}
			after.Pipelines[0] = edited
			for b.Loop() {
				report, _ := ReportRelaxations(all, all, after, Subject{Pipeline: edited.Name})
				if len(report.Lines) == 0 {
					b.Fatal("the edit weakens")
				}
			}
		})
	}
}
