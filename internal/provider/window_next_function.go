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
		Summary:             "When a window is open next",
		MarkdownDescription: "The earliest moment, not before the given one, at which a window, as a stage's `windows` gate has it, is open. It is RFC 3339 in UTC; the moment itself, when the window is open then; null when it does not open within 400 days.",
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
