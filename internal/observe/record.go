package observe

import (
	"context"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// repeatAfter is how old a recording is that is replaced by one that says the same: a plan in which nothing changed writes nothing, and
// still nobody takes what was seen long ago for seen now.
const repeatAfter = time.Minute

// MaxPipelines is at how many pipelines one call of Look looks at the same time: as many as Terraform reads at a time.
const MaxPipelines = 10

// Look looks at every environment where pipelines deployed something, and records what it saw. It asks no gate's check. It returns the answers
// in the order of the pipelines. In a ledger that this process may only read, what was seen is known to this process alone.
func (o *Observer) Look(ctx context.Context, pipelines []world.Facts) ([]world.Answers, error) {
	answers, news := make([]world.Answers, len(pipelines)), make([][]delivery.Recording, len(pipelines))
	group, looking := errgroup.WithContext(ctx)
	group.SetLimit(MaxPipelines)
	for i, p := range pipelines {
		group.Go(func() error {
			answers[i] = world.NewAnswers(p.Pipeline.Name)
			err := o.Answer(looking, p.World, delivery.Questions{Observations: observable(p.World)}, answers[i])
			news[i] = changed(p.Recordings, answers[i].Pending())
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return answers, o.record(ctx, pipelines, news)
}

// record writes what is new about pipelines into the ledger, or keeps it in this process.
func (o *Observer) record(ctx context.Context, pipelines []world.Facts, news [][]delivery.Recording) error {
	if !slices.ContainsFunc(news, func(of []delivery.Recording) bool { return len(of) > 0 }) {
		o.keep(pipelines, make([][]delivery.Recording, len(pipelines)))
		return nil
	}
	err := o.Store.Update(ctx, func(tx store.Tx) error {
		for i, p := range pipelines {
			if len(news[i]) == 0 {
				continue
			}
			if err := tx.PutRecordings(ctx, p.Pipeline.Name, news[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && delivery.CodeOf(err) == delivery.CodeForbidden {
		err = nil // a role that may only read: what was seen stays in this process
	} else {
		news = make([][]delivery.Recording, len(pipelines))
	}
	o.keep(pipelines, news)
	return err
}

// observable lists the environments in which a driver can look for what was deployed.
func observable(w delivery.World) []string {
	names := []string{}
	for _, stage := range w.Pipeline.Stages {
		for _, env := range stage.Environments {
			if current := w.History.Current(env); current != nil && !current.External() {
				names = append(names, env)
			}
		}
	}
	return names
}

// LookedFromHere reports whether everything that a pipeline deployed was looked at from this place last. Only then may it be looked at again
// without being asked for: from elsewhere, it may look as if it were gone.
func (o *Observer) LookedFromHere(p world.Facts) bool {
	if o.Place == "" {
		return len(observable(p.World)) == 0
	}
	from := map[string]string{}
	for _, r := range p.Recordings {
		from[r.Environment] = r.From
	}
	return !slices.ContainsFunc(observable(p.World), func(env string) bool { place, seen := from[env]; return !seen || place != o.Place })
}

// changed lists what says something else than the recording before, or says the same from elsewhere, or after a while.
func changed(before, seen []delivery.Recording) []delivery.Recording {
	known := map[string]delivery.Recording{}
	for _, r := range before {
		known[r.Subject()] = r
	}
	news := []delivery.Recording{}
	for _, r := range seen {
		old, ok := known[r.Subject()]
		age := r.At.Sub(old.At)
		if ok && old.Expected == r.Expected && old.From == r.From && same(old.Observation, r.Observation) && age >= 0 && age < repeatAfter {
			continue
		}
		news = append(news, r)
	}
	return news
}

func same(a, b *delivery.Observation) bool {
	return a != nil && b != nil && a.Running == b.Running && a.Version == b.Version && a.Unknown == b.Unknown &&
		(len(a.Differences) == 0 && len(b.Differences) == 0 || reflect.DeepEqual(a.Differences, b.Differences))
}

// keep remembers what may not be recorded, of each pipeline.
func (o *Observer) keep(pipelines []world.Facts, seen [][]delivery.Recording) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unrecorded == nil {
		o.unrecorded = map[string][]delivery.Recording{}
	}
	for i, p := range pipelines {
		o.unrecorded[p.Pipeline.Name] = seen[i]
	}
}

// Unrecorded lists what this process observed of a pipeline last and may not write into the ledger.
func (o *Observer) Unrecorded(pipeline string) []delivery.Recording {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unrecorded[pipeline]
}
