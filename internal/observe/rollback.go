package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
)

// askRollbacks tells what each rollback would not find; empty if it would find everything. The artifacts of a release are looked for once for
// each kind of target, however many environments would go back to it.
func (o *Observer) askRollbacks(ctx context.Context, questions []delivery.RollbackQuestion) ([]string, error) {
	type artifacts struct{ release, kind string }
	missing := map[artifacts]*error{}
	looking, lookingCtx := errgroup.WithContext(ctx)
	looking.SetLimit(MaxQuestions)
	for _, q := range questions {
		of := artifacts{q.Deployment.Content.ReleaseDigest, q.Deployment.Content.Target.Kind()}
		if missing[of] != nil {
			continue
		}
		found := new(error)
		missing[of] = found
		looking.Go(func() error {
			*found = o.Preflight(lookingCtx, q.Deployment)
			return lookingCtx.Err()
		})
	}
	if err := looking.Wait(); err != nil {
		return nil, err
	}
	lacks := make([]string, len(questions))
	asking, askingCtx := errgroup.WithContext(ctx)
	asking.SetLimit(MaxQuestions)
	for i, q := range questions {
		asking.Go(func() error {
			lacks[i] = o.lacks(askingCtx, q, *missing[artifacts{q.Deployment.Content.ReleaseDigest, q.Deployment.Content.Target.Kind()}])
			return askingCtx.Err()
		})
	}
	return lacks, asking.Wait()
}

// lacks tells what one rollback would not find, given what is wrong with its artifacts.
func (o *Observer) lacks(ctx context.Context, q delivery.RollbackQuestion, missing error) string {
	lines := []string{}
	if _, ok := o.Drivers[q.Deployment.Content.Target.Kind()]; !ok {
		lines = append(lines, fmt.Sprintf("there is no driver for target %q", q.Deployment.Content.Target.Kind()))
	}
	if missing != nil {
		if err := o.keeps(ctx, q.Deployment); err != nil {
			lines = append(lines, fmt.Sprintf("%v; and %v", missing, err))
		}
	}
	for _, needs := range slices.Sorted(maps.Keys(q.References)) {
		if _, err := secret.Resolve(ctx, o.Secrets, q.References[needs]); err != nil {
			lines = append(lines, fmt.Sprintf("%s: %v", needs, err))
		}
	}
	return strings.Join(lines, "; ")
}

// keeps says why the target of a rollback does not keep what it needs; nil if it does.
func (o *Observer) keeps(ctx context.Context, d delivery.Deployment) error {
	by, ok := o.Drivers[d.Content.Target.Kind()].(driver.Keeper)
	if !ok {
		return fmt.Errorf("a target of kind %s keeps no copy", d.Content.Target.Kind())
	}
	r := Request(delivery.Ledger{}, d, Confidential{})
	r.Earlier, r.Receipt = r.Receipt, ""
	return by.Keeps(ctx, r)
}
