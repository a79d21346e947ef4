//go:build unix

package secret_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
)

func TestAPipeIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := secret.Resolve(t.Context(), secret.Local{}, "file:"+path)
	require.ErrorContains(t, err, "it is not a regular file")
}
