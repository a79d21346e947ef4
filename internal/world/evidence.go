package world

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/signature"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

func loadReleases(ctx context.Context, r store.Reader, w *delivery.World, versions []string) error {
	w.Releases = map[string]delivery.Release{}
	if len(versions) == 0 {
		return nil
	}
	releases, err := r.Releases(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	for _, release := range releases {
		w.Releases[release.Spec.Version] = release
	}
	approvals, err := r.Approvals(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	w.Approvals, w.Signers = approvals, signers(approvals)
	return nil
}

// signers verifies the signatures of decisions and returns, for each whose signature holds, the key that made it.
func signers(approvals []delivery.Approval) map[string]string {
	keys := map[string]string{}
	for _, a := range approvals {
		if a.Spec.Signature == "" {
			continue
		}
		if key, err := signature.Signer(a.Spec.Signature, a.Request().Payload()); err == nil {
			keys[a.ID] = key
		}
	}
	return keys
}

// loadEvidence loads what gates look at beside deployments, approvals and rollouts: reports, freezes, overrides and policies.
func loadEvidence(ctx context.Context, r store.Reader, w *delivery.World, versions []string) (err error) {
	if w.Freezes, err = r.Freezes(ctx); err != nil {
		return err
	}
	if w.Policies, err = r.Policies(ctx); err != nil {
		return err
	}
	if len(versions) == 0 {
		return nil
	}
	reports, err := r.TestReports(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	for _, report := range reports {
		if report.WithdrawnAt == nil {
			w.Reports = append(w.Reports, report)
		}
	}
	overrides, err := r.Overrides(ctx, w.Pipeline.Name, versions...)
	for _, o := range overrides {
		if o.RevokedAt == nil {
			w.Overrides = append(w.Overrides, o)
		}
	}
	return err
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
