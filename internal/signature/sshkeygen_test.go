//go:build sshkeygen

package signature

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const approver = "alice@example.com"

// keygen runs the real ssh-keygen and returns what it wrote to standard output.
func keygen(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	return string(out), err
}

// accepts asks ssh-keygen whether the signature of the request is by a key of the allowed-signers line.
func accepts(t *testing.T, line, armored, request string) bool {
	t.Helper()
	dir := t.TempDir()
	allowed, file := filepath.Join(dir, "allowed"), filepath.Join(dir, "sig")
	require.NoError(t, os.WriteFile(allowed, []byte(line+"\n"), 0o600))
	require.NoError(t, os.WriteFile(file, []byte(armored), 0o600))
	_, err := keygen(t, request, "-Y", "verify", "-n", delivery.SignatureNamespace, "-I", approver, "-f", allowed, "-s", file)
	return err == nil
}

func TestEveryKindOfKey(t *testing.T) {
	request := fixture(t, "request")
	for name, kind := range map[string][]string{
		"ed25519": {"-t", "ed25519"}, "ecdsa-256": {"-t", "ecdsa", "-b", "256"}, "ecdsa-384": {"-t", "ecdsa", "-b", "384"},
		"ecdsa-521": {"-t", "ecdsa", "-b", "521"}, "rsa": {"-t", "rsa", "-b", "2048"},
	} {
		t.Run(name, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "key")
			_, err := keygen(t, "", append([]string{"-q", "-N", "", "-f", key}, kind...)...)
			require.NoError(t, err)
			for _, hash := range []string{"sha256", "sha512"} {
				armored, err := keygen(t, request, "-q", "-Y", "sign", "-n", delivery.SignatureNamespace, "-O", "hashalg="+hash, "-f", key)
				require.NoError(t, err)
				signer, err := Signer(armored, request)
				require.NoError(t, err)
				public, err := os.ReadFile(key + ".pub")
				require.NoError(t, err)
				require.True(t, strings.HasPrefix(string(public), signer+" "))
				require.True(t, accepts(t, approver+" "+signer, armored, request))
			}
		})
	}
}

// TestWhatCountsHereCountsThere gives ssh-keygen what was signed in this process, and each fixture.
func TestWhatCountsHereCountsThere(t *testing.T) {
	request := fixture(t, "request")
	signatures := map[string]string{}
	files, err := filepath.Glob(filepath.Join("testdata", "*.sig"))
	require.NoError(t, err)
	for _, file := range files {
		signatures[file] = fixture(t, filepath.Base(file))
	}
	for _, name := range []string{"test-key-ed25519", "test-key-ecdsa-521", "test-key-rsa"} {
		signatures["in process: "+name] = string(sshsig.Armor(sign(t, privateKey(t, name), request, delivery.SignatureNamespace)))
	}
	for name, open := range map[string]func(*testing.T, byte) authenticator{"ed25519": newEd25519Authenticator, "ecdsa": newECDSAAuthenticator} {
		signatures["authenticator: "+name] = string(sshsig.Armor(sign(t, open(t, touched), request, delivery.SignatureNamespace)))
	}
	counted := 0
	for name, armored := range signatures {
		for _, variant := range []string{armored, armored + "\n\n"} {
			key, err := Signer(variant, request)
			if err != nil {
				continue
			}
			counted++
			require.True(t, accepts(t, approver+" "+key, variant, request), name)
		}
	}
	require.Equal(t, 2*(7+3+2), counted)
}

// TestAllowedSigners holds delivery's reading of allowed-signers lines against ssh-keygen's: a signature may count here only if
// it counts there. One difference is meant: here, a name in other letters, such as ALICE@example.com, is the same person.
func TestAllowedSigners(t *testing.T) {
	request, armored := fixture(t, "request"), fixture(t, "ed25519.sig")
	key, err := Signer(armored, request)
	require.NoError(t, err)

	lines := []string{}
	for _, principals := range []string{
		approver, "*", "*@example.com", "alice?example.com", "a*e@*.c?m", "[a]lice@example.com", `\alice@example.com`,
		"!alice@example.com,*", "*,!alice@example.com", "*,!a*", "!bob@example.com", "bob@example.com,alice@example.com", "alice@example.com,",
		`"alice@example.com"`, "bob@example.com", "alice@example.co", "alice@example.comm", "#alice@example.com", "*,!bob@example.com", "**",
	} {
		lines = append(lines, principals+" "+key, principals+"\t"+key+" a comment")
	}
	for _, options := range []string{
		`namespaces="cd-approval"`, `NAMESPACES="cd-approval"`, `namespaces=cd-approval`, `namespaces="file,cd-approval"`, `namespaces="file"`,
		`namespaces="*"`, `namespaces="*,!cd-*"`, `namespaces="cd-[a]pproval"`, `namespaces="a b,cd-approval"`, `namespaces=""`,
		`namespaces="a",namespaces="cd-approval"`, `namespaces="cd-approval"x`, `namespaces="cd-approval",`, `,namespaces="cd-approval"`,
		`valid-after="20200101Z"`, `valid-after="20200101"`, `valid-after="202001010000Z"`, `valid-after="20200101000000Z"`,
		`valid-after="21200101Z"`, `valid-before="20200101Z"`, `valid-before="21200101Z"`, `valid-after=20200101Z`, `valid-after="soon"`,
		`valid-after="20200101Z",valid-before="21200101Z"`, `valid-after="21200101Z",valid-before="20200101Z"`,
		`valid-after="20200101Z",namespaces="cd-approval",valid-before="21200101Z"`, `valid-after="20201301Z"`, `cert-authority`,
		`cert-authority,namespaces="cd-approval"`, `no-touch-required`, `namespaces="cd-approval\""`,
	} {
		lines = append(lines, approver+" "+options+" "+key)
	}
	now := time.Now()
	counted := 0
	for _, line := range lines {
		gate := &delivery.ApprovalsGate{Required: 1, SignedBy: []string{line}}
		stage := delivery.Stage{Name: "production", Gates: delivery.Gates{Approvals: gate}}
		if (delivery.World{Now: now}).SignedFor(stage, approver, key) {
			counted++
			require.True(t, accepts(t, line, armored, request), line)
		}
	}
	require.GreaterOrEqual(t, counted, 15)
}
