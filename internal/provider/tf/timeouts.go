package tf

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// DefaultTimeout is how long a create or update waits for deliveries to finish if timeouts does not say.
const DefaultTimeout = 30 * time.Minute

// TimeoutsAttribute describes the attribute timeouts of a resource that waits for deployments.
func TimeoutsAttribute(ctx context.Context) schema.Attribute {
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create:            true,
		Update:            true,
		CreateDescription: "How long creating waits, as a Go duration such as \"90m\". Default 30m.",
		UpdateDescription: "How long updating waits, as a Go duration such as \"90m\". Default 30m.",
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		for name, one := range nested.Attributes {
			if text, ok := one.(schema.StringAttribute); ok {
				text.Validators = []validator.String{timeout{}} // the library allows any duration, also a negative one
				nested.Attributes[name] = text
			}
		}
		nested.MarkdownDescription = "How long to wait for deployments and their verification. When the time is up, the apply fails and nothing is lost: run apply again to continue."
		return nested
	}
	return attribute
}

// timeout is a validator.String: a time to wait is a duration of more than 0.
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
