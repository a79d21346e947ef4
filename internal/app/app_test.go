package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
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
	ask := func() int {
		w := httptest.NewRecorder()
		a.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, api.PathEnvironments, nil))
		return w.Code
	}
	answered := make(chan int, 1)
	go func() { answered <- ask() }()
	<-reading
	require.NoError(t, a.Close(t.Context()))
	require.Equal(t, http.StatusServiceUnavailable, <-answered)
	require.False(t, a.begins(), "nothing is waited for any more")
}
