package world

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Facts is a world with what the ledger remembers of what processes saw and do: all that reading needs. Nobody is asked anything.
type Facts struct {
	delivery.World
	Recordings []delivery.Recording           // what was seen last
	Found      Answers                        // the same, as answers
	Work       map[string]delivery.WorkRecord // by stage
}

// FactsOf adds to a world what is recorded about its pipeline, and what this process saw and may not record.
func FactsOf(ctx context.Context, r store.Reader, w delivery.World, unrecorded []delivery.Recording) (Facts, error) {
	f := Facts{Work: map[string]delivery.WorkRecord{}}
	seen, err := r.Recordings(ctx, w.Pipeline.Name)
	if err != nil {
		return f, err
	}
	f.Recordings = append(seen, unrecorded...)
	f.Found = Recorded(w.Pipeline.Name, f.Recordings)
	f.World = f.Found.Apply(w)
	all, err := r.Work(ctx, w.Pipeline.Name, w.Now)
	for _, one := range all {
		f.Work[one.Stage] = one
	}
	return f, err
}

// Refresh returns a world that was loaded for the same versions as it would be loaded now, without changes of a plan. While the log has no new event, only time has
// passed. In a transaction that writes, this makes sure that a decision which was made before is still right. Anyone who is about to act
// loads the world again instead: a row may have been changed without an event.
func Refresh(ctx context.Context, r store.Reader, now time.Time, known delivery.World, versions ...string) (delivery.World, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return known, err
	}
	if head == "" || head != known.Head {
		return Load(ctx, r, now, known.Pipeline.Name, nil, versions...)
	}
	known.Now = now
	err = LoadRollouts(ctx, r, &known)
	return known, err
}
