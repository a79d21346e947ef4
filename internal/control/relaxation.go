package control

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Relaxations says what one declaration of a plan makes easier to enter, and which releases get in by it: those that wait, and those that
// the same plan delivers. It writes nothing.
func (c *Control) Relaxations(ctx context.Context, actor string, r delivery.RelaxationRequest) (delivery.RelaxationReport, error) {
	r.Changes.Actor = actor
	if r.Subject == (delivery.Subject{}) {
		return delivery.RelaxationReport{}, delivery.Errorf(delivery.CodeInvalid, "the question needs a subject: an environment, a pipeline, a policy or a freeze")
	}
	ledger, err := c.declarations(ctx)
	if err != nil {
		return delivery.RelaxationReport{}, err
	}
	without := r.Changes.Without(r.Subject)
	report, pipelines := delivery.ReportRelaxations(ledger, without.Over(ledger), r.Changes.Over(ledger), r.Subject)
	report.Pipelines = pipelines
	for _, pipeline := range pipelines {
		if !r.Changes.PipelineKnown(pipeline, pipelineIn(ledger.Pipelines, pipeline)) || !r.Changes.DeliveriesKnown(pipeline) {
			report.Unknown = true
			continue
		}
		unblocked, err := c.unblocked(ctx, pipeline, without, r.Changes)
		if err != nil {
			return report, err
		}
		report.Unblocked = append(report.Unblocked, unblocked...)
	}
	return report, nil
}

// declarations loads everything that is declared, in one snapshot.
func (c *Control) declarations(ctx context.Context) (delivery.Declarations, error) {
	d := delivery.Declarations{Now: c.now(), Resolve: c.resolvePaths()}
	err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		if d.Pipelines, err = r.Pipelines(ctx); err != nil {
			return err
		}
		if d.Environments, err = r.Environments(ctx); err != nil {
			return err
		}
		if d.Policies, err = r.Policies(ctx); err != nil {
			return err
		}
		d.Freezes, err = r.Freezes(ctx)
		return err
	})
	return d, err
}

// resolvePaths asks the file system about each directory once.
func (c *Control) resolvePaths() delivery.PathResolver {
	if c.o.ResolvePath == nil {
		return nil
	}
	resolved := map[string]string{}
	return func(path string) string {
		if _, ok := resolved[path]; !ok {
			resolved[path] = c.o.ResolvePath(path)
		}
		return resolved[path]
	}
}

func pipelineIn(pipelines []delivery.PipelineSpec, name string) *delivery.PipelineSpec {
	for i := range pipelines {
		if pipelines[i].Name == name {
			return &pipelines[i]
		}
	}
	return nil
}

// unblocked names the releases of a pipeline that get in with some changes, and are kept out with others. What runs, and checks that are the
// same in both worlds, are asked about once.
func (c *Control) unblocked(ctx context.Context, pipeline string, without, with delivery.ChangeSet) (unblocked []string, err error) {
	var before, after delivery.World
	if err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		recorded, err := r.Pipeline(ctx, pipeline)
		if err != nil && !delivery.IsNotFound(err) {
			return err
		}
		known := &recorded
		if err != nil {
			known = nil
		}
		if before, err = c.worldWith(ctx, r, pipeline, without, known); err != nil && !delivery.IsNotFound(err) {
			return err
		}
		after, err = c.worldWith(ctx, r, pipeline, with, known)
		return err
	}); err != nil {
		return nil, err
	}
	found := world.NewAnswers(pipeline)
	was, err := c.deliveries(ctx, before, found)
	if err != nil {
		return nil, err
	}
	now, err := c.deliveries(ctx, after, found.For(before, after))
	return delivery.Unblocked(pipeline, before.History, was, now), err
}

func (c *Control) deliveries(ctx context.Context, w delivery.World, found world.Answers) (all []delivery.Delivery, err error) {
	err = c.resolve(ctx, w, found, func(answered delivery.World) (questions delivery.Questions) {
		all, questions = answered.Deliveries()
		return questions
	})
	return all, err
}

func (c *Control) worldWith(ctx context.Context, r store.Reader, pipeline string, changes delivery.ChangeSet, recorded *delivery.PipelineSpec) (delivery.World, error) {
	part := changes.ForPipeline(pipeline, recorded)
	return c.load(ctx, r, pipeline, &part)
}
