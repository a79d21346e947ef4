package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// resourceBase is what every resource shares: its name, what tells one from another, and its session.
type resourceBase struct {
	noun     string // as in the type name behind "cd_"
	identity []identifier
	// moves is set when a change in place makes it another object, as another version of a cd_release does: its identity follows.
	mutableIdentity bool
	session         *session
}

// identifier is an attribute, a string, that stands in the identity of a resource and in its state alike.
type identifier struct{ name, description string }

// Metadata names the resource.
func (r *resourceBase) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.noun
	resp.ResourceBehavior.MutableIdentity = r.mutableIdentity
}

// IdentitySchema lists what tells one object from another. Terraform knows identities since 1.12, and older ones leave them alone.
func (r *resourceBase) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema.Attributes = map[string]identityschema.Attribute{}
	for _, part := range r.identity {
		resp.IdentitySchema.Attributes[part.name] = identityschema.StringAttribute{RequiredForImport: true, Description: part.description}
	}
}

// attributes is a plan or a state.
type attributes interface {
	GetAttribute(ctx context.Context, at path.Path, target any) diag.Diagnostics
}

// identify takes the identity from a state. Every Create, Update, Read and import has to, also when Read finds nothing and when it
// cannot look: the framework takes an answer without an identity for a defect, and no plan would come about any more.
func (r *resourceBase) setIdentity(ctx context.Context, from attributes, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	for _, part := range r.identity {
		var text types.String
		diags.Append(from.GetAttribute(ctx, path.Root(part.name), &text)...)
		diags.Append(identity.SetAttribute(ctx, path.Root(part.name), text)...)
	}
}

// keep puts what was created or updated into the state, and its identity beside it.
func (r *resourceBase) setState(ctx context.Context, model any, state *tfsdk.State, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, model)...)
	r.setIdentity(ctx, state, identity, diags)
}

// importID is the id of what an import asks for, whether it gives the id or an identity.
func (r *resourceBase) importID(ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics) string {
	if req.ID != "" || req.Identity == nil {
		return req.ID
	}
	parts := []string{}
	for _, part := range r.identity {
		var text types.String
		diags.Append(req.Identity.GetAttribute(ctx, path.Root(part.name), &text)...)
		parts = append(parts, text.ValueString())
	}
	return strings.Join(parts, "/")
}

// seek tells Read what to look for: the id, taken apart as the identity is.
func (r *resourceBase) setImportIdentity(ctx context.Context, resp *resource.ImportStateResponse, id string) {
	for i, part := range r.identity {
		text := id
		if i < len(r.identity)-1 { // the last part is all the rest
			text, id, _ = strings.Cut(id, "/")
		}
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(part.name), text)...)
	}
	r.setIdentity(ctx, resp.State, resp.Identity, &resp.Diagnostics)
}

// importRecorded imports what the ledger gave an id.
func (r *resourceBase) importRecorded(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := r.importID(ctx, req, &resp.Diagnostics)
	if id == "" {
		resp.Diagnostics.AddError("Unable to import "+strings.ReplaceAll(r.noun, "_", " "), "An empty id names nothing; write the id that the ledger gave it, which terraform show prints where it is managed now.")
		return
	}
	r.setImportIdentity(ctx, resp, id)
}

// named is the identity of what has a name, and recorded that of what the ledger gives an id of its own.
func named(noun string) []identifier {
	return []identifier{{"name", "Name of the " + noun + "."}}
}

func recorded(noun string) []identifier {
	return []identifier{{"id", "The " + noun + "'s id in the ledger."}}
}

// Configure keeps the session; there is none while Terraform only validates, or when the provider block is not known yet.
func (r *resourceBase) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	s, ok := req.ProviderData.(*session)
	if !ok {
		resp.Diagnostics.AddError("Unexpected provider data", fmt.Sprintf("want *session, got %T", req.ProviderData))
		return
	}
	r.session = s
}

// dataSourceBase is what every data source shares.
type dataSourceBase struct {
	noun    string
	session *session
}

// Metadata names the data source.
func (d *dataSourceBase) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.noun
}

// Configure keeps the session.
func (d *dataSourceBase) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	s, ok := req.ProviderData.(*session)
	if !ok {
		resp.Diagnostics.AddError("Unexpected provider data", fmt.Sprintf("want *session, got %T", req.ProviderData))
		return
	}
	d.session = s
}
