package signature

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"math/big"
	"testing"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// sha1Signer signs with ssh-rsa, whatever it is asked for.
type sha1Signer struct{ ssh.AlgorithmSigner }

func (s sha1Signer) SignWithAlgorithm(random io.Reader, data []byte, _ string) (*ssh.Signature, error) {
	return s.AlgorithmSigner.SignWithAlgorithm(random, data, ssh.KeyAlgoRSA)
}

// authenticator signs as a FIDO authenticator does (PROTOCOL.u2f of OpenSSH), with a key that it does not keep secret.
type authenticator struct {
	key         ssh.PublicKey
	application string
	flags       byte
	sign        func(message []byte) []byte
}

const touched, verified = 0x01, 0x04

func (a authenticator) PublicKey() ssh.PublicKey { return a.key }

func (a authenticator) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	application, message := sha256.Sum256([]byte(a.application)), sha256.Sum256(data)
	tail := ssh.Marshal(struct {
		Flags   byte
		Counter uint32
	}{a.flags, 7})
	whole := append(append(application[:], tail...), message[:]...)
	return &ssh.Signature{Format: a.key.Type(), Blob: a.sign(whole), Rest: tail}, nil
}

func newEd25519Authenticator(t *testing.T, flags byte) authenticator {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, public, "ssh:"}))
	require.NoError(t, err)
	return authenticator{key, "ssh:", flags, func(message []byte) []byte { return ed25519.Sign(private, message) }}
}

func newECDSAAuthenticator(t *testing.T, flags byte) authenticator {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := private.PublicKey.Bytes()
	require.NoError(t, err)
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type, Curve string
		Point       []byte
		Application string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, "ssh:"}))
	require.NoError(t, err)
	return authenticator{key, "ssh:", flags, func(message []byte) []byte {
		digest := sha256.Sum256(message)
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		require.NoError(t, err)
		return ssh.Marshal(struct{ R, S *big.Int }{r, s})
	}}
}

func TestAuthenticators(t *testing.T) {
	for kind, open := range map[string]func(*testing.T, byte) authenticator{
		ssh.KeyAlgoSKED25519: newEd25519Authenticator, ssh.KeyAlgoSKECDSA256: newECDSAAuthenticator,
	} {
		t.Run(kind, func(t *testing.T) {
			signed := func(a authenticator, change func(*sshsig.Signature)) (string, error) {
				s := sign(t, a, "payload", delivery.SignatureNamespace)
				change(s)
				return Signer(string(sshsig.Armor(s)), "payload")
			}
			asItIs := func(*sshsig.Signature) {}

			for _, flags := range []byte{touched, touched | verified} {
				a := open(t, flags)
				key, err := signed(a, asItIs)
				require.NoError(t, err)
				require.Equal(t, string(ssh.MarshalAuthorizedKey(a.key)), key+"\n")
			}
			for _, flags := range []byte{0, verified} {
				_, err := signed(open(t, flags), asItIs)
				require.ErrorContains(t, err, "user presence")
			}
			_, err := signed(open(t, 0), func(s *sshsig.Signature) { s.Signature.Rest[0] = touched })
			require.ErrorContains(t, err, "did not verify")
			_, err = signed(open(t, touched), func(s *sshsig.Signature) { s.Signature.Rest[4]++ }) // the counter
			require.ErrorContains(t, err, "did not verify")
			_, err = signed(open(t, touched), func(s *sshsig.Signature) { s.Signature.Rest = append(s.Signature.Rest, 0) })
			require.Error(t, err)
			_, err = signed(open(t, touched), func(s *sshsig.Signature) { s.Signature.Rest = nil })
			require.Error(t, err)

			other := open(t, touched)
			other.application = "https://example.com" // a key of a web page
			_, err = signed(other, asItIs)
			require.ErrorContains(t, err, "did not verify")
		})
	}
}
