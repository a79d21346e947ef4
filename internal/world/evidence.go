package world

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/signature"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// signers verifies the signatures of decisions and returns, for each whose signature holds in the ledger, the key that made it.
func signers(l delivery.Ledger, approvals []delivery.Approval) map[string]string {
	keys := map[string]string{}
	for _, a := range approvals {
		if a.Spec.Signature == "" || !a.Signable(l) {
			continue
		}
		if key, err := signature.Signer(a.Spec.Signature, a.Request().Payload()); err == nil {
			keys[a.ID] = key
		}
	}
	return keys
}

// loadEvidence loads the releases, and what gates look at beside deployments, rollouts and what is declared: approvals and
// reports, revoked and withdrawn ones too, and the overrides that still apply.
func loadEvidence(ctx context.Context, r store.Reader, w *delivery.World, versions []string) error {
	found, err := r.Evidence(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	w.Releases = map[string]delivery.Release{}
	for _, release := range found.Releases {
		w.Releases[release.Spec.Version] = release
	}
	w.Approvals, w.Signers = found.Approvals, signers(w.Ledger, found.Approvals)
	w.Reports = found.TestReports
	w.Overrides = slices.DeleteFunc(found.Overrides, func(o delivery.Override) bool { return o.RevokedAt != nil })
	return nil
}

// LoadRollouts loads those that a gate may count at the world's moment. Anyone who changes its gates or its moment loads them again.
func LoadRollouts(ctx context.Context, r store.Reader, w *delivery.World) (err error) {
	span := w.FrequencySpan()
	if span == 0 {
		return nil
	}
	stages := make([]string, len(w.Pipeline.Stages))
	for i, s := range w.Pipeline.Stages {
		stages[i] = s.Name
	}
	w.Rollouts, err = r.Rollouts(ctx, w.Pipeline.Name, stages, w.Now.Add(-span))
	return err
}
