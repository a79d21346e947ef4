package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ledgerGuard stands before the framework and the fast path. The private state of each resource has a position in its ledger's history; the
// guard refuses whatever is asked about a resource whose position the ledger does not hold, before anything is done. It keeps the position
// after each change, and where there is none: after an import, and in states of earlier versions.
//
// What a read writes into private state is kept only if Terraform applies something, so the position is a lower bound: the ledger has at least
// this event.
type ledgerGuard struct {
	tfprotov6.ProviderServer
	session func() *session
}

func (p *cdProvider) guardLedger(next tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	return &ledgerGuard{next, p.session.Load}
}

// ReadResource refreshes a resource of this ledger.
func (g *ledgerGuard) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	s, kept := g.session(), positionIn(req.Private)
	if err := s.recognize(ctx, kept); err != nil {
		return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: req.CurrentIdentity, Private: req.Private, Diagnostics: ledgerRefusal(err)}, nil
	}
	resp, err := g.ProviderServer.ReadResource(ctx, req)
	if err != nil || isNull(resp.NewState) || failed(resp.Diagnostics) {
		return resp, err
	}
	if newest := s.toKeep(ctx, kept); newest != nil {
		resp.Private, err = withEntry(resp.Private, ledgerKey, *newest)
	}
	resp.Diagnostics = append(resp.Diagnostics, s.ledgerWarnings(ctx)...)
	return resp, err
}

// PlanResourceChange plans a change of a resource of this ledger.
func (g *ledgerGuard) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	s := g.session()
	if err := s.recognize(ctx, positionIn(req.PriorPrivate)); err != nil {
		return &tfprotov6.PlanResourceChangeResponse{PlannedState: req.PriorState, PlannedIdentity: req.PriorIdentity, PlannedPrivate: req.PriorPrivate, Diagnostics: ledgerRefusal(err)}, nil
	}
	resp, err := g.ProviderServer.PlanResourceChange(ctx, req)
	if err == nil && !failed(resp.Diagnostics) {
		resp.Diagnostics = append(resp.Diagnostics, s.ledgerWarnings(ctx)...)
	}
	return resp, err
}

// ApplyResourceChange changes a resource of this ledger. What it refuses stays in the state as it was.
func (g *ledgerGuard) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	s := g.session()
	if err := s.recognize(ctx, positionIn(req.PlannedPrivate)); err != nil {
		return &tfprotov6.ApplyResourceChangeResponse{NewState: req.PriorState, NewIdentity: req.PlannedIdentity, Private: req.PlannedPrivate, Diagnostics: ledgerRefusal(err)}, nil
	}
	resp, err := g.ProviderServer.ApplyResourceChange(ctx, req)
	if err != nil || isNull(resp.NewState) {
		return resp, err
	}
	kept := positionIn(resp.Private)
	if newest := s.afterChange(ctx, kept); newest != nil {
		resp.Private, err = withEntry(resp.Private, ledgerKey, *newest)
	}
	return resp, err
}

// ledgerKey is where private state has the position.
const ledgerKey = "ledger"

// positionIn reads the position from private state, which the framework encodes as a JSON object of base64 texts. It is nil if there is none.
func positionIn(private []byte) *delivery.LedgerPosition {
	var entries map[string][]byte
	var kept delivery.LedgerPosition
	if len(private) == 0 || json.Unmarshal(private, &entries) != nil || json.Unmarshal(entries[ledgerKey], &kept) != nil || kept.Ledger == "" {
		return nil
	}
	return &kept
}

// recognize refuses a position that the ledger does not hold, and any other ledger than the one that the provider's block names. Without a
// session nothing is known, and nothing can be done.
func (s *session) recognize(ctx context.Context, kept *delivery.LedgerPosition) error {
	if s == nil {
		return nil
	}
	if s.ledgerID != "" {
		if _, err := s.client(ctx); err != nil { // compares the id
			return err
		}
	}
	if kept == nil {
		return nil
	}
	page, err := s.ledgerPage(ctx, kept.Seq)
	if err == nil {
		err = page.Recognize(*kept)
	}
	return err
}

// afterChange is the position to keep after a change. It is nil if the one that is there is as new: an identical declaration writes no event.
func (s *session) afterChange(ctx context.Context, kept *delivery.LedgerPosition) *delivery.LedgerPosition {
	written := s.lastWritten()
	if written.Seq == 0 || kept != nil && kept.Ledger == written.Ledger && kept.Seq >= written.Seq {
		return s.toKeep(ctx, kept)
	}
	return &written
}

// requireLedger refuses any other ledger than the one that the provider's block names, if it names one.
func (s *session) requireLedger(ctx context.Context, api *client.Client) error {
	if s.ledgerID == "" {
		return nil
	}
	found, err := api.Ledger(ctx, 0)
	switch {
	case err != nil:
		return err
	case found.Newest.Ledger == "":
		return delivery.Errorf(delivery.CodeConflict, "there is no ledger here, and ledger_id is %s. Correct the provider's ledger or CD_LEDGER, or restore the ledger from a backup. To begin with an empty one, remove ledger_id", s.ledgerID)
	case found.Newest.Ledger != s.ledgerID:
		return delivery.Errorf(delivery.CodeConflict, "this is ledger %s, and ledger_id is %s. Correct the provider's ledger or CD_LEDGER. If this is the right ledger, correct ledger_id", found.Newest.Ledger, s.ledgerID)
	}
	return nil
}

// toKeep is the position to write into the private state of a resource that was read. It is nil if the one that is there will do.
func (s *session) toKeep(ctx context.Context, kept *delivery.LedgerPosition) *delivery.LedgerPosition {
	if s == nil {
		return nil
	}
	seq := int64(1)
	if kept != nil {
		seq = kept.Seq
	}
	page, err := s.ledgerPage(ctx, seq)
	if err != nil || page.Newest.Ledger == "" || kept != nil && page.Holds(*kept) {
		return nil // what cannot be read now is kept next time
	}
	return &page.Newest
}

// ledgerPage is the page of the ledger's history that has an event. Each page is read once, and again only once this process has written
// beyond its end.
func (s *session) ledgerPage(ctx context.Context, seq int64) (delivery.LedgerPage, error) {
	page := delivery.LedgerPageOf(seq)
	s.mu.Lock()
	list := s.history[page]
	if list == nil || s.api != nil && s.api.Written().Seq >= seq && list.end > 0 && seq > list.end {
		list = &ledgerPages{}
		s.history[page] = list
	}
	s.mu.Unlock()
	found, err := list.get(ctx, "page", ledgerKey, func(ctx context.Context) (map[string]delivery.LedgerPage, error) {
		api, err := s.client(ctx)
		if err != nil {
			return nil, err
		}
		found, err := api.Ledger(ctx, seq)
		return map[string]delivery.LedgerPage{ledgerKey: found}, err
	})
	if err == nil {
		s.mu.Lock()
		list.end = found.Newest.Seq
		s.mu.Unlock()
	}
	return found, err
}

// ledgerPages is one page, read once, and where the history ended then.
type ledgerPages struct {
	snapshot[delivery.LedgerPage]

	end int64
}

// lastWritten is the newest event that the control plane wrote for this process.
func (s *session) lastWritten() delivery.LedgerPosition {
	if s == nil {
		return delivery.LedgerPosition{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api == nil {
		return delivery.LedgerPosition{}
	}
	return s.api.Written()
}

// maxClockDifference is how far a machine's clock may be off before a plan warns.
const maxClockDifference = time.Minute

// ledgerWarnings says once what is wrong with the ledger or with the clock of this machine. It does not open the ledger.
func (s *session) ledgerWarnings(ctx context.Context) []*tfprotov6.Diagnostic {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	asks := s.api != nil && !s.warned
	s.warned = s.warned || asks
	s.mu.Unlock()
	if !asks {
		return nil
	}
	page, err := s.ledgerPage(ctx, 1)
	if err != nil {
		return nil // whatever needs the ledger says so
	}
	var warnings []*tfprotov6.Diagnostic
	warn := func(summary, detail string) {
		warnings = append(warnings, &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: summary, Detail: detail})
	}
	if page.Moved != nil {
		warn("The ledger was moved", page.Takes("").Error()+".")
	}
	if ahead := page.ClockAhead; ahead.Abs() > maxClockDifference {
		direction := "ahead of"
		if ahead < 0 {
			direction = "behind"
		}
		warn("The clock of this machine is wrong", fmt.Sprintf("It is %s %s the clock of the ledger's database. Gates, freezes and expiries go by the database's clock. Correct this machine's clock.", ahead.Abs().Round(time.Second), direction))
	}
	return warnings
}

func ledgerRefusal(err error) []*tfprotov6.Diagnostic {
	return []*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityError, Summary: "Unable to use this ledger", Detail: err.Error()}}
}

func failed(diagnostics []*tfprotov6.Diagnostic) bool {
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return true
		}
	}
	return false
}

// isNull reports whether a value is null, in either encoding.
func isNull(value *tfprotov6.DynamicValue) bool {
	return value == nil || bytes.Equal(value.MsgPack, []byte{0xc0}) || len(value.MsgPack) == 0 && (len(value.JSON) == 0 || bytes.Equal(value.JSON, []byte("null")))
}
