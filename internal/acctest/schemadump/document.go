package main

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The types below are the document, in Terraform's own spelling. What is empty is left out, as Terraform does.
type (
	document struct {
		FormatVersion string                     `json:"format_version"`
		Providers     map[string]providerSchemas `json:"provider_schemas"`
	}

	providerSchemas struct {
		Provider           *schema                   `json:"provider,omitempty"`
		Resources          map[string]*schema        `json:"resource_schemas,omitempty"`
		DataSources        map[string]*schema        `json:"data_source_schemas,omitempty"`
		EphemeralResources map[string]*schema        `json:"ephemeral_resource_schemas,omitempty"`
		ListResources      map[string]*schema        `json:"list_resource_schemas,omitempty"`
		Actions            map[string]actionSchema   `json:"action_schemas,omitempty"`
		Functions          map[string]function       `json:"functions,omitempty"`
		Identities         map[string]identitySchema `json:"resource_identity_schemas,omitempty"`
	}

	schema struct {
		Version int64  `json:"version"`
		Block   *block `json:"block"`
	}

	// actionSchema has no version: an action leaves nothing in state that could need an upgrade.
	actionSchema struct {
		Block *block `json:"block"`
	}

	block struct {
		Attributes map[string]attribute `json:"attributes,omitempty"`
		Blocks     map[string]blockType `json:"block_types,omitempty"`
		description
	}

	blockType struct {
		Nesting  string `json:"nesting_mode"`
		Block    *block `json:"block"`
		MinItems int64  `json:"min_items,omitempty"`
		MaxItems int64  `json:"max_items,omitempty"`
	}

	attribute struct {
		Type   tftypes.Type `json:"type,omitempty"`
		Nested *nestedType  `json:"nested_type,omitempty"`
		description
		Required  bool `json:"required,omitempty"`
		Optional  bool `json:"optional,omitempty"`
		Computed  bool `json:"computed,omitempty"`
		Sensitive bool `json:"sensitive,omitempty"`
		WriteOnly bool `json:"write_only,omitempty"`
	}

	nestedType struct {
		Attributes map[string]attribute `json:"attributes,omitempty"`
		Nesting    string               `json:"nesting_mode"`
	}

	description struct {
		Text               string `json:"description,omitempty"`
		Kind               string `json:"description_kind,omitempty"`
		Deprecated         bool   `json:"deprecated,omitempty"`
		DeprecationMessage string `json:"deprecation_message,omitempty"`
	}

	function struct {
		Summary            string       `json:"summary,omitempty"`
		Description        string       `json:"description,omitempty"`
		DeprecationMessage string       `json:"deprecation_message,omitempty"`
		Return             tftypes.Type `json:"return_type"`
		Parameters         []parameter  `json:"parameters,omitempty"`
		Variadic           *parameter   `json:"variadic_parameter,omitempty"`
	}

	parameter struct {
		Name        string       `json:"name"`
		Description string       `json:"description,omitempty"`
		Nullable    bool         `json:"is_nullable,omitempty"`
		Type        tftypes.Type `json:"type"`
	}

	identitySchema struct {
		Version    int64                        `json:"version"`
		Attributes map[string]identityAttribute `json:"attributes"`
	}

	identityAttribute struct {
		Type              tftypes.Type `json:"type"`
		Description       string       `json:"description,omitempty"`
		RequiredForImport bool         `json:"required_for_import,omitempty"`
		OptionalForImport bool         `json:"optional_for_import,omitempty"`
	}
)

func convert(s *tfprotov6.GetProviderSchemaResponse, i *tfprotov6.GetResourceIdentitySchemasResponse) providerSchemas {
	return providerSchemas{
		Provider:           newSchema(s.Provider),
		Resources:          mapped(s.ResourceSchemas, newSchema),
		DataSources:        mapped(s.DataSourceSchemas, newSchema),
		EphemeralResources: mapped(s.EphemeralResourceSchemas, newSchema),
		ListResources:      mapped(s.ListResourceSchemas, newSchema),
		Actions: mapped(s.ActionSchemas, func(a *tfprotov6.ActionSchema) actionSchema {
			return actionSchema{Block: newBlock(a.Schema.Block)}
		}),
		Functions:  mapped(s.Functions, newFunction),
		Identities: mapped(i.IdentitySchemas, newIdentity),
	}
}

// mapped converts every value of a map, and keys the result alike.
func mapped[In, Out any](in map[string]In, convert func(In) Out) map[string]Out {
	out := make(map[string]Out, len(in))
	for name, value := range in {
		out[name] = convert(value)
	}
	return out
}

func newSchema(s *tfprotov6.Schema) *schema {
	if s == nil {
		return nil
	}
	return &schema{Version: s.Version, Block: newBlock(s.Block)}
}

func newBlock(b *tfprotov6.SchemaBlock) *block {
	converted := &block{
		Attributes:  newAttributes(b.Attributes),
		Blocks:      make(map[string]blockType, len(b.BlockTypes)),
		description: newDescription(b.Description, b.DescriptionKind, b.Deprecated, b.DeprecationMessage),
	}
	for _, n := range b.BlockTypes {
		converted.Blocks[n.TypeName] = blockType{
			Nesting:  strings.ToLower(n.Nesting.String()),
			Block:    newBlock(n.Block),
			MinItems: n.MinItems,
			MaxItems: n.MaxItems,
		}
	}
	return converted
}

func newAttributes(attributes []*tfprotov6.SchemaAttribute) map[string]attribute {
	converted := make(map[string]attribute, len(attributes))
	for _, a := range attributes {
		c := attribute{
			Type:        a.Type,
			description: newDescription(a.Description, a.DescriptionKind, a.Deprecated, a.DeprecationMessage),
			Required:    a.Required,
			Optional:    a.Optional,
			Computed:    a.Computed,
			Sensitive:   a.Sensitive,
			WriteOnly:   a.WriteOnly,
		}
		if a.NestedType != nil { // then the plain type is derived from it, and Terraform leaves it out
			c.Type = nil
			c.Nested = &nestedType{
				Attributes: newAttributes(a.NestedType.Attributes),
				Nesting:    strings.ToLower(a.NestedType.Nesting.String()),
			}
		}
		converted[a.Name] = c
	}
	return converted
}

func newDescription(text string, kind tfprotov6.StringKind, deprecated bool, message string) description {
	return description{
		Text:               text,
		Kind:               strings.ToLower(kind.String()),
		Deprecated:         deprecated,
		DeprecationMessage: message,
	}
}

func newFunction(f *tfprotov6.Function) function {
	converted := function{
		Summary:            f.Summary,
		Description:        f.Description,
		DeprecationMessage: f.DeprecationMessage,
		Return:             f.Return.Type,
	}
	for _, p := range f.Parameters {
		converted.Parameters = append(converted.Parameters, newParameter(p))
	}
	if f.VariadicParameter != nil {
		last := newParameter(f.VariadicParameter)
		converted.Variadic = &last
	}
	return converted
}

func newParameter(p *tfprotov6.FunctionParameter) parameter {
	return parameter{Name: p.Name, Description: p.Description, Nullable: p.AllowNullValue, Type: p.Type}
}

func newIdentity(s *tfprotov6.ResourceIdentitySchema) identitySchema {
	converted := identitySchema{
		Version:    s.Version,
		Attributes: make(map[string]identityAttribute, len(s.IdentityAttributes)),
	}
	for _, a := range s.IdentityAttributes {
		converted.Attributes[a.Name] = identityAttribute{
			Type:              a.Type,
			Description:       a.Description,
			RequiredForImport: a.RequiredForImport,
			OptionalForImport: a.OptionalForImport,
		}
	}
	return converted
}
