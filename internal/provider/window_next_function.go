package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// windowNextFunction is window_next: the next moment at which a window is open.
type windowNextFunction struct{}

func newWindowNextFunction() function.Function { return windowNextFunction{} }

// Metadata names the function.
func (windowNextFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "window_next"
}

// Definition describes window_next.
func (windowNextFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary:             "Next time at which a window is open",
		MarkdownDescription: "Returns the earliest time, at or after the given time, at which a window, as in the `windows` gate of a stage, is open. The result is in RFC 3339 format, in UTC. It is the given time if the window is open then, and null if the window does not open within 400 days.",
		Parameters:          windowParameters(),
		Return:              function.StringReturn{},
	}
}

// Run asks the window.
func (windowNextFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	window, at, failure := windowArguments(ctx, req)
	if resp.Error = failure; resp.Error != nil {
		return
	}
	answer := types.StringNull()
	if next, ok := window.Next(at); ok {
		answer = types.StringValue(next.UTC().Format(time.RFC3339Nano))
	}
	resp.Error = resp.Result.Set(ctx, answer)
}
