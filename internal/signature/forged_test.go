package signature

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// blob is a signature on the wire (PROTOCOL.sshsig), every part open to a forger.
type blob struct {
	Preamble  [6]byte
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
	Rest      []byte `ssh:"rest"`
}

// inner is the signature inside.
type inner struct {
	Format string
	Blob   []byte
	Rest   []byte `ssh:"rest"`
}

func armor(wire []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: sshsig.PEMType, Bytes: wire}))
}

// forge changes a good signature.
func forge(t *testing.T, change func(b *blob, i *inner)) string {
	t.Helper()
	s := sign(t, privateKey(t, "test-key-ed25519"), "payload", delivery.SignatureNamespace)
	i := inner{Format: s.Signature.Format, Blob: s.Signature.Blob}
	b := blob{
		Preamble: [6]byte{'S', 'S', 'H', 'S', 'I', 'G'}, Version: 1, PublicKey: s.PublicKey.Marshal(), Namespace: s.Namespace,
		Hash: string(s.HashAlgorithm),
	}
	change(&b, &i)
	if b.Signature == nil {
		b.Signature = ssh.Marshal(i)
	}
	return armor(ssh.Marshal(b))
}

func TestForged(t *testing.T) {
	_, err := Signer(forge(t, func(*blob, *inner) {}), "payload")
	require.NoError(t, err)

	for name, c := range map[string]struct {
		change func(b *blob, i *inner)
		want   string
	}{
		"another preamble":            {func(b *blob, _ *inner) { b.Preamble[0] = 's' }, "cannot be read"},
		"another version":             {func(b *blob, _ *inner) { b.Version = 2 }, "cannot be read"},
		"another namespace":           {func(b *blob, _ *inner) { b.Namespace = "file" }, `is for namespace "file"`},
		"a namespace like ours":       {func(b *blob, _ *inner) { b.Namespace = "cd-approval-test" }, `is for namespace "cd-approval-test"`},
		"no namespace":                {func(b *blob, _ *inner) { b.Namespace = "" }, `is for namespace ""`},
		"a namespace of many letters": {func(b *blob, _ *inner) { b.Namespace = strings.Repeat("\n", 5000) }, "is for namespace"},
		"SHA-1":                       {func(b *blob, _ *inner) { b.Hash = "sha1" }, "hash algorithm that does not count"},
		"MD5":                         {func(b *blob, _ *inner) { b.Hash = "md5" }, "hash algorithm that does not count"},
		"no hash":                     {func(b *blob, _ *inner) { b.Hash = "" }, "hash algorithm that does not count"},
		"the other hash":              {func(b *blob, _ *inner) { b.Hash = "sha256" }, "does not fit"},
		"something reserved":          {func(b *blob, _ *inner) { b.Reserved = "x" }, "holds data that does not belong"},
		"more behind it":              {func(b *blob, _ *inner) { b.Rest = []byte("x") }, "cannot be read"},
		"more behind the inner one":   {func(_ *blob, i *inner) { i.Rest = []byte("x") }, "holds data that does not belong"},
		"more behind the key":         {func(b *blob, _ *inner) { b.PublicKey = append(b.PublicKey, 'x') }, "cannot be read"},
		"the key of someone else":     {func(b *blob, _ *inner) { b.PublicKey = privateKey(t, "test-key-other").PublicKey().Marshal() }, "does not fit"},
		"a key of another type":       {func(b *blob, _ *inner) { b.PublicKey = privateKey(t, "test-key-rsa").PublicKey().Marshal() }, "cannot be read"},
		"no key":                      {func(b *blob, _ *inner) { b.PublicKey = nil }, "cannot be read"},
		"a key of an unknown type":    {func(b *blob, _ *inner) { b.PublicKey = ssh.Marshal(struct{ Type string }{"ssh-new"}) }, "cannot be read"},
		"a format of many letters":    {func(_ *blob, i *inner) { i.Format = strings.Repeat("\n", 5000) }, "does not fit"},
		"a bit turned over":           {func(_ *blob, i *inner) { i.Blob[10] ^= 1 }, "does not fit"},
		"a short signature":           {func(_ *blob, i *inner) { i.Blob = i.Blob[:63] }, "does not fit"},
		"no signature":                {func(_ *blob, i *inner) { i.Blob = nil }, "does not fit"},
		"nothing inside":              {func(b *blob, _ *inner) { b.Signature = []byte{} }, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := Signer(forge(t, c.change), "payload")
			require.ErrorContains(t, err, c.want)
			require.Empty(t, key)
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestDamaged(t *testing.T) {
	request, good := fixture(t, "request"), fixture(t, "ed25519.sig")
	const begin, end = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----"
	require.True(t, strings.HasPrefix(good, begin))
	for name, c := range map[string]struct{ armored, want string }{
		"nothing":              {"", "this is not an SSH signature"},
		"words":                {"approved by alice", "this is not an SSH signature"},
		"a public key":         {fixture(t, "test-key-ed25519.pub"), "this is not an SSH signature"},
		"a private key":        {fixture(t, "test-key-ed25519"), "this is not an SSH signature"},
		"words before it":      {"hello\n" + good, "this is not an SSH signature"},
		"Windows line breaks":  {strings.ReplaceAll(good, "\n", "\r\n"), "this is not an SSH signature"},
		"another kind of PEM":  {strings.ReplaceAll(good, "SSH SIGNATURE", "PGP SIGNATURE"), "this is not an SSH signature"},
		"words behind it":      {good + "\nhello", "there is text after the end"},
		"two of them":          {good + "\n" + good, "there is text after the end"},
		"a header":             {strings.Replace(good, begin, begin+"Comment: hello\n\n", 1), "damaged or cut off"},
		"cut off":              {good[:len(good)/2], "damaged or cut off"},
		"no end":               {strings.Replace(good, end, "", 1), "damaged or cut off"},
		"two ends":             {strings.Replace(good, end, "-----END PRIVATE KEY-----\n"+end, 1), "damaged or cut off"},
		"two beginnings":       {begin + good, "damaged or cut off"},
		"other letters":        {strings.Replace(good, "U1NI", "!!!!", 1), "damaged or cut off"},
		"nothing inside":       {begin + end, "cannot be read"},
		"much":                 {good + strings.Repeat("\n", delivery.MaxSignatureBytes), "at most 16384 are allowed"},
		"half of its contents": {begin + strings.Split(good, "\n")[1][:68] + "\n" + end, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := Signer(c.armored, request)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, key)
		})
	}
}

// TestRSAWithSHA1 signs as ssh-rsa once did: the key may be good, the algorithm is not.
func TestRSAWithSHA1(t *testing.T) {
	signer, ok := privateKey(t, "test-key-rsa").(ssh.AlgorithmSigner)
	require.True(t, ok)
	_, err := Signer(string(sshsig.Armor(sign(t, sha1Signer{signer}, "payload", delivery.SignatureNamespace))), "payload")
	require.ErrorContains(t, err, `invalid signature format "ssh-rsa"`)
}

// TestShortRSA: a key too small is refused whatever signs with it.
func TestShortRSA(t *testing.T) {
	_, err := Signer(string(sshsig.Armor(sign(t, privateKey(t, "test-key-rsa-1024"), "payload", delivery.SignatureNamespace))), "payload")
	require.ErrorContains(t, err, "RSA key of 1024 bits")
}
