package sqlstore

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// execMode is the setting of a URL with which nothing is prepared that a later transaction would look for.
const execMode = "default_query_exec_mode=exec"

// A ledger keeps nothing in a session: each transaction may run on another connection to the server, as behind a pooler.
func TestConformanceBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	storetest.Exercise(t, func(t *testing.T) store.Store {
		return openLedger(t, pgtest.NewPooler(t, pgtest.URL(t)).URL(execMode))
	})
}

// Many processes on few connections write one chain.
func TestWritersBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	pooler := pgtest.NewPooler(t, pgtest.URL(t))
	const writers, each = 6, 8 // more than the pooler has connections
	ready := sync.WaitGroup{}
	ready.Add(writers)
	var group errgroup.Group
	for range writers {
		own := openLedger(t, pooler.URL(execMode)) // the first one makes the schema
		group.Go(func() error {
			ready.Done()
			ready.Wait()
			for range each {
				if _, err := count(t.Context(), own); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	requireCounted(t, openLedger(t, pooler.URL(execMode)), writers*each)
}

// What the guide tells to do is needed, and what is not done says so.
func TestWhatATransactionPoolerDoesNotTake(t *testing.T) {
	t.Parallel()
	pooler := pgtest.NewPooler(t, pgtest.URL(t))
	l := openLedger(t, pooler.URL(execMode))
	putEnvironment(t, l, "staging")

	_, err := Open(t.Context(), pooler.URL(execMode+"&search_path=elsewhere"))
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "unsupported startup parameter: search_path")
	require.ErrorContains(t, err, "set it for the role or the database")

	_, err = Open(t.Context(), pooler.URL("")) // by default each statement is prepared where it first runs
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "prepared statement")
	require.ErrorContains(t, err, "add default_query_exec_mode=exec to the URL")
}
