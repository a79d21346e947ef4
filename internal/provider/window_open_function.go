package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

// windowOpenFunction is window_open: whether a window is open at a moment.
type windowOpenFunction struct{}

func newWindowOpenFunction() function.Function { return windowOpenFunction{} }

// Metadata names the function.
func (windowOpenFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "window_open"
}

// Definition describes window_open.
func (windowOpenFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary:             "Whether a window is open at a given time",
		MarkdownDescription: "Returns whether a window, as in the `windows` gate of a stage, is open at a given time. It follows the local time of its time zone, past midnight and across daylight saving time changes.",
		Parameters:          windowParameters(),
		Return:              function.BoolReturn{},
	}
}

// Run asks the window.
func (windowOpenFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	window, at, failure := windowArguments(ctx, req)
	if resp.Error = failure; resp.Error == nil {
		resp.Error = resp.Result.Set(ctx, window.Open(at))
	}
}
