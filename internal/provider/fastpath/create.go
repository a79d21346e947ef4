package fastpath

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ApplyResourceChange creates an environment if the ledger then holds it as it was planned. Otherwise the framework answers, and is given
// what came of it: it is not declared twice, and a ledger that does not answer is not waited for twice.
func (s *fastPathServer) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	session, configured := s.session()
	if req.TypeName != environmentTypeName || !configured || !isNull(req.PriorState) {
		return s.ProviderServer.ApplyResourceChange(ctx, req)
	}
	planned, ok := s.plain(req.PlannedState)
	identity, known := s.identified(planned.name, nil)
	if !ok || !known {
		return s.ProviderServer.ApplyResourceChange(ctx, req)
	}
	spec := planned.spec()
	created, err := session.PutEnvironment(ctx, spec)
	if err == nil && planned.is(created) {
		return &tfprotov6.ApplyResourceChangeResponse{NewState: req.PlannedState, NewIdentity: identity, Private: req.PlannedPrivate}, nil
	}
	return s.ProviderServer.ApplyResourceChange(context.WithValue(ctx, attemptKey{}, attempt{spec.Name, created, err}), req)
}

type attemptKey struct{}

// attempt is what came of declaring an environment.
type attempt struct {
	name    string
	written delivery.Environment
	err     error
}

// Attempted returns what came of declaring an environment, if this request did that already.
func Attempted(ctx context.Context, name string) (written delivery.Environment, attempted bool, err error) {
	done, ok := ctx.Value(attemptKey{}).(attempt)
	if !ok || done.name != name {
		return delivery.Environment{}, false, nil
	}
	return done.written, true, done.err
}
