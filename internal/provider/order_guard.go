package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/planned"
)

// orderGuard binds an apply to what its plan counted. Where Terraform keeps the private data of a planned change (1.16 and later), a plan
// that counts a change whose order nothing fixes warns, and names the change there. The apply refuses the delivery until the ledger has it.
//
// The data goes three ways: the plan answers with it; the plan that the apply makes again gets it and confirms it; the change itself gets what
// was confirmed. What was not confirmed did not come from the plan, and then nothing is delivered. It never gets into the state.
type orderGuard struct {
	tfprotov6.ProviderServer
	session func() *session
}

func (p *cdProvider) guardOrder(next tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	return &orderGuard{next, p.session.Load}
}

// orderKey is where private data has the note.
const orderKey = "order"

// orderNote is what a plan keeps for its apply.
type orderNote struct {
	// Confirmed is true once the apply got the note that the plan made.
	Confirmed bool `json:"confirmed,omitempty"`
	// Doing says what the change does, such as: promote release "shop/1.0.0". It is empty for a change that delivers nothing.
	Doing string        `json:"doing,omitempty"`
	Bound []boundChange `json:"bound,omitempty"`
}

// boundChange is a change that the ledger must have before the delivery.
type boundChange struct {
	delivery.PlannedChange
	Says     string `json:"says"`               // as messages name it
	Argument string `json:"argument,omitempty"` // the depends_on that fixes the order
}

// binding collects the note while one change is planned.
type binding struct {
	mu       sync.Mutex
	applying bool // whether the apply makes this plan
	note     orderNote
}

type bindingKey struct{}

// bindingFrom returns the binding of a request; nil if this Terraform keeps no private data.
func bindingFrom(ctx context.Context) *binding {
	b, _ := ctx.Value(bindingKey{}).(*binding)
	return b
}

// delivers notes what the change does.
func (b *binding) delivers(doing string) {
	if b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.note.Doing = doing
	}
}

// bind adds changes that the ledger must have before.
func (b *binding) bind(changes []boundChange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note.Bound = append(b.note.Bound, changes...)
}

// PlanResourceChange plans a change, and has Terraform keep what the plan counted.
func (g *orderGuard) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	data := planned.From(ctx)
	if !data.Stored || isNull(req.ProposedNewState) { // a destroy delivers nothing
		return g.ProviderServer.PlanResourceChange(ctx, req)
	}
	b := &binding{}
	if kept, ok := orderNoteIn(data.Kept); ok {
		b.applying, b.note = true, kept
		b.note.Confirmed = true
		if s := g.session(); s != nil {
			s.applying.Store(true)
		}
	}
	resp, err := g.ProviderServer.PlanResourceChange(context.WithValue(ctx, bindingKey{}, b), req)
	if err != nil || failed(resp.Diagnostics) || !b.applying && sameValue(resp.PlannedState, req.PriorState) {
		return resp, err
	}
	resp.PlannedPrivate, err = withEntry(resp.PlannedPrivate, orderKey, b.note)
	return resp, err
}

// ApplyResourceChange makes a change, unless the ledger lacks what its plan counted.
func (g *orderGuard) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	note, ok := orderNoteIn(req.PlannedPrivate)
	if !ok {
		return g.ProviderServer.ApplyResourceChange(ctx, req)
	}
	bare := *req
	var err error
	if bare.PlannedPrivate, err = withoutEntry(req.PlannedPrivate, orderKey); err != nil {
		return nil, err
	}
	if refusal := g.session().refuseUnrecorded(ctx, note); refusal != nil && !isNull(req.PlannedState) {
		return &tfprotov6.ApplyResourceChangeResponse{NewState: req.PriorState, NewIdentity: req.PlannedIdentity, Private: bare.PlannedPrivate,
			Diagnostics: []*tfprotov6.Diagnostic{refusal}}, nil
	}
	return g.ProviderServer.ApplyResourceChange(ctx, &bare)
}

// refuseUnrecorded refuses a delivery until the ledger has what its plan counted.
func (s *session) refuseUnrecorded(ctx context.Context, note orderNote) *tfprotov6.Diagnostic {
	refusal := func(summary, detail string) *tfprotov6.Diagnostic {
		return &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: "Unable to " + note.Doing + summary, Detail: detail}
	}
	if note.Doing == "" {
		return nil
	}
	if !note.Confirmed {
		return refusal("", "What the plan counted did not reach this apply: another version of the provider or of Terraform made the plan, or something between Terraform and the provider dropped it. Nothing was deployed. Plan again.")
	}
	missing, err := s.unrecorded(ctx, note.Bound)
	if err != nil {
		return refusal(": whether what the plan counted is recorded is not known", err.Error()+"\nNothing was deployed. Apply again.")
	}
	if len(missing) == 0 {
		return nil
	}
	names, arguments := []string{}, []string{}
	for _, change := range missing {
		names = append(names, change.Says)
		if change.Argument != "" {
			arguments = append(arguments, change.Argument)
		}
	}
	listed, how := strings.Join(unique(names), " and "), "Nothing was deployed. Plan and apply again: then the plan counts what is recorded."
	if len(arguments) > 0 {
		how += " To have Terraform record it first, add this:\n\n" + strings.Join(unique(arguments), "\n")
	}
	return refusal(fmt.Sprintf(": the plan counted %s, which the ledger does not have yet", listed),
		"Nothing fixes their order, and the apply came to this one first. "+how)
}

// unrecorded returns the changes that the ledger does not have.
func (s *session) unrecorded(ctx context.Context, bound []boundChange) ([]boundChange, error) {
	if len(bound) == 0 {
		return nil, nil
	}
	request := delivery.OutstandingRequest{}
	for _, change := range bound {
		request.Changes = append(request.Changes, change.PlannedChange)
	}
	api, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := api.Outstanding(ctx, request)
	if err != nil {
		return nil, err
	}
	missing := []boundChange{}
	for _, i := range answer.Outstanding {
		missing = append(missing, bound[i])
	}
	return missing, nil
}

// orderNoteIn reads the note from private data; ok is false if there is none.
func orderNoteIn(private []byte) (note orderNote, ok bool) {
	var entries map[string][]byte
	if len(private) == 0 || json.Unmarshal(private, &entries) != nil || entries[orderKey] == nil {
		return orderNote{}, false
	}
	return note, json.Unmarshal(entries[orderKey], &note) == nil
}

// sameValue reports whether two values are the same bytes. What is the same value in other bytes is taken for a change, which costs a note.
func sameValue(a, b *tfprotov6.DynamicValue) bool {
	return a != nil && b != nil && bytes.Equal(a.MsgPack, b.MsgPack) && bytes.Equal(a.JSON, b.JSON)
}
