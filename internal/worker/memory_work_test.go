package worker

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// workPages is what the ledger in memory holds of what processes do and see.
type workPages struct {
	records    map[[2]string]workPage
	recordings map[[2]string]delivery.Recording
}

type workPage struct {
	delivery.WorkRecord
	canceled int64
	expires  time.Time
}

func newWorkPages() workPages {
	return workPages{records: map[[2]string]workPage{}, recordings: map[[2]string]delivery.Recording{}}
}

func (w workPages) copied() workPages {
	return workPages{records: maps.Clone(w.records), recordings: maps.Clone(w.recordings)}
}

func (p *memoryPages) Work(_ context.Context, pipeline string, now time.Time) ([]delivery.WorkRecord, error) {
	found := []delivery.WorkRecord{}
	for key, page := range p.work.records {
		if key[0] == pipeline {
			r := page.WorkRecord
			r.Canceled, r.Interrupted = page.canceled, r.FinishedAt == nil && !now.Before(page.expires)
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b delivery.WorkRecord) int { return cmp.Compare(a.Stage, b.Stage) })
	return found, nil
}

func (p *memoryPages) RequestWork(_ context.Context, work delivery.WorkRecord, now time.Time, ttl time.Duration) (delivery.WorkRecord, error) {
	if p.over {
		return delivery.WorkRecord{}, errOver
	}
	key := [2]string{work.Pipeline, work.Stage}
	before := p.work.records[key]
	work = again(work)
	work.RequestedAt, work.Number = moment(work.RequestedAt), before.Number+1
	p.work.records[key] = workPage{work, before.canceled, now.Add(ttl)}
	return work, nil
}

func (p *memoryPages) PutWork(_ context.Context, work delivery.WorkRecord, now time.Time, ttl time.Duration) error {
	if p.over {
		return errOver
	}
	key := [2]string{work.Pipeline, work.Stage}
	if before := p.work.records[key]; before.Number == work.Number {
		p.work.records[key] = workPage{again(work), before.canceled, now.Add(ttl)}
	}
	return nil
}

func (p *memoryPages) CancelWork(_ context.Context, pipeline, stage string) error {
	if p.over {
		return errOver
	}
	key := [2]string{pipeline, stage}
	if page, ok := p.work.records[key]; ok {
		page.canceled = page.Number
		p.work.records[key] = page
	}
	return nil
}

func (p *memoryPages) Recordings(_ context.Context, pipeline string) ([]delivery.Recording, error) {
	found := []delivery.Recording{}
	for key, r := range p.work.recordings {
		if key[0] == pipeline {
			found = append(found, again(r))
		}
	}
	slices.SortFunc(found, func(a, b delivery.Recording) int { return cmp.Compare(a.Subject(), b.Subject()) })
	return found, nil
}

func (p *memoryPages) PutRecordings(_ context.Context, pipeline string, recordings []delivery.Recording) error {
	if p.over {
		return errOver
	}
	for _, r := range recordings {
		p.work.recordings[[2]string{pipeline, r.Subject()}] = again(r)
	}
	return nil
}
