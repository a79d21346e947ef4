package fastpath

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Resource answers requests about objects of one resource type that a plan does not change. The framework takes several milliseconds for
// each of them, to find nothing.
type Resource struct {
	Type     tftypes.Type
	Identity tftypes.Object // its attributes are strings, and are in the state too
	// MutableIdentity is set if a plan takes the identity from the planned state, where Terraform does not keep it yet.
	MutableIdentity bool

	// Validate reports whether the framework would find no problem in a configuration, which may be unknown in part.
	Validate func(ctx context.Context, config tftypes.Value) bool
	// Read returns the attributes that the control plane describes otherwise than the state does. ok is false if the framework has to read
	// the object.
	Read func(ctx context.Context, state tftypes.Value) (changed map[string]tftypes.Value, ok bool)
	// Plan reports whether applying would change nothing and the user has to be told nothing. The proposed state equals the prior one.
	Plan func(ctx context.Context, config, state tftypes.Value) bool
}

// Resources returns a resource by its type name, over the session of this moment. ok is false if it is not answered for. While the provider is
// not configured, Read and Plan report false.
type Resources func(typeName string) (r Resource, ok bool)

func (s *fastPathServer) readUnchanged(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, bool) {
	r, ok := s.resources(req.TypeName)
	if !ok {
		return nil, false
	}
	state, ok := known(r.Type, req.CurrentState)
	if !ok {
		return nil, false
	}
	changed, ok := r.Read(ctx, state)
	if !ok {
		return nil, false
	}
	identity, ok := r.identityOf(state)
	if !ok || req.CurrentIdentity != nil && !sameIdentity(req.CurrentIdentity, identity) {
		return nil, false
	}
	current := req.CurrentState
	if len(changed) > 0 {
		if current, ok = r.with(state, changed); !ok {
			return nil, false
		}
	}
	return &tfprotov6.ReadResourceResponse{NewState: current, NewIdentity: identity, Private: req.Private}, true
}

// with writes a state in which some attributes have changed. Those of the identity never do.
func (r Resource) with(state tftypes.Value, changed map[string]tftypes.Value) (*tfprotov6.DynamicValue, bool) {
	var attributes map[string]tftypes.Value
	if state.As(&attributes) != nil {
		return nil, false
	}
	for name, value := range changed {
		if _, identifies := r.Identity.AttributeTypes[name]; identifies {
			return nil, false
		}
		attributes[name] = value
	}
	written, err := tfprotov6.NewDynamicValue(r.Type, tftypes.NewValue(r.Type, attributes))
	return &written, err == nil
}

func (s *fastPathServer) planUnchangedResource(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, bool) {
	r, ok := s.resources(req.TypeName)
	if !ok {
		return nil, false
	}
	state, ok := known(r.Type, req.ProposedNewState)
	if !ok || !isUnchanged(req) && !r.isEqual(req.PriorState, state) {
		return nil, false
	}
	config, ok := known(r.Type, req.Config)
	if !ok || !r.Plan(ctx, config, state) {
		return nil, false
	}
	identity := req.PriorIdentity
	switch {
	case r.MutableIdentity:
		planned, ok := r.identityOf(state)
		if !ok || identity != nil && !sameIdentity(identity, planned) {
			return nil, false
		}
		identity = planned
	case identity == nil:
		null, err := tfprotov6.NewDynamicValue(r.Identity, tftypes.NewValue(r.Identity, nil))
		if err != nil {
			return nil, false
		}
		identity = &tfprotov6.ResourceIdentityData{IdentityData: &null}
	}
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: req.ProposedNewState, PlannedIdentity: identity, PlannedPrivate: req.PriorPrivate}, true
}

// isEqual compares a prior state that is encoded in other bytes: the order of attributes means nothing.
func (r Resource) isEqual(prior *tfprotov6.DynamicValue, state tftypes.Value) bool {
	was, ok := known(r.Type, prior)
	return ok && was.Equal(state)
}

// known reads a value that is not null, and all of which is known.
func known(t tftypes.Type, from *tfprotov6.DynamicValue) (tftypes.Value, bool) {
	if from == nil || len(from.MsgPack) == 0 {
		return tftypes.Value{}, false
	}
	value, err := from.Unmarshal(t)
	return value, err == nil && !value.IsNull() && value.IsFullyKnown()
}

// identityOf returns the identity of an object from its state.
func (r Resource) identityOf(state tftypes.Value) (*tfprotov6.ResourceIdentityData, bool) {
	var attributes map[string]tftypes.Value
	if state.As(&attributes) != nil {
		return nil, false
	}
	parts := make(map[string]tftypes.Value, len(r.Identity.AttributeTypes))
	for name := range r.Identity.AttributeTypes {
		parts[name] = attributes[name]
	}
	data, err := tfprotov6.NewDynamicValue(r.Identity, tftypes.NewValue(r.Identity, parts))
	return &tfprotov6.ResourceIdentityData{IdentityData: &data}, err == nil
}

func (r Resource) validates(ctx context.Context, from *tfprotov6.DynamicValue) bool {
	if from == nil || len(from.MsgPack) == 0 {
		return false
	}
	config, err := from.Unmarshal(r.Type)
	return err == nil && !config.IsNull() && config.IsKnown() && r.Validate(ctx, config)
}
