package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// resourceBase is what every resource shares: its name, its identity, and its session.
type resourceBase struct {
	noun     string // the type name without "cd_"
	identity tf.Identity
	// mutableIdentity is set when an update in place makes it another object, as another version of a cd_release does.
	mutableIdentity bool
	session         *session
}

// Metadata names the resource.
func (r *resourceBase) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.noun
	resp.ResourceBehavior.MutableIdentity = r.mutableIdentity
}

// IdentitySchema describes what tells one object from another.
func (r *resourceBase) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = r.identity.Schema()
}

// setIdentity copies the identity from a state. Every Create, Update, Read and import has to call it, even if Read finds nothing or
// fails: the framework reports an answer without an identity as a bug in the provider, and then nothing can be planned.
func (r *resourceBase) setIdentity(ctx context.Context, from tf.AttributeSource, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	r.identity.Set(ctx, from, identity, diags)
}

// setState writes what was created or updated to the state, with its identity.
func (r *resourceBase) setState(ctx context.Context, model any, state *tfsdk.State, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, model)...)
	r.setIdentity(ctx, state, identity, diags)
}

// importRecorded imports an object by the id that the ledger gave it.
func (r *resourceBase) importRecorded(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	if id == "" {
		resp.Diagnostics.AddError("Unable to import "+strings.ReplaceAll(r.noun, "_", " "),
			"The id is empty. Give the id that the ledger gave it; terraform show prints it where the object is managed now.")
		return
	}
	r.identity.Import(ctx, resp, id)
}

// Configure keeps the session. There is none while Terraform only validates, or while the provider block has unknown values.
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
