package provider

import (
	"bytes"
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Server is the provider as Terraform speaks to it.
func Server(version string, host Host) tfprotov6.ProviderServer {
	p := &cdProvider{version: version, host: host}
	environment, identity := environmentTypes()
	return &quickServer{ProviderServer: providerserver.NewProtocol6(p)(), provider: p, environment: environment, identity: identity}
}

// quickServer answers the requests of a plan about an environment that nothing changes, plans new ones, and leaves every other request
// to the framework's server. Most environments in most plans are such, and the framework takes a millisecond of processor time and more
// for each of their requests, to find nothing. What it answers is what the framework would answer: a test compares the two.
//
// It knows environments without parity, target and source only, and passes on whatever is unusual: an unknown or null value, an error, a
// difference of any kind.
type quickServer struct {
	tfprotov6.ProviderServer
	provider    *cdProvider
	environment tftypes.Type
	identity    tftypes.Type // of an environment
}

const environmentTypeName = "cd_environment"

// environmentTypes are those of an environment and of its identity.
func environmentTypes() (environment, identity tftypes.Type) {
	ctx := context.Background()
	var schema resource.SchemaResponse
	var identitySchema resource.IdentitySchemaResponse
	r := environmentResource{resourceBase{identity: named("environment")}}
	r.Schema(ctx, resource.SchemaRequest{}, &schema)
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identitySchema)
	return schema.Schema.Type().TerraformType(ctx), identitySchema.IdentitySchema.Type().TerraformType(ctx)
}

// ValidateResourceConfig passes a valid environment.
func (q *quickServer) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if req.TypeName == environmentTypeName {
		if config, ok := q.plain(req.Config); ok && len(config.spec().Validate()) == 0 {
			return &tfprotov6.ValidateResourceConfigResponse{}, nil
		}
	}
	return q.ProviderServer.ValidateResourceConfig(ctx, req)
}

// ReadResource returns the state of an environment that the ledger holds just so.
func (q *quickServer) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	session := q.provider.session.Load()
	if req.TypeName == environmentTypeName && session != nil {
		if state, ok := q.plain(req.CurrentState); ok {
			found, err := session.environment(ctx, state.name)
			identity, same := q.identified(state.name, req.CurrentIdentity)
			if err == nil && same && state.is(found) {
				return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: identity, Private: req.Private}, nil
			}
		}
	}
	return q.ProviderServer.ReadResource(ctx, req)
}

// PlanResourceChange plans nothing for an environment whose configuration is its state, and plans new environments.
func (q *quickServer) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	session := q.provider.session.Load()
	if req.TypeName == environmentTypeName && session != nil {
		planned, ok := req.ProposedNewState, unchanged(req) && q.unmoved(session, req)
		if !ok && isNull(req.PriorState) {
			planned, ok = q.created(session, req.Config)
		}
		identity, known := q.identityOr(tftypes.NewValue(q.identity, nil), req.PriorIdentity)
		if ok && known {
			return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned, PlannedIdentity: identity, PlannedPrivate: req.PriorPrivate}, nil
		}
	}
	return q.ProviderServer.PlanResourceChange(ctx, req)
}

// msgpackNull is how null is written in MessagePack.
var msgpackNull = []byte{0xc0}

func isNull(value *tfprotov6.DynamicValue) bool {
	return value != nil && bytes.Equal(value.MsgPack, msgpackNull)
}

// created plans a new environment: what is computed follows from its configuration. The overlay knows it afterwards.
func (q *quickServer) created(session *session, from *tfprotov6.DynamicValue) (*tfprotov6.DynamicValue, bool) {
	config, attributes, ok := q.plainAttributes(from)
	if !ok || config.id != "" || config.revision != "" || config.effective != nil {
		return nil, false
	}
	spec := config.spec()
	protected := spec.Protected()
	spec.DeletionProtection = &protected
	if len(spec.Validate()) > 0 || !session.overlay.alone(spec.Name) {
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
	planned, err := tfprotov6.NewDynamicValue(q.environment, tftypes.NewValue(q.environment, attributes))
	if err != nil {
		return nil, false
	}
	session.overlay.environment(spec, true)
	return &planned, true
}

// identified is the identity of an environment, which older Terraforms do not keep; false when the one that is kept is another.
func (q *quickServer) identified(name string, kept *tfprotov6.ResourceIdentityData) (*tfprotov6.ResourceIdentityData, bool) {
	identity, ok := q.identityOr(tftypes.NewValue(q.identity, map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, name)}), nil)
	if !ok || kept != nil && (kept.IdentityData == nil || !bytes.Equal(kept.IdentityData.MsgPack, identity.IdentityData.MsgPack)) {
		return nil, false
	}
	return identity, true
}

// identityOr is the identity that Terraform keeps, or else the given one.
func (q *quickServer) identityOr(value tftypes.Value, kept *tfprotov6.ResourceIdentityData) (*tfprotov6.ResourceIdentityData, bool) {
	if kept != nil {
		return kept, true
	}
	data, err := tfprotov6.NewDynamicValue(q.identity, value)
	return &tfprotov6.ResourceIdentityData{IdentityData: &data}, err == nil
}

func unchanged(req *tfprotov6.PlanResourceChangeRequest) bool {
	return req.PriorState != nil && req.ProposedNewState != nil && len(req.PriorState.MsgPack) > 0 &&
		bytes.Equal(req.PriorState.MsgPack, req.ProposedNewState.MsgPack)
}

// unmoved reports whether an environment whose proposed state is its state has nothing computed to move either, and no other
// environment of this plan to be compared with. If so, the overlay knows it afterwards.
func (q *quickServer) unmoved(session *session, req *tfprotov6.PlanResourceChangeRequest) bool {
	state, ok := q.plain(req.ProposedNewState)
	config, known := q.plain(req.Config)
	if !ok || !known {
		return false
	}
	spec := config.spec()
	protected := spec.Protected()
	spec.DeletionProtection = &protected
	if len(spec.Validate()) > 0 || !state.is(delivery.EnvironmentOf(spec)) || !session.overlay.alone(spec.Name) {
		return false
	}
	session.overlay.environment(spec, false)
	return true
}

// plainEnvironment is an environment without parity and target that is no replica, wholly known, as Terraform hands it over.
type plainEnvironment struct {
	id, name, tier, revision             string
	protection                           *bool
	config, secrets, platform, effective map[string]string
}

// plain reads an environment, if it is of the kind that is answered quickly.
func (q *quickServer) plain(from *tfprotov6.DynamicValue) (plainEnvironment, bool) {
	e, _, ok := q.plainAttributes(from)
	return e, ok
}

// plainAttributes is plain, with the attributes as they were read.
func (q *quickServer) plainAttributes(from *tfprotov6.DynamicValue) (plainEnvironment, map[string]tftypes.Value, bool) {
	var e plainEnvironment
	if from == nil || len(from.MsgPack) == 0 {
		return e, nil, false
	}
	value, err := from.Unmarshal(q.environment)
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

// spec is the declaration, as environmentModel.toSpec gives it.
func (e plainEnvironment) spec() delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: e.name, Tier: delivery.Tier(e.tier), Config: unset(e.config), Secrets: unset(e.secrets),
		Platform: unset(e.platform), DeletionProtection: e.protection}
}

// is reports whether the state tells of exactly this environment.
func (e plainEnvironment) is(o delivery.Environment) bool {
	return o.Spec.Parity == nil && o.Spec.Target == nil && o.Spec.ReplicaOf == "" && e.id == o.Spec.Name && e.name == o.Spec.Name && e.tier == string(o.Spec.Tier) &&
		e.revision == o.Status.Revision && e.protection != nil && *e.protection == o.Spec.Protected() &&
		maps.Equal(e.config, o.Spec.Config) && maps.Equal(e.secrets, o.Spec.Secrets) && maps.Equal(e.platform, o.Spec.Platform) &&
		e.effective != nil && maps.Equal(e.effective, o.Status.EffectiveConfig)
}

// attributeReader takes values apart and remembers whether all of them were what they should be.
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
