package worker

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// settle the world: environments that are alike, and pipelines as they are drawn.
func (u *simulation) begin() {
	for _, name := range environmentNames() {
		u.declare(name, func(spec *delivery.EnvironmentSpec) {
			if u.chance(80) {
				u.drawParity(spec)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		spec := delivery.PipelineSpec{Name: name}
		for i := range paths[name] {
			spec.Stages = append(spec.Stages, u.drawStage(spec, i))
		}
		u.put(spec)
	}
}

// declare changes an environment.
func (u *simulation) declare(name string, edit func(*delivery.EnvironmentSpec)) {
	ctx := context.Background()
	spec := delivery.EnvironmentSpec{Name: name, Tier: tiers[name], Config: map[string]string{"LEVEL": "info", "SIZE": "2"},
		Secrets: map[string]string{"TOKEN": "env:TOKEN"}, Platform: map[string]string{"os": "debian"},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}}
	if u.terraformDeploys(name) {
		spec.Target = nil
	}
	if known, err := u.self.Environment(ctx, name); err == nil {
		spec = again(known.Spec)
		if spec.Config == nil {
			spec.Config = map[string]string{}
		}
	}
	edit(&spec)
	_, err := u.self.PutEnvironment(ctx, people[0], spec)
	u.note("declare %s: %v secrets %v parity %v: %v", name, spec.Config, spec.Secrets, text(spec.Parity), err)
}

func (u *simulation) put(spec delivery.PipelineSpec) {
	_, err := u.self.PutPipeline(context.Background(), people[0], spec)
	u.note("pipeline %s: %v", text(spec), err)
	if err != nil {
		u.oracle.complain("the pipeline was refused: " + err.Error())
		return
	}
	u.layout[spec.Name] = spec
}

func (u *simulation) drawStage(spec delivery.PipelineSpec, i int) delivery.Stage {
	s := delivery.Stage{Name: []string{"development", "staging", "production"}[i], Environments: paths[spec.Name][i], Promotion: delivery.Automatic}
	if u.chance([]int{10, 35, 60}[i]) || u.terraformDeploys(s.Environments[0]) {
		s.Promotion = delivery.Manual
	}
	if u.chance(15) {
		s.Config = map[string]string{"FEATURE": "on"}
	}
	if u.chance(60) {
		s.Verify = map[string]delivery.Check{"smoke": {Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{"smoke"}}}}}
		if u.drawn("tests", 30) {
			s.Verify["smoke"].Command.JUnit = "report.xml"
		}
	}
	if u.chance([]int{30, 30, 80}[i]) {
		s.Rollout = &delivery.Rollout{MaxParallel: max(1, u.pick(4)-1), MaxFailures: u.pick(3)}
	}
	if u.chance(35) {
		s.OnFailure = delivery.Halt
	}
	if !u.terraformDeploys(s.Environments[0]) || u.chance(40) {
		u.drawGates(spec, i, &s.Gates)
	}
	u.drawOverridable(&s)
	if text(s.Gates) == "{}" && u.chance(60) {
		s.Gates.None = "nobody uses it yet"
	}
	return s
}

func (u *simulation) drawGates(spec delivery.PipelineSpec, i int, g *delivery.Gates) {
	if u.drawn("approvals", []int{8, 35, 45}[i]) {
		g.Approvals = u.drawApprovals()
	}
	if i > 0 && u.drawn("soak", 20) {
		g.Soak = &delivery.SoakGate{Stage: spec.Stages[u.pick(i)].Name, Duration: pickOf[delivery.Duration](u, "10m", "2h")}
	}
	if i > 0 && spec.Name == "shop" && u.drawn("parity", 30) {
		g.Parity = &delivery.ParityGate{}
	}
	if u.drawn("checks", 20) {
		g.Checks = map[string]delivery.Check{"metrics": {HTTP: &delivery.HTTPCheck{URL: "http://localhost/metrics"}}}
	}
	if u.drawn("checks", 10) {
		g.Checks = merge2(g.Checks, "ticket", delivery.Check{Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{"ticket"}}}})
	}
	u.drawGuards(g, []int{35, 90, 100}[i])
}

func merge2(m map[string]delivery.Check, name string, c delivery.Check) map[string]delivery.Check {
	all := map[string]delivery.Check{name: c}
	maps.Copy(all, m)
	return all
}

func (u *simulation) editPipeline() {
	name := u.anyPipeline()
	spec := again(u.layout[name])
	i := u.pick(len(spec.Stages))
	fresh := u.drawStage(spec, i)
	switch u.pick(5) {
	case 0:
		spec.Stages[i] = fresh
	case 1:
		spec.Stages[i].Gates, spec.Stages[i].Overridable = fresh.Gates, fresh.Overridable
	case 2:
		spec.Stages[i].Overridable = fresh.Overridable
	case 3:
		spec.Stages[i].Promotion = fresh.Promotion
	default:
		spec.Stages[i].Config, spec.Stages[i].OnFailure, spec.Stages[i].Rollout = fresh.Config, fresh.OnFailure, fresh.Rollout
	}
	u.put(spec)
}

func (u *simulation) editEnvironment() {
	name := environmentNames()[u.pick(len(environmentNames()))]
	u.declare(name, func(spec *delivery.EnvironmentSpec) {
		switch u.pick(8) {
		case 7:
			if spec.Target != nil {
				spec.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + pickOf(u, "one/", "other/") + name}}
			}
		case 6:
			u.drawReplica(spec)
		case 0, 1:
			spec.Config["LEVEL"] = pickOf(u, "info", "debug")
		case 2:
			spec.Config["SIZE"] = pickOf(u, "2", "5", "50")
		case 3:
			spec.Secrets["TOKEN"] = pickOf(u, "env:TOKEN", "env:OTHER")
		default:
			u.drawParity(spec)
		}
	})
}

// drawReplica makes a replica of an environment, or lets it stand for itself again.
func (u *simulation) drawReplica(spec *delivery.EnvironmentSpec) {
	if spec.Name != "us" && spec.Name != "stg" {
		return
	}
	if spec.ReplicaOf != "" {
		spec.ReplicaOf, spec.Config["LEVEL"], spec.Config["SIZE"], spec.Platform = "", "info", "2", map[string]string{"os": "debian"}
		return
	}
	spec.ReplicaOf, spec.Config, spec.Platform = "eu", map[string]string{}, nil
}

func (u *simulation) drawParity(spec *delivery.EnvironmentSpec) {
	if spec.Name != "stg" && spec.Name != "us" {
		return
	}
	least, most := 1.0, 10.0
	spec.Parity = &delivery.Parity{With: "eu", Allow: map[string]delivery.Allowance{}}
	if u.chance(50) {
		until := delivery.Timestamp(u.clock.now().Add(3 * time.Hour).Format(time.RFC3339))
		spec.Parity.Allow["LE*"] = delivery.Allowance{Reason: "seeing more", Until: until}
	}
	if u.chance(50) {
		spec.Parity.Allow["SIZE"] = delivery.Allowance{Reason: "smaller on purpose", Min: &least, Max: &most}
	}
	if u.chance(30) {
		spec.Parity.Allow["FEATURE"] = delivery.Allowance{Reason: "tried in one environment"}
	}
	if u.chance(30) {
		spec.Parity.Allow["secrets.*"] = delivery.Allowance{Reason: "own secrets"}
	}
}
