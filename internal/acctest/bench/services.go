package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fleet is a typical workspace of a platform team: many services that share three environments. Each service has a pipeline of three stages,
// a release, an approval of it, and a promotion into the last stage.
type fleet struct{ services int }

// resources is the number of resources: the shared environments, and four for each service.
func (f fleet) resources() int { return 3 + 4*f.services }

// write writes the configuration of the workspace, and its artifacts, into a directory.
func (f fleet) write(dir, stateURL string) error {
	text := []byte("<h1>1.0.0</h1>\n")
	if err := os.WriteFile(filepath.Join(dir, "page.html"), text, 0o600); err != nil {
		return err
	}
	return writeMain(dir, f.configuration(stateURL, filepath.ToSlash(dir), fmt.Sprintf("sha256:%x", sha256.Sum256(text))))
}

func (f fleet) configuration(stateURL, dir, digest string) string {
	var text strings.Builder
	text.WriteString(settings(ours, stateURL))
	for _, env := range []string{"development", "staging", "production"} {
		fmt.Fprintf(&text, shopEnvironment, env, env, dir)
	}
	for i := range f.services {
		fmt.Fprintf(&text, fleetService, fmt.Sprintf("service-%04d", i), dir, digest)
	}
	return text.String()
}

const fleetService = `
resource "cd_pipeline" "%[1]s" {
  name = "%[1]s"
  stages = [
    { name = "development", environments = [cd_environment.development.name], promotion = "automatic" },
    { name = "staging", environments = [cd_environment.staging.name], promotion = "automatic" },
    {
      name         = "production"
      environments = [cd_environment.production.name]
      promotion    = "manual"
      gates        = { approvals = { required = 1, approvers = ["*"], allow_author = true } }
    },
  ]
}

resource "cd_release" "%[1]s" {
  pipeline  = cd_pipeline.%[1]s.name
  version   = "1.0.0"
  artifacts = { page = { uri = "%[2]s/page.html", digest = "%[3]s" } }
  source    = { revision = "v1.0.0", author = "dave@example.com" }
}

resource "cd_approval" "%[1]s" {
  pipeline = cd_pipeline.%[1]s.name
  version  = cd_release.%[1]s.version
  stage    = "production"
  decision = "approve"
  content  = try(file("%[2]s/content-%[1]s"), null)
}

resource "cd_promotion" "%[1]s" {
  pipeline = cd_pipeline.%[1]s.name
  version  = cd_approval.%[1]s.version
  stage    = "production"
}
`

// fleetSide is one subject with a fleet of one size, or with the same number of resources that do nothing.
type fleetSide struct {
	subject
	fleet
	at       workspace
	apply    cost
	plans    []costs // only with the cost of the plan
	requests int     // that one plan sends to the control plane
}

// fleets prints the costs of an apply and a no-change plan of a fleet, compared with the same number of resources that do nothing, and the
// number of requests that the plan sends to the control plane. many is a second number of services, to see what grows; 0 omits it.
func (b bench) fleets(ctx context.Context, few, many, rounds int) error {
	sizes := []int{few}
	if many > 0 {
		sizes = append(sizes, many)
	}
	measured := map[string]fleetSide{}
	for _, services := range sizes {
		sides, err := b.fleet(ctx, fleet{services}, rounds)
		if err != nil {
			return err
		}
		for _, side := range sides {
			measured[growthKey(side.subject, services)] = side
		}
	}
	if many == 0 {
		return nil
	}
	t := newTable(fmt.Sprintf("what each of %d services costs, to what each of %d costs", many, few), columns...)
	for _, s := range b.fleetSubjects() {
		t.ratio(s.label, measured[growthKey(s, many)].costs(), measured[growthKey(s, few)].costs(), float64(many)/float64(few))
	}
	return t.print()
}

func (s fleetSide) costs() costs { return costs{apply: s.apply, plan: medians(s.plans).plan} }

// fleetSubjects are compared with each other. The first one does nothing.
func (b bench) fleetSubjects() []subject {
	subjects := []subject{quiet, ours}
	if b.before.binary != "" {
		subjects = append(subjects, b.before)
	}
	return subjects
}

// fleet measures one size, and prints it. The plans of all subjects take turns.
func (b bench) fleet(ctx context.Context, f fleet, rounds int) (sides []fleetSide, err error) {
	defer func() {
		for _, side := range sides {
			if side.at.path != "" {
				err = errors.Join(err, side.at.remove())
			}
		}
	}()
	for _, s := range b.fleetSubjects() {
		progress("applying %d services: %s", f.services, s.label)
		side := fleetSide{subject: s, fleet: f}
		side.at, err = b.prepare(ctx, s, func(dir string) error { return side.write(dir, b.states.fresh()) })
		sides = append(sides, side)
		if err != nil {
			return sides, err
		}
		if s.provider == ours.provider {
			if err := side.at.decide(ctx); err != nil {
				return sides, err
			}
		}
		if sides[len(sides)-1].apply, err = side.at.terraform(ctx, "apply", "-input=false", "-auto-approve"); err != nil {
			return sides, err
		}
	}
	for round := range rounds {
		progress("plans of %d services, round %d of %d", f.services, round+1, rounds)
		for i := range sides {
			took, err := sides[i].at.plan(ctx)
			if err != nil {
				return sides, err
			}
			sides[i].plans = append(sides[i].plans, costs{plan: took})
		}
	}
	for i := range sides {
		if sides[i].requests, err = sides[i].at.requests(ctx); err != nil {
			return sides, err
		}
	}
	return sides, printFleet(sides, rounds)
}

// write writes the configuration of the side's subject.
func (s fleetSide) write(dir, stateURL string) error {
	if s.provider == ours.provider {
		return s.fleet.write(dir, stateURL)
	}
	return writeMain(dir, configuration(s.subject, s.resources(), stateURL))
}

func printFleet(sides []fleetSide, rounds int) error {
	f := sides[0].fleet
	t := newTable(fmt.Sprintf("%d services (%d resources), plan: median of %d", f.services, f.resources(), rounds), append(slices.Clone(columns), "requests, plan")...)
	for _, side := range sides {
		c := side.costs()
		t.figures(side.label, "%.2f s", c.apply.wall, c.plan.wall, c.apply.cpu, c.plan.cpu)
		t.add(fmt.Sprint(side.requests))
	}
	for _, side := range sides[1:] {
		t.ratio(side.label+" to "+sides[0].label, side.costs(), sides[0].costs(), 1)
	}
	return t.print()
}

// requests counts the requests of another plan to the control plane, which logs a line for each.
func (w workspace) requests(ctx context.Context) (int, error) {
	path := filepath.Join(w.path, "plan.log")
	logged := w
	logged.env = append(slices.Clone(w.env), "TF_LOG_PROVIDER=DEBUG", "TF_LOG_PATH="+path)
	if _, err := logged.plan(ctx); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(path)
	return strings.Count(string(text), "msg=request "), err
}
