package tf

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Identity lists the attributes that tell one object of a resource from another. Each is a string, and is in the state too.
type Identity []IdentityAttribute

// IdentityAttribute is one attribute of an identity.
type IdentityAttribute struct{ Name, Description string }

// NamedIdentity is the identity of an object that has a name.
func NamedIdentity(noun string) Identity {
	return Identity{{"name", "Name of the " + noun + "."}}
}

// RecordedIdentity is the identity of an object to which the ledger gives an id.
func RecordedIdentity(noun string) Identity {
	return Identity{{"id", "Id of the " + noun + " in the ledger."}}
}

// Schema describes the identity. Terraform before 1.12 does not know identities and ignores it.
func (i Identity) Schema() identityschema.Schema {
	attributes := make(map[string]identityschema.Attribute, len(i))
	for _, part := range i {
		attributes[part.Name] = identityschema.StringAttribute{RequiredForImport: true, Description: part.Description}
	}
	return identityschema.Schema{Attributes: attributes}
}

// AttributeSource is a plan or a state.
type AttributeSource interface {
	GetAttribute(ctx context.Context, at path.Path, target any) diag.Diagnostics
}

// Set copies the identity from a plan or a state.
func (i Identity) Set(ctx context.Context, from AttributeSource, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	for _, part := range i {
		var text types.String
		diags.Append(from.GetAttribute(ctx, path.Root(part.Name), &text)...)
		diags.Append(identity.SetAttribute(ctx, path.Root(part.Name), text)...)
	}
}

// ImportID returns the id of the object to import, whether the request gives an id or an identity.
func (i Identity) ImportID(ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics) string {
	if req.ID != "" || req.Identity == nil {
		return req.ID
	}
	parts := []string{}
	for _, part := range i {
		var text types.String
		diags.Append(req.Identity.GetAttribute(ctx, path.Root(part.Name), &text)...)
		parts = append(parts, text.ValueString())
	}
	return strings.Join(parts, "/")
}

// Import sets the attributes that Read needs to find the object: the id, split into the parts of the identity.
func (i Identity) Import(ctx context.Context, resp *resource.ImportStateResponse, id string) {
	for at, part := range i {
		text := id
		if at < len(i)-1 { // the last part is the rest of the id
			text, id, _ = strings.Cut(id, "/")
		}
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(part.Name), text)...)
	}
	i.Set(ctx, resp.State, resp.Identity, &resp.Diagnostics)
}

// AddImportNameError adds the error for an import by something that cannot be a name.
func AddImportNameError(diags *diag.Diagnostics, noun, id, why string) {
	diags.AddError(fmt.Sprintf("Unable to import %s %q", noun, id), fmt.Sprintf("%s. Import it by its name, as in: terraform import cd_%s.x NAME", why, noun))
}
