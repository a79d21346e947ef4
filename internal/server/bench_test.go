package server_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
)

// Building happens once in each provider process that gets to do something.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		server.New(&recording{}, slog.New(slog.DiscardHandler))
	}
}

func BenchmarkInProcessGet(b *testing.B) {
	c := inProcess(&fixed{})
	for b.Loop() {
		_, err := c.Environment(b.Context(), "staging")
		require.NoError(b, err)
	}
}

func BenchmarkInProcessPut(b *testing.B) {
	c := inProcess(&fixed{})
	spec := example.Spec
	for b.Loop() {
		_, err := c.PutEnvironment(b.Context(), spec)
		require.NoError(b, err)
	}
}

func inProcess(e server.Engine) *client.Client {
	return client.New(client.Config{Address: "http://embedded", Transport: client.InProcess(server.New(e, slog.New(slog.DiscardHandler))), Actor: actor})
}

var example = delivery.EnvironmentOf(delivery.EnvironmentSpec{
	Name:   "staging",
	Tier:   delivery.TierStaging,
	Config: map[string]string{"LOG_LEVEL": "debug", "REPLICAS": "2", "REGION": "eu-west-1"},
	Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/staging"}},
})

// fixed answers at once, so that only the way there and back is measured.
type fixed struct{ recording }

func (*fixed) Environment(context.Context, string) (delivery.Environment, error) { return example, nil }

func (*fixed) PutEnvironment(context.Context, string, delivery.EnvironmentSpec) (delivery.Environment, error) {
	return example, nil
}
