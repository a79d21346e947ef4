package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// defaultTimeout is how long a create or update waits for deliveries to settle when timeouts says nothing.
const defaultTimeout = 30 * time.Minute

// timeoutsAttribute is the attribute timeouts of what waits for deployments.
func timeoutsAttribute(ctx context.Context) schema.Attribute {
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create:            true,
		Update:            true,
		CreateDescription: "How long creating waits, as a Go duration such as \"90m\". Default 30m.",
		UpdateDescription: "How long updating waits, as a Go duration such as \"90m\". Default 30m.",
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		for name, one := range nested.Attributes {
			if text, ok := one.(schema.StringAttribute); ok {
				text.Validators = []validator.String{timeout{}} // the library's own words are about durations in general, also negative ones
				nested.Attributes[name] = text
			}
		}
		nested.MarkdownDescription = "How long to wait for deployments and their verification. When the time is up the apply fails and nothing is lost: applying again goes on."
		return nested
	}
	return attribute
}

// timeout is a validator.String: a time to wait is a duration, and longer than none.
type timeout struct{}

var _ validator.String = timeout{}

// Description implements validator.Describer.
func (timeout) Description(context.Context) string { return "a Go duration, longer than 0" }

// MarkdownDescription implements validator.Describer.
func (v timeout) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (timeout) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	text := req.ConfigValue.ValueString()
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid timeout", "\""+text+"\" is not a time to wait; write a Go duration such as \"90m\" or \"1h30m\".")
	}
}
