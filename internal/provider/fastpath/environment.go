// Package fastpath answers Terraform's requests about plain environments without the plugin framework, which takes a millisecond of CPU time
// and more for each request. What it answers is what the framework would answer: a test compares the two.
package fastpath

import (
	"bytes"
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Session is what a configured provider knows.
type Session interface {
	Environment(ctx context.Context, name string) (delivery.Environment, error)
	PutEnvironment(ctx context.Context, spec delivery.EnvironmentSpec) (delivery.Environment, error)
	Changes() *changeset.Collector
}

// Types are the types of an environment and of its identity.
type Types struct{ Environment, Identity tftypes.Type }

// New returns a server that answers what it can, and passes every other request to next. session returns false while the provider is not
// configured.
func New(next tfprotov6.ProviderServer, types Types, session func() (Session, bool), resources Resources) tfprotov6.ProviderServer {
	return &fastPathServer{ProviderServer: next, types: types, session: session, resources: resources}
}

// fastPathServer answers the requests of a plan about an environment that does not change, and plans and creates new ones. Most environments in most
// plans are one or the other. It handles environments without parity, target and source only, and passes on anything unusual: an unknown or
// null value, an error, a difference of any kind.
type fastPathServer struct {
	tfprotov6.ProviderServer
	types     Types
	session   func() (Session, bool)
	resources Resources
}

const environmentTypeName = "cd_environment"

// ValidateResourceConfig passes a valid environment, and a valid object of a resource that does not change.
func (s *fastPathServer) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if req.TypeName == environmentTypeName {
		if config, ok := s.plain(req.Config); ok && len(config.spec().Validate()) == 0 {
			return &tfprotov6.ValidateResourceConfigResponse{}, nil
		}
	}
	if r, ok := s.resources(req.TypeName); ok && r.validates(ctx, req.Config) {
		return &tfprotov6.ValidateResourceConfigResponse{}, nil
	}
	return s.ProviderServer.ValidateResourceConfig(ctx, req)
}

// ReadResource returns the state of an environment if it equals what the ledger holds.
func (s *fastPathServer) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	session, configured := s.session()
	if req.TypeName == environmentTypeName && configured {
		if state, ok := s.plain(req.CurrentState); ok {
			found, err := session.Environment(ctx, state.name)
			identity, same := s.identified(state.name, req.CurrentIdentity)
			if err == nil && same && state.is(found) {
				return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: identity, Private: req.Private}, nil
			}
		}
	}
	if resp, ok := s.readUnchanged(ctx, req); ok {
		return resp, nil
	}
	return s.ProviderServer.ReadResource(ctx, req)
}

// PlanResourceChange plans no change of an environment whose configuration equals its state, and plans new environments.
func (s *fastPathServer) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	session, configured := s.session()
	if req.TypeName == environmentTypeName && configured {
		planned, ok := req.ProposedNewState, isUnchanged(req) && s.planUnchanged(session.Changes(), req)
		if !ok && isNull(req.PriorState) {
			planned, ok = s.planCreate(session.Changes(), req.Config)
		}
		identity, known := s.identityOr(tftypes.NewValue(s.types.Identity, nil), req.PriorIdentity)
		if ok && known {
			return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned, PlannedIdentity: identity, PlannedPrivate: req.PriorPrivate}, nil
		}
	}
	if resp, ok := s.planUnchangedResource(ctx, req); ok {
		return resp, nil
	}
	return s.ProviderServer.PlanResourceChange(ctx, req)
}

// msgpackNull is how null is written in MessagePack.
var msgpackNull = []byte{0xc0}

func isNull(value *tfprotov6.DynamicValue) bool {
	return value != nil && bytes.Equal(value.MsgPack, msgpackNull)
}

// planCreate plans a new environment and notes it as a change: the computed attributes follow from its configuration.
func (s *fastPathServer) planCreate(changes *changeset.Collector, from *tfprotov6.DynamicValue) (*tfprotov6.DynamicValue, bool) {
	config, attributes, ok := s.plainAttributes(from)
	if !ok || config.id != "" || config.revision != "" || config.effective != nil {
		return nil, false
	}
	spec := config.spec()
	protected := spec.Protected()
	spec.DeletionProtection = &protected
	if len(spec.Validate()) > 0 || !changes.IsUnrelated(spec.Name) {
		return nil, false
	}
	environment := delivery.EnvironmentOf(spec)
	effective := make(map[string]tftypes.Value, len(environment.Status.EffectiveConfig))
	for key, value := range environment.Status.EffectiveConfig {
		effective[key] = tftypes.NewValue(tftypes.String, value)
	}
	attributes["id"] = attributes["name"]
	attributes["effective_config"] = tftypes.NewValue(attributes["effective_config"].Type(), effective)
	attributes["revision"] = tftypes.NewValue(tftypes.String, environment.Status.Revision)
	attributes["deletion_protection"] = tftypes.NewValue(tftypes.Bool, protected)
	planned, err := tfprotov6.NewDynamicValue(s.types.Environment, tftypes.NewValue(s.types.Environment, attributes))
	if err != nil {
		return nil, false
	}
	changes.AddEnvironment(spec, true)
	return &planned, true
}

// identified returns the identity of an environment, which older versions of Terraform do not keep. ok is false if Terraform keeps a
// different one.
func (s *fastPathServer) identified(name string, kept *tfprotov6.ResourceIdentityData) (identity *tfprotov6.ResourceIdentityData, ok bool) {
	identity, ok = s.identityOr(tftypes.NewValue(s.types.Identity, map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, name)}), nil)
	if !ok || kept != nil && !sameIdentity(kept, identity) {
		return nil, false
	}
	return identity, true
}

func sameIdentity(kept, identity *tfprotov6.ResourceIdentityData) bool {
	return kept.IdentityData != nil && bytes.Equal(kept.IdentityData.MsgPack, identity.IdentityData.MsgPack)
}

// identityOr returns the identity that Terraform keeps, or else the given one.
func (s *fastPathServer) identityOr(value tftypes.Value, kept *tfprotov6.ResourceIdentityData) (*tfprotov6.ResourceIdentityData, bool) {
	if kept != nil {
		return kept, true
	}
	data, err := tfprotov6.NewDynamicValue(s.types.Identity, value)
	return &tfprotov6.ResourceIdentityData{IdentityData: &data}, err == nil
}

func isUnchanged(req *tfprotov6.PlanResourceChangeRequest) bool {
	return req.PriorState != nil && req.ProposedNewState != nil && len(req.PriorState.MsgPack) > 0 &&
		bytes.Equal(req.PriorState.MsgPack, req.ProposedNewState.MsgPack)
}

// planUnchanged reports whether no computed attribute of an environment changes and no other environment of this plan has to be
// compared with it. If so, it notes the environment. The proposed state equals the prior state.
func (s *fastPathServer) planUnchanged(changes *changeset.Collector, req *tfprotov6.PlanResourceChangeRequest) bool {
	state, ok := s.plain(req.ProposedNewState)
	config, known := s.plain(req.Config)
	if !ok || !known {
		return false
	}
	spec := config.spec()
	protected := spec.Protected()
	spec.DeletionProtection = &protected
	if len(spec.Validate()) > 0 || !state.is(delivery.EnvironmentOf(spec)) || !changes.IsUnrelated(spec.Name) {
		return false
	}
	changes.AddEnvironment(spec, false)
	return true
}

// plainEnvironment is a fully known environment without parity, target and source.
type plainEnvironment struct {
	id, name, tier, revision             string
	protection                           *bool
	config, secrets, platform, effective map[string]string
}

// plain reads an environment. ok is false if it is not a plain one.
func (s *fastPathServer) plain(from *tfprotov6.DynamicValue) (plainEnvironment, bool) {
	e, _, ok := s.plainAttributes(from)
	return e, ok
}

// plainAttributes is plain with the attributes as they were read.
func (s *fastPathServer) plainAttributes(from *tfprotov6.DynamicValue) (plainEnvironment, map[string]tftypes.Value, bool) {
	var e plainEnvironment
	if from == nil || len(from.MsgPack) == 0 {
		return e, nil, false
	}
	value, err := from.Unmarshal(s.types.Environment)
	if err != nil || value.IsNull() || !value.IsFullyKnown() {
		return e, nil, false
	}
	var attributes map[string]tftypes.Value
	if value.As(&attributes) != nil || !attributes["parity"].IsNull() || !attributes["target"].IsNull() || !attributes["replica_of"].IsNull() || attributes["name"].IsNull() || attributes["tier"].IsNull() {
		return e, nil, false
	}
	read := attributeReader{attributes: attributes, ok: true}
	e.id, e.name, e.tier, e.revision = read.text("id"), read.text("name"), read.text("tier"), read.text("revision")
	e.config, e.secrets, e.platform, e.effective = read.texts("config"), read.texts("secrets"), read.texts("platform"), read.texts("effective_config")
	if !attributes["deletion_protection"].IsNull() {
		e.protection = new(bool)
		read.ok = read.ok && attributes["deletion_protection"].As(e.protection) == nil
	}
	return e, attributes, read.ok
}

// spec returns the declaration.
func (e plainEnvironment) spec() delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: e.name, Tier: delivery.Tier(e.tier), Config: tf.NilIfEmpty(e.config), Secrets: tf.NilIfEmpty(e.secrets),
		Platform: tf.NilIfEmpty(e.platform), DeletionProtection: e.protection}
}

// is reports whether the state describes exactly this environment.
func (e plainEnvironment) is(o delivery.Environment) bool {
	return o.Spec.Parity == nil && o.Spec.Target == nil && o.Spec.ReplicaOf == "" && e.id == o.Spec.Name && e.name == o.Spec.Name && e.tier == string(o.Spec.Tier) &&
		e.revision == o.Status.Revision && e.protection != nil && *e.protection == o.Spec.Protected() &&
		maps.Equal(e.config, o.Spec.Config) && maps.Equal(e.secrets, o.Spec.Secrets) && maps.Equal(e.platform, o.Spec.Platform) &&
		e.effective != nil && maps.Equal(e.effective, o.Status.EffectiveConfig)
}

// attributeReader reads attributes and remembers whether all of them had the expected type.
type attributeReader struct {
	attributes map[string]tftypes.Value
	ok         bool
}

func (r *attributeReader) text(name string) (text string) {
	if !r.attributes[name].IsNull() {
		r.ok = r.ok && r.attributes[name].As(&text) == nil
	}
	return text
}

// texts reads a map of strings, nil when it is null.
func (r *attributeReader) texts(name string) map[string]string {
	value := r.attributes[name]
	if value.IsNull() {
		return nil
	}
	var elements map[string]tftypes.Value
	r.ok = r.ok && value.As(&elements) == nil
	texts := make(map[string]string, len(elements))
	for key, element := range elements {
		var text string
		r.ok = r.ok && !element.IsNull() && element.As(&text) == nil
		texts[key] = text
	}
	return texts
}
