package observe

import (
	"context"
	"reflect"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// repeatAfter is how old a recording is that is replaced by one that says the same: a plan in which nothing changed writes nothing, and
// still nobody takes what was seen long ago for seen now.
const repeatAfter = time.Minute

// Observe looks at every environment where a pipeline deployed something, and records what it saw. It asks no gate's check. In a ledger that
// this process may only read, what was seen is known to this process alone.
func (o *Observer) Observe(ctx context.Context, pipeline string) ([]delivery.Recording, error) {
	var w delivery.World
	var before []delivery.Recording
	err := o.Store.View(ctx, func(r store.Reader) (err error) {
		if w, err = world.Load(ctx, r, o.Now(), pipeline, nil); err != nil {
			return err
		}
		before, err = r.Recordings(ctx, pipeline)
		return err
	})
	if err != nil {
		return nil, err
	}
	found := world.NewAnswers(pipeline)
	if err := o.Answer(ctx, w, delivery.Questions{Observations: observable(w)}, found); err != nil {
		return nil, err
	}
	seen := found.Pending()
	news := changed(before, seen)
	if len(news) == 0 {
		o.keep(pipeline, nil)
		return seen, nil
	}
	err = o.Store.Update(ctx, func(tx store.Tx) error { return tx.PutRecordings(ctx, pipeline, news) })
	if err != nil && delivery.CodeOf(err) == delivery.CodeForbidden {
		err = nil // a role that may only read: what was seen stays in this process
	} else {
		news = nil
	}
	o.keep(pipeline, news)
	return seen, err
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

// changed lists what says something else than the recording before, or says the same after a while.
func changed(before, seen []delivery.Recording) []delivery.Recording {
	known := map[string]delivery.Recording{}
	for _, r := range before {
		known[r.Subject()] = r
	}
	news := []delivery.Recording{}
	for _, r := range seen {
		old, ok := known[r.Subject()]
		age := r.At.Sub(old.At)
		if ok && old.Expected == r.Expected && same(old.Observation, r.Observation) && age >= 0 && age < repeatAfter {
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

// keep remembers what may not be recorded.
func (o *Observer) keep(pipeline string, seen []delivery.Recording) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unrecorded == nil {
		o.unrecorded = map[string][]delivery.Recording{}
	}
	o.unrecorded[pipeline] = seen
}

// Unrecorded lists what this process observed of a pipeline last and may not write into the ledger.
func (o *Observer) Unrecorded(pipeline string) []delivery.Recording {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unrecorded[pipeline]
}
