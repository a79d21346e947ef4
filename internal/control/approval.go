package control

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/signature"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Approval returns a decision with its status as of now. A revoked one is not found.
func (c *Control) Approval(ctx context.Context, id string) (delivery.Approval, error) {
	var found delivery.Approval
	err := c.o.Store.View(ctx, func(r store.Reader) error {
		a, err := r.Approval(ctx, id)
		if err != nil {
			return err
		}
		if a.RevokedAt != nil {
			return delivery.Errorf(delivery.CodeNotFound, "approval %q was revoked at %s", id, a.RevokedAt.Format("2006-01-02T15:04:05Z07:00"))
		}
		a.Status = delivery.ApprovalVoid
		w, err := c.load(ctx, r, a.Spec.Pipeline, nil, a.Spec.Version)
		if err != nil && !delivery.IsNotFound(err) {
			return err
		}
		if err == nil {
			a.Status = w.ApprovalStatus(a)
		}
		found = a
		return nil
	})
	return found, err
}

// AddApproval records a decision on exactly what would be deployed now. The same decision again, while it is valid, is the one
// that is there: a caller that lost the answer does not decide twice.
func (c *Control) AddApproval(ctx context.Context, actor string, spec delivery.ApprovalSpec) (delivery.Approval, error) {
	var given delivery.Approval
	subject := fmt.Sprintf("%s/%s/%s", spec.Pipeline, spec.Version, spec.Stage)
	err := c.journal.Change(ctx, actor, delivery.EventApprovalRefused, subject, func(tx store.Tx) ([]journal.Entry, error) {
		w, err := c.load(ctx, tx, spec.Pipeline, nil, spec.Version)
		if err != nil {
			return nil, noPipeline(err)
		}
		spec := spec
		if _, err := approvable(w, actor, &spec); err != nil {
			return nil, err
		}
		if spec.Undecided(actor) {
			given = undecided(spec)
			return nil, nil
		}
		if same := w.Given(spec); same != nil {
			given = *same
			given.Status = w.ApprovalStatus(given)
			return nil, nil
		}
		number := 1
		for _, a := range w.Approvals {
			if a.Spec.Version == spec.Version && a.Spec.Stage == spec.Stage && person.Same(a.Spec.Approver, spec.Approver) {
				number++
			}
		}
		given = w.Decision(spec, actor, fmt.Sprintf("%s/%s/%d", subject, person.Key(spec.Approver), number), number)
		entries, err := journal.One(spec.Decision.EventKind(), given.ID, given), tx.AddApproval(ctx, given)
		given.Status = delivery.ApprovalValid // of now: neither the row nor the event has it
		return entries, err
	})
	return given, err
}

// undecided is a decision that is left to the person whom it names. The ledger does not keep it: nothing may ever take it for a decision.
func undecided(spec delivery.ApprovalSpec) delivery.Approval {
	return delivery.Approval{Spec: spec, Status: delivery.ApprovalUndecided,
		ID: fmt.Sprintf("%s/%s/%s/%s/%s", spec.Pipeline, spec.Version, spec.Stage, person.Key(spec.Approver), delivery.ApprovalUndecided)}
}

// approvable checks that this decision may be recorded: the actor's own, or one that is signed by the person it names. It fills in who
// decides, and returns what the decision covers. Of another person's decision without a signature, it checks only that it is about something
// that exists.
func approvable(w delivery.World, actor string, spec *delivery.ApprovalSpec) (delivery.ApprovalRequest, error) {
	none := delivery.ApprovalRequest{}
	if spec.Approver == "" {
		spec.Approver = actor
	}
	if err := spec.Validate().Err(); err != nil {
		return none, err
	}
	if given := w.Given(*spec); given != nil && !spec.Undecided(actor) {
		return given.Request(), nil
	}
	release, known := w.Releases[spec.Version]
	stage, exists := w.Pipeline.Stage(spec.Stage)
	if !known && exists {
		return none, noRelease(w, spec.Version)
	}
	request := delivery.ApprovalRequest{}
	if exists {
		request = w.ApprovalRequest(stage, release, spec.Decision)
	}
	if spec.Undecided(actor) {
		if !exists {
			return none, spec.ValidateGate(w, release, actor, "").Err()
		}
		return request, nil
	}
	key := ""
	if spec.Signature != "" && exists {
		var err error
		if key, err = signature.Signer(spec.Signature, request.Payload()); err != nil {
			return none, &delivery.Error{Code: delivery.CodeConflict, Field: "signature", Message: fmt.Sprintf(
				"the signature does not hold for what would be deployed now, in ledger %s: %v. It may be one for another content, or for another ledger. Sign the payload of data \"cd_approval_request\" again, with: ssh-keygen -Y sign -n %s -f KEY FILE", request.Ledger, err, delivery.SignatureNamespace)}
		}
	}
	if used := signedBefore(w, *spec, request, key); used != nil {
		return none, &delivery.Error{Code: delivery.CodeConflict, Field: "signature", Message: fmt.Sprintf(
			"%s has signed this already, for decision %s, and a signature is valid for one decision. To replace that decision, remove it, apply, and have the payload of data \"cd_approval_request\" signed again", spec.Approver, used.ID)}
	}
	if !person.Same(spec.Approver, actor) && !w.SignedFor(stage, spec.Approver, key) {
		return none, &delivery.Error{Code: delivery.CodeConflict, Field: "approver", Message: fmt.Sprintf(
			"%s acts here, and the signature is not one of %s by a key of the gate's signed_by; give theirs, or leave signature out and let %s apply it (the provider's actor)", actor, spec.Approver, spec.Approver)}
	}
	if err := spec.ValidateGate(w, release, actor, key).Err(); err != nil { // first: an author learns that they may not, and no content to name
		return request, err
	}
	return request, spec.ValidateContent(w, release, key).Err()
}

// signedBefore returns the decision for which the approver's key has signed the same request already; nil if there is none. A signature is
// valid for one decision: with another comment it would be another one.
func signedBefore(w delivery.World, spec delivery.ApprovalSpec, request delivery.ApprovalRequest, key string) *delivery.Approval {
	for _, a := range w.Approvals {
		if key == "" || a.Spec.Signature == "" || a.Spec.Version != spec.Version || a.Spec.Stage != spec.Stage || !person.Same(a.Spec.Approver, spec.Approver) {
			continue
		}
		if signer, err := signature.Signer(a.Spec.Signature, request.Payload()); err == nil && signer == key {
			return &a
		}
	}
	return nil
}

// ApprovalRequest returns what an approver is asked to sign, as of now.
func (c *Control) ApprovalRequest(ctx context.Context, pipeline, version, stage string, decision delivery.ApprovalDecision) (delivery.ApprovalRequest, error) {
	w, err := c.view(ctx, pipeline, nil, version)
	if err != nil {
		return delivery.ApprovalRequest{}, err
	}
	s, exists := w.Pipeline.Stage(stage)
	release, known := w.Releases[version]
	switch {
	case decision != delivery.Approve && decision != delivery.Reject:
		return delivery.ApprovalRequest{}, &delivery.Error{Code: delivery.CodeInvalid, Field: "decision", Message: fmt.Sprintf("%q is not a decision; use \"approve\" or \"reject\"", decision)}
	case !exists:
		return delivery.ApprovalRequest{}, &delivery.Error{Code: delivery.CodeNotFound, Field: "stage", Message: w.Pipeline.NoStage(stage)}
	case !known:
		return delivery.ApprovalRequest{}, &delivery.Error{Code: delivery.CodeNotFound, Field: "version", Message: fmt.Sprintf("%s has no release %q", w.Pipeline, version)}
	}
	return w.ApprovalRequest(s, release, decision), nil
}

// RevokeApproval takes a decision back. The decision and its revocation both stay in the ledger. One that was used is history: that is a conflict.
func (c *Control) RevokeApproval(ctx context.Context, actor, id string) error {
	return c.journal.Change(ctx, actor, delivery.EventApprovalRefused, id, func(tx store.Tx) ([]journal.Entry, error) {
		a, err := tx.Approval(ctx, id)
		if err != nil {
			return nil, err
		}
		if a.RevokedAt != nil {
			return nil, delivery.Errorf(delivery.CodeNotFound, "approval %q was revoked already", id)
		}
		if !a.RevocableBy(actor) {
			return nil, delivery.Errorf(delivery.CodeForbidden, "%s acts here, and only the person who rejected may revoke %s; let %s revoke it", actor, a, a.Spec.Approver)
		}
		switch w, err := c.load(ctx, tx, a.Spec.Pipeline, nil, a.Spec.Version); {
		case err != nil && !delivery.IsNotFound(err):
			return nil, err
		case err == nil && w.ApprovalStatus(a) == delivery.ApprovalUsed:
			return nil, delivery.Errorf(delivery.CodeConflict, "approval %q was used: %s was verified in %s under it. It stays in the ledger; deliver another version, or reject this one", id, a.Spec.Version, a.Spec.Stage)
		}
		at := c.now()
		a.RevokedAt = &at
		return journal.One(delivery.EventApprovalRevoked, id, a), tx.RevokeApproval(ctx, id, at)
	})
}
