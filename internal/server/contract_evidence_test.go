package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
)

// evidenceCalls are the client's methods for evidence, decisions and guardrails.
func evidenceCalls() []call {
	request, report := filled[delivery.ApprovalRequest](), filled[delivery.TestReportRequest]()
	freeze, policy, override := filled[delivery.FreezeSpec](), filled[delivery.PolicySpec](), filled[delivery.OverrideSpec]()
	return []call{
		{"ApprovalRequest", func(ctx context.Context, c *client.Client) (any, error) {
			return c.ApprovalRequest(ctx, request.Pipeline, request.Version, request.Stage, string(request.Decision))
		},
			asked{"ApprovalRequest", []any{request.Pipeline, request.Version, request.Stage, request.Decision}}, request},
		{"TestReport", func(ctx context.Context, c *client.Client) (any, error) { return c.TestReport(ctx, oddID) },
			asked{"TestReport", []any{oddID}}, filled[delivery.TestReport]()},
		{"AddTestReport", func(ctx context.Context, c *client.Client) (any, error) { return c.AddTestReport(ctx, report) },
			asked{"AddTestReport", []any{actor, report}}, filled[delivery.TestReport]()},
		{"WithdrawTestReport", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.WithdrawTestReport(ctx, oddID) },
			asked{"WithdrawTestReport", []any{actor, oddID}}, nil},
		{"Freeze", func(ctx context.Context, c *client.Client) (any, error) { return c.Freeze(ctx, oddName) },
			asked{"Freeze", []any{oddName}}, filled[delivery.FreezeSpec]()},
		{"PutFreeze", func(ctx context.Context, c *client.Client) (any, error) { return c.PutFreeze(ctx, freeze) },
			asked{"PutFreeze", []any{actor, freeze}}, freeze},
		{"DeleteFreeze", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.DeleteFreeze(ctx, "..") },
			asked{"DeleteFreeze", []any{actor, ".."}}, nil},
		{"Policy", func(ctx context.Context, c *client.Client) (any, error) { return c.Policy(ctx, oddName) },
			asked{"Policy", []any{oddName}}, filled[delivery.PolicySpec]()},
		{"PutPolicy", func(ctx context.Context, c *client.Client) (any, error) { return c.PutPolicy(ctx, policy) },
			asked{"PutPolicy", []any{actor, policy}}, policy},
		{"DeletePolicy", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.DeletePolicy(ctx, ".") },
			asked{"DeletePolicy", []any{actor, "."}}, nil},
		{"Override", func(ctx context.Context, c *client.Client) (any, error) { return c.Override(ctx, oddID) },
			asked{"Override", []any{oddID}}, filled[delivery.Override]()},
		{"AddOverride", func(ctx context.Context, c *client.Client) (any, error) { return c.AddOverride(ctx, override) },
			asked{"AddOverride", []any{actor, override}}, filled[delivery.Override]()},
		{"RevokeOverride", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.RevokeOverride(ctx, oddID) },
			asked{"RevokeOverride", []any{actor, oddID}}, nil},
	}
}

func TestEmptyEvidenceReachesTheEngine(t *testing.T) {
	e := &recording{}
	bothWays(t, e, func(t *testing.T, c *client.Client) {
		_, err := c.PutFreeze(t.Context(), delivery.FreezeSpec{Name: "f"})
		require.NoError(t, err)
		require.Equal(t, asked{"PutFreeze", []any{actor, delivery.FreezeSpec{Name: "f"}}}, e.last())
		_, err = c.PutPolicy(t.Context(), delivery.PolicySpec{Name: "p"})
		require.NoError(t, err)
		require.Equal(t, asked{"PutPolicy", []any{actor, delivery.PolicySpec{Name: "p"}}}, e.last())
		_, err = c.AddOverride(t.Context(), delivery.OverrideSpec{})
		require.NoError(t, err)
		require.Equal(t, asked{"AddOverride", []any{actor, delivery.OverrideSpec{}}}, e.last())
		_, err = c.AddTestReport(t.Context(), delivery.TestReportRequest{})
		require.NoError(t, err)
		require.Equal(t, asked{"AddTestReport", []any{actor, delivery.TestReportRequest{}}}, e.last())
	})
}

func TestTheTextToSignIsWrittenOut(t *testing.T) {
	e := &recording{}
	h := server.New(e, slog.New(slog.DiscardHandler))
	w, _ := send(h, "GET", api.Fill(api.PathApprovalRequest, "shop", "1.4.2", "production")+"?decision=reject", "")
	require.Equal(t, 200, w.Code)
	require.Equal(t, asked{"ApprovalRequest", []any{"shop", "1.4.2", "production", delivery.Reject}}, e.last())
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	request := filled[delivery.ApprovalRequest]()
	require.Equal(t, map[string]any{"pipeline": request.Pipeline, "version": request.Version, "stage": request.Stage, "decision": string(request.Decision),
		"content_digest": request.ContentDigest, "ledger": request.Ledger, "summary": request.Summary, "round": float64(request.Round), "payload": request.Payload()}, answer)

	w, _ = send(h, "GET", api.Fill(api.PathApprovalRequest, "shop", "1.4.2", "production"), "")
	require.Equal(t, 200, w.Code, "whether a decision is one is the domain's rule")
	require.Equal(t, asked{"ApprovalRequest", []any{"shop", "1.4.2", "production", delivery.ApprovalDecision("")}}, e.last())
}
