package worker

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// watched is the ledger under the oracle's eyes.
type watched struct {
	store.Store
	oracle *oracle
}

type watchedTx struct {
	store.Tx
	oracle *oracle
	wrong  []string
	said   map[string]map[string]string
	skips  map[string]map[string]string
	told   []string // reports, by id
	gone   []string // reports and overrides
	began  map[string]beginning
}

func (s watched) Update(ctx context.Context, f func(store.Tx) error) error {
	s.oracle.moment.RLock()
	defer s.oracle.moment.RUnlock()
	var tx *watchedTx
	err := s.Store.Update(ctx, func(inner store.Tx) error {
		tx = &watchedTx{Tx: inner, oracle: s.oracle, said: map[string]map[string]string{}, skips: map[string]map[string]string{}, began: map[string]beginning{}}
		return f(tx)
	})
	if tx != nil && err == nil { // what was undone did not happen
		s.oracle.complain(tx.wrong...)
		s.oracle.beganAs(tx.began)
		s.oracle.mu.Lock()
		maps.Copy(s.oracle.covered, tx.said)
		maps.Copy(s.oracle.skips, tx.skips)
		s.oracle.said = append(s.oracle.said, sortedKeys(tx.said)...)
		s.oracle.reported = append(s.oracle.reported, tx.told...)
		for _, id := range tx.gone {
			s.oracle.gone[id] = true
		}
		s.oracle.mu.Unlock()
	}
	return err
}

// patience is how many wrong deployments of one history are looked at: an engine that is broken on purpose may never come to an end.
const patience = 20

func (tx *watchedTx) AddDeployment(ctx context.Context, d delivery.Deployment) (delivery.Deployment, error) {
	if len(tx.oracle.complaints()) >= patience {
		return d, delivery.Errorf(delivery.CodeInternal, "enough has gone wrong")
	}
	here := setup{ctx: ctx, oracle: tx.oracle, ledger: tx.Tx, now: tx.oracle.clock.now()}
	for _, why := range here.judge(d) {
		tx.wrong = append(tx.wrong, fmt.Sprintf("%s of %s/%s to %s (%s, attempt %d): %s", d.Kind, d.Pipeline, d.Content.Version, d.Environment, d.Stage, d.Attempt, why))
	}
	tx.began[d.ID] = here.begins(d)
	return tx.Tx.AddDeployment(ctx, d)
}

// AppendEvents looks at what goes on after an interruption: nothing else tells of it.
func (tx *watchedTx) AppendEvents(ctx context.Context, events ...delivery.Event) ([]delivery.Event, error) {
	here := setup{ctx: ctx, oracle: tx.oracle, ledger: tx.Tx, now: tx.oracle.clock.now()}
	for _, e := range events {
		if e.Kind == "deployment.resumed" {
			tx.wrong = append(tx.wrong, here.judgeResumed(e)...)
		}
	}
	return tx.Tx.AppendEvents(ctx, events...)
}

// PutDeployment looks at what a verification says of what Terraform deployed.
func (tx *watchedTx) PutDeployment(ctx context.Context, d delivery.Deployment) error {
	here := setup{ctx: ctx, oracle: tx.oracle, ledger: tx.Tx, now: tx.oracle.clock.now()}
	tx.wrong = append(tx.wrong, here.judgeVerification(d)...)
	return tx.Tx.PutDeployment(ctx, d)
}

func (tx *watchedTx) AddApproval(ctx context.Context, a delivery.Approval) error {
	here := setup{ctx: ctx, oracle: tx.oracle, ledger: tx.Tx, now: tx.oracle.clock.now()}
	if a.Spec.Signature == "" {
		tx.requireNamed(a.ID, a.Spec.Content, a.ContentDigest)
	}
	tx.said[a.ID] = here.toApprove(a.Spec.Pipeline, a.Spec.Stage, a.Spec.Version)
	return tx.Tx.AddApproval(ctx, a)
}

func (tx *watchedTx) AddOverride(ctx context.Context, o delivery.Override) error {
	here := setup{ctx: ctx, oracle: tx.oracle, ledger: tx.Tx, now: tx.oracle.clock.now()}
	tx.requireNamed(o.ID, o.Spec.Content, o.ContentDigest)
	tx.skips[o.ID] = here.toApprove(o.Spec.Pipeline, o.Spec.Stage, o.Spec.Version)
	return tx.Tx.AddOverride(ctx, o)
}

// requireNamed complains of a decision that does not say what it is about.
func (tx *watchedTx) requireNamed(id, content, digest string) {
	if len(content) < 12 || !strings.HasPrefix(digest, "sha256:"+content) {
		tx.wrong = append(tx.wrong, fmt.Sprintf("%s names the content %q, and is recorded for %s", id, content, digest))
	}
}

func (tx *watchedTx) AddTestReport(ctx context.Context, r delivery.TestReport) error {
	tx.told = append(tx.told, r.ID)
	return tx.Tx.AddTestReport(ctx, r)
}

func (tx *watchedTx) WithdrawTestReport(ctx context.Context, id string, at time.Time) error {
	tx.gone = append(tx.gone, id)
	return tx.Tx.WithdrawTestReport(ctx, id, at)
}

func (tx *watchedTx) RevokeOverride(ctx context.Context, id string, at time.Time) error {
	tx.gone = append(tx.gone, id)
	return tx.Tx.RevokeOverride(ctx, id, at)
}
