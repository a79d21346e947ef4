package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
)

// What the history is measured with is a ledger like any other.
func TestAFilledLedgerIsUnbroken(t *testing.T) {
	t.Parallel()
	address := filepath.Join(t.TempDir(), "ledger.db")
	require.NoError(t, endingBefore(time.Now(), 1234).fill(t.Context(), address))
	progressed := int64(0)
	report, err := ledger.Verify(t.Context(), address, "", func(_ string, done, _ int64) { progressed = done })
	require.NoError(t, err)
	require.Equal(t, report.Events+report.Rows, progressed)
	require.Greater(t, report.Events, int64(2*1234))
}
