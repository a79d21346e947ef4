package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// fill writes a past into a new ledger, so that `ledger verify` accepts it: the chain is unbroken, and each row is what the last event
// about it says.
func (p past) fill(ctx context.Context, address string) error {
	return sqlstore.Fill(ctx, address, func(filling *sqlstore.Filling) error {
		f := &filler{ctx: ctx, filling: filling, rows: map[string][]delivery.Row{}, running: map[string]delivery.Row{},
			promotions: map[string]delivery.Row{}, rollouts: map[string]string{}}
		if err := p.replay(f.add); err != nil {
			return err
		}
		return f.end()
	})
}

// filler turns past events into events and rows of the ledger. It writes them in batches of one table each.
type filler struct {
	ctx     context.Context //nolint:containedctx // of one fill, because the callbacks have none
	filling *sqlstore.Filling

	last   delivery.Event
	events []delivery.Event
	rows   map[string][]delivery.Row // by table

	running    map[string]delivery.Row // verified, by environment
	promotions map[string]delivery.Row // by stage
	rollouts   map[string]string       // the newest of each stage
}

// batch is the number of rows that sqlstore writes at once.
const batch = 500

func (f *filler) add(o pastEvent) error {
	text, err := json.Marshal(o.object)
	if err != nil {
		return err
	}
	f.last = delivery.Event{At: o.at, Actor: pastActor, Kind: o.kind, Subject: o.subject, Data: text}.Sealed(f.last.Seq+1, f.last.Hash)
	if f.events = append(f.events, f.last); len(f.events) == batch {
		if err := f.writeEvents(); err != nil {
			return err
		}
	}
	switch object := o.object.(type) {
	case delivery.Release:
		return f.row("releases", map[string]any{"pipeline": object.Spec.Pipeline, "version": object.Spec.Version, "digest": object.Digest, "document": string(text)})
	case delivery.Approval:
		return f.row("approvals", map[string]any{"id": object.ID, "pipeline": object.Spec.Pipeline, "version": object.Spec.Version,
			"decided_at": object.DecidedAt.UnixMicro(), "document": string(text)})
	case delivery.Promotion:
		f.promotions[object.Spec.Stage] = delivery.Row{Table: "promotions", Values: map[string]any{
			"pipeline": object.Spec.Pipeline, "stage": object.Spec.Stage, "document": string(text)}}
	case delivery.Deployment:
		return f.deployment(object, string(text))
	}
	return nil
}

func (f *filler) deployment(d delivery.Deployment, text string) error {
	values := map[string]any{"seq": d.Seq, "id": d.ID, "pipeline": d.Pipeline, "stage": d.Stage, "environment": d.Environment,
		"version": d.Content.Version, "rollout": d.Rollout, "status": string(d.Status), "verified_at": micros(d.VerifiedAt), "document": text}
	switch {
	case d.Status == delivery.Verified: // its row is written when another takes its place
		f.running[d.Environment] = delivery.Row{Table: "deployments", Values: values}
		return nil
	case d.Status != delivery.Deploying && d.Status != delivery.Verifying:
		return f.row("deployments", values)
	case d.Status == delivery.Verifying || f.rollouts[d.Stage] == d.Rollout:
		return nil
	}
	f.rollouts[d.Stage] = d.Rollout
	return f.row("rollouts", map[string]any{"pipeline": d.Pipeline, "stage": d.Stage, "seq": d.Seq, "rollout": d.Rollout, "started_at": d.CreatedAt.UnixMicro()})
}

func micros(at *time.Time) any {
	if at == nil {
		return nil
	}
	return at.UnixMicro()
}

func (f *filler) row(table string, values map[string]any) error {
	f.rows[table] = append(f.rows[table], delivery.Row{Table: table, Values: values})
	if len(f.rows[table]) < batch {
		return nil
	}
	return f.writeRows(table)
}

func (f *filler) writeRows(table string) error {
	for _, r := range f.rows[table] {
		if err := f.filling.Row(f.ctx, r); err != nil {
			return err
		}
	}
	f.rows[table] = f.rows[table][:0]
	return nil
}

func (f *filler) writeEvents() error {
	for _, e := range f.events {
		if err := f.filling.Event(f.ctx, e); err != nil {
			return err
		}
	}
	f.events = f.events[:0]
	return nil
}

// end writes the rest, what runs in each environment, and the last promotion into each stage.
func (f *filler) end() error {
	for _, environment := range slices.Sorted(maps.Keys(f.running)) {
		f.rows["deployments"] = append(f.rows["deployments"], f.running[environment])
	}
	for _, stage := range slices.Sorted(maps.Keys(f.promotions)) {
		f.rows["promotions"] = append(f.rows["promotions"], f.promotions[stage])
	}
	for _, table := range slices.Sorted(maps.Keys(f.rows)) {
		if err := f.writeRows(table); err != nil {
			return err
		}
	}
	return f.writeEvents()
}
