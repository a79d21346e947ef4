package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

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
	c := inProcess(b, &fixed{})
	for b.Loop() {
		_, err := c.Environment(b.Context(), "staging")
		require.NoError(b, err)
	}
}

func BenchmarkInProcessPut(b *testing.B) {
	c := inProcess(b, &fixed{})
	spec := example.Spec
	for b.Loop() {
		_, err := c.PutEnvironment(b.Context(), spec)
		require.NoError(b, err)
	}
}

// Terraform has ten requests under way at a time.
func BenchmarkInProcessGetTenAtATime(b *testing.B) {
	c := inProcess(b, &fixed{})
	b.SetParallelism(max(1, 10/runtime.GOMAXPROCS(0)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, err := c.Environment(b.Context(), "staging")
			require.NoError(b, err)
		}
	})
}

// A list of a megabyte: 4,000 environments.
func BenchmarkInProcessList(b *testing.B) {
	all := slices.Repeat([]delivery.Environment{example}, 4000)
	text, err := json.Marshal(all)
	require.NoError(b, err)
	c := inProcess(b, &fixed{all: all})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, err := c.Environments(b.Context())
		require.NoError(b, err)
	}
}

var example = delivery.EnvironmentOf(delivery.EnvironmentSpec{
	Name:   "staging",
	Tier:   delivery.TierStaging,
	Config: map[string]string{"LOG_LEVEL": "debug", "REPLICAS": "2", "REGION": "eu-west-1"},
	Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/staging"}},
})

// fixed answers at once, so that only the way there and back is measured.
type fixed struct {
	recording
	all []delivery.Environment
}

func (*fixed) Environment(context.Context, string) (delivery.Environment, error) { return example, nil }

func (f *fixed) Environments(context.Context) ([]delivery.Environment, error) { return f.all, nil }

func (*fixed) PutEnvironment(context.Context, string, delivery.EnvironmentSpec) (delivery.Environment, error) {
	return example, nil
}
