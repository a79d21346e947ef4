package signature

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}

// publicKey is the key of a .pub file as allowed signers and Signer write it.
func publicKey(t testing.TB, name string) string {
	t.Helper()
	fields := strings.Fields(fixture(t, name+".pub"))
	return fields[0] + " " + fields[1]
}

func privateKey(t testing.TB, name string) ssh.Signer {
	t.Helper()
	key, err := ssh.ParsePrivateKey([]byte(fixture(t, name)))
	require.NoError(t, err)
	return key
}

// sign signs as ssh-keygen does, but in this process.
func sign(t testing.TB, key ssh.Signer, payload, namespace string) *sshsig.Signature {
	t.Helper()
	s, err := sshsig.Sign(strings.NewReader(payload), key, sshsig.HashSHA512, namespace)
	require.NoError(t, err)
	return s
}

// TestSignedBySSHKeygen reads what ssh-keygen wrote; see testdata/README.md.
func TestSignedBySSHKeygen(t *testing.T) {
	request := fixture(t, "request")
	for signature, key := range map[string]string{
		"ed25519.sig":        "test-key-ed25519",
		"ed25519-sha256.sig": "test-key-ed25519",
		"ecdsa-256.sig":      "test-key-ecdsa-256",
		"ecdsa-384.sig":      "test-key-ecdsa-384",
		"ecdsa-521.sig":      "test-key-ecdsa-521",
		"rsa.sig":            "test-key-rsa",
		"rsa-2048.sig":       "test-key-rsa-2048",
	} {
		t.Run(signature, func(t *testing.T) {
			armored := fixture(t, signature)
			got, err := Signer(armored, request)
			require.NoError(t, err)
			require.Equal(t, publicKey(t, key), got)

			got, err = Signer(armored+"\n\n", request) // as a heredoc has it
			require.NoError(t, err)
			require.Equal(t, publicKey(t, key), got)

			for _, other := range []string{
				"", strings.TrimSuffix(request, "\n"), request + "\n", strings.Replace(request, "1.4.2", "1.4.3", 1),
				strings.Replace(request, "approve", "reject", 1), strings.Replace(request, "round: 1", "round: 2", 1),
				strings.ReplaceAll(request, "\n", "\r\n"),
			} {
				_, err = Signer(armored, other)
				require.ErrorContains(t, err, "does not fit what was to be signed")
			}
		})
	}
}

// TestRequestIsAPayload keeps the fixture what an approver really signs.
func TestRequestIsAPayload(t *testing.T) {
	require.Equal(t, fixture(t, "request"), delivery.ApprovalRequest{
		Pipeline: "shop", Version: "1.4.2", Stage: "production", Decision: delivery.Approve, Round: 1,
		ContentDigest: "sha256:5d41402abc4b2a76b9719d911017c592ae3f2c7a4f1d0f1e6b1a3d5c7e9f0b2d",
		Ledger:        "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
		Summary:       "artifact: app sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\nauthor: \"dave@example.com\"\nenvironment: eu, production, configuration 7d7f6b34e0f6\n",
	}.Payload())
}

func TestSignedInProcess(t *testing.T) {
	for _, name := range []string{"test-key-ed25519", "test-key-ecdsa-256", "test-key-rsa"} {
		armored := string(sshsig.Armor(sign(t, privateKey(t, name), "anything", delivery.SignatureNamespace)))
		got, err := Signer(armored, "anything")
		require.NoError(t, err)
		require.Equal(t, publicKey(t, name), got)
	}
}

func TestRefusedOfSSHKeygen(t *testing.T) {
	request := fixture(t, "request")
	for signature, want := range map[string]string{
		"namespace-file.sig": `is for namespace "file", and an approval's is "cd-approval": sign with ssh-keygen -Y sign -n cd-approval`,
		"namespace-case.sig": `is for namespace "CD-Approval"`,
		"certificate.sig":    `by a key of type "ssh-ed25519-cert-v01@openssh.com", which does not count`,
		"dsa.sig":            `by a key of type "ssh-dss", which does not count`,
		"rsa-1024.sig":       "by an RSA key of 1024 bits; at least 2048 are needed",
	} {
		t.Run(signature, func(t *testing.T) {
			key, err := Signer(fixture(t, signature), request)
			require.ErrorContains(t, err, want)
			require.Empty(t, key)
		})
	}
}

func TestTheLongestSignature(t *testing.T) {
	armored := fixture(t, "ed25519.sig")
	longest := armored + strings.Repeat("\n", delivery.MaxSignatureBytes-len(armored))
	_, err := Signer(longest, fixture(t, "request"))
	require.NoError(t, err)
	_, err = Signer(longest+"\n", fixture(t, "request"))
	require.ErrorContains(t, err, "bytes; at most")
}
