package signature

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// FuzzSigner holds what no text may change: no panic, errors that can be shown, and a key only for exactly what it signed.
func FuzzSigner(f *testing.F) {
	request := fixture(f, "request")
	files, err := filepath.Glob(filepath.Join("testdata", "*.sig"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		f.Add(fixture(f, filepath.Base(name)), request)
	}
	f.Add(string(sshsig.Armor(sign(f, privateKey(f, "test-key-other"), "", delivery.SignatureNamespace))), "")
	f.Fuzz(func(t *testing.T, armored, payload string) {
		key, err := Signer(armored, payload)
		if err != nil {
			require.Empty(t, key)
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 600)
			return
		}
		public, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(key))
		require.NoError(t, err)
		require.Empty(t, rest)
		require.True(t, strings.HasPrefix(key, public.Type()+" "))
		_, err = Signer(armored, payload+"x")
		require.Error(t, err)
	})
}
