package app

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// slow is a ledger whose readers wait for as long as they are let.
type slow struct {
	store.Store
	reading chan struct{}
}

func (s slow) View(ctx context.Context, _ func(store.Reader) error) error {
	close(s.reading)
	<-ctx.Done()
	return ctx.Err()
}

// A request that nobody's work stands for ends with the app, and what it runs with it.
func TestCloseEndsRequests(t *testing.T) {
	reading := make(chan struct{})
	a, err := Open(t.Context(), Config{Ledger: filepath.Join(t.TempDir(), "ledger.db"), Adjust: func(o *controlplane.Options) { o.Store = slow{o.Store, reading} }})
	require.NoError(t, err)
	c := client.New(client.Config{Address: "http://embedded", Transport: a.Transport()})
	answered := make(chan error, 1)
	go func() {
		_, err := c.Environments(t.Context())
		answered <- err
	}()
	<-reading
	require.NoError(t, a.Close(t.Context()))
	err = <-answered
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err))
	require.ErrorContains(t, err, "given up before it was answered")
	_, err = c.Environments(t.Context())
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "nothing begins after the end")
}
