// Package signature verifies the SSH signatures of approvals and returns the key that made them. Whether that key may sign is not
// decided here: delivery compares the key with the allowed signers of the gate.
//
// What counts is narrower than what SSH knows: an armored signature as ssh-keygen -Y sign writes it (PROTOCOL.sshsig of OpenSSH),
// for the namespace of approvals, with SHA-256 or SHA-512, by a plain key of one of delivery.SignatureKeyTypes. A key on a FIDO
// authenticator signs the name of its application, flags and a counter along with the text. The flag that says that a person
// touched the authenticator must be set. The counter is not compared, because the last one is not stored; that a PIN was asked
// for is not demanded; and that the key lives on an authenticator at all is known only to the user who listed it.
package signature

import (
	"bytes"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// MinRSABits is the least size of an RSA key whose signature counts.
const MinRSABits = 2048

// maxQuote bounds what an error repeats of a signature, in bytes.
const maxQuote = 80

// Signer returns the public key that signed the payload, as a line of an authorized-keys file has it: type and base64. The
// payload is taken as it is, to the last line break. Every error says why the signature does not count; it never does then.
func Signer(armored, payload string) (key string, err error) {
	s, err := parse(armored)
	if err != nil {
		return "", err
	}
	if s.Namespace != delivery.SignatureNamespace {
		return "", fmt.Errorf("the signature is for namespace %s, and an approval's is %q: sign with ssh-keygen -Y sign -n %[2]s",
			quote(s.Namespace), delivery.SignatureNamespace)
	}
	if err := checkKey(s.PublicKey); err != nil {
		return "", err
	}
	if err := sshsig.Verify(strings.NewReader(payload), s, s.PublicKey, s.HashAlgorithm, delivery.SignatureNamespace); err != nil {
		return "", fmt.Errorf("the signature does not fit what was to be signed (%s): sign the payload exactly as data \"cd_approval_request\" gives it now, with the line break at its end", clip(err.Error()))
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey))), nil
}

// parse reads an armored signature. Each signature has one form only that is accepted, so that nothing can be hidden in it.
func parse(armored string) (*sshsig.Signature, error) {
	if len(armored) > delivery.MaxSignatureBytes {
		return nil, fmt.Errorf("the signature has %d bytes; at most %d are allowed", len(armored), delivery.MaxSignatureBytes)
	}
	if !strings.HasPrefix(armored, "-----BEGIN "+sshsig.PEMType+"-----\n") {
		return nil, errors.New("this is not an SSH signature: it must begin with -----BEGIN SSH SIGNATURE-----, as ssh-keygen -Y sign writes it")
	}
	block, rest := pem.Decode([]byte(armored))
	if block != nil && len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("there is text after the end of the SSH signature: give one signature and nothing else")
	}
	// A second beginning means that the decoder passed over the first.
	if block == nil || strings.Count(armored, "-----BEGIN ") > 1 || block.Type != sshsig.PEMType || len(block.Headers) > 0 {
		return nil, errors.New("the SSH signature is damaged or cut off: give the whole file that ssh-keygen -Y sign wrote")
	}
	s, err := sshsig.ParseSignature(block.Bytes)
	if errors.Is(err, sshsig.ErrUnsupportedHashAlgorithm) {
		return nil, errors.New("the signature is made with a hash algorithm that does not count: sign with -O hashalg=sha512, or sha256")
	}
	if err != nil {
		return nil, fmt.Errorf("the SSH signature cannot be read (%s)", clip(err.Error()))
	}
	if !bytes.Equal(s.Marshal(), block.Bytes) || (!strings.HasPrefix(s.PublicKey.Type(), "sk-") && len(s.Signature.Rest) > 0) {
		return nil, errors.New("the SSH signature holds data that does not belong to it")
	}
	return s, nil
}

// checkKey rejects keys whose signatures are not accepted, even if an approver lists them.
func checkKey(key ssh.PublicKey) error {
	if !slices.Contains(delivery.SignatureKeyTypes, key.Type()) {
		return fmt.Errorf("the signature is by a key of type %s, which does not count: sign with a plain key of type %s", quote(key.Type()), strings.Join(delivery.SignatureKeyTypes, ", "))
	}
	crypto, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return fmt.Errorf("the key of type %s cannot be examined", quote(key.Type()))
	}
	if plain, is := crypto.CryptoPublicKey().(*rsa.PublicKey); is && plain.N.BitLen() < MinRSABits {
		return fmt.Errorf("the signature is by an RSA key of %d bits; at least %d are needed: sign with another key", plain.N.BitLen(), MinRSABits)
	}
	return nil
}

func quote(s string) string { return fmt.Sprintf("%q", clip(s)) }

// clip cuts a text to maxQuote bytes and leaves only what can be printed.
func clip(s string) string {
	const mark = "…"
	end := ""
	if len(s) > maxQuote {
		s, end = strings.ToValidUTF8(s[:maxQuote-len(mark)], ""), mark
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s) + end
}
