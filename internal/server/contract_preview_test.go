package server_test

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// previewCalls are the client's previews.
func previewCalls() []call {
	return []call{
		previewCall("PreviewEnvironment", (*client.Client).PreviewEnvironment),
		previewCall("PreviewPipeline", (*client.Client).PreviewPipeline),
		previewCall("PreviewRelease", (*client.Client).PreviewRelease),
		previewCall("PreviewPromotion", (*client.Client).PreviewPromotion),
		previewCall("PreviewVerification", (*client.Client).PreviewVerification),
		previewCall("PreviewApproval", (*client.Client).PreviewApproval),
		previewCall("PreviewTestReport", (*client.Client).PreviewTestReport),
		previewCall("PreviewOverride", (*client.Client).PreviewOverride),
		{"Relaxations", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Relaxations(ctx, filled[delivery.RelaxationRequest]())
		}, asked{"Relaxations", []any{actor, filled[delivery.RelaxationRequest]()}}, filled[delivery.RelaxationReport]()},
		{"Outstanding", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Outstanding(ctx, filled[delivery.OutstandingRequest]())
		}, asked{"Outstanding", []any{filled[delivery.OutstandingRequest]()}}, filled[delivery.OutstandingAnswer]()},
	}
}

func previewCall[S, A any](name string, do func(*client.Client, context.Context, delivery.PreviewRequest[S]) (A, error)) call {
	request := filled[delivery.PreviewRequest[S]]()
	return call{name, func(ctx context.Context, c *client.Client) (any, error) { return do(c, ctx, request) }, asked{name, []any{actor, request}}, filled[A]()}
}
