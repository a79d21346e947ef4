package acctest_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// key is somebody's SSH key.
func key(who string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(who))
	return ed25519.NewKeyFromSeed(seed[:])
}

// packed writes texts as SSH does: each with its length before it.
func packed(texts ...string) string {
	var all []byte
	for _, text := range texts {
		all = binary.BigEndian.AppendUint32(all, uint32(len(text)))
		all = append(all, text...)
	}
	return string(all)
}

func publicKey(who string) string {
	return packed("ssh-ed25519", string(key(who)[ed25519.PrivateKeySize-ed25519.PublicKeySize:])) // the public half stands behind the seed
}

// signerLine lists somebody's key for the principals and options given.
func signerLine(principals, who string) string {
	return principals + " ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte(publicKey(who)))
}

// signature is what ssh-keygen -Y sign writes (PROTOCOL.sshsig of OpenSSH); forge, when not nil, changes the raw signature.
func signature(who, namespace, payload string, forge func(raw []byte)) string {
	const magic = "SSHSIG"
	sum := sha512.Sum512([]byte(payload))
	raw := ed25519.Sign(key(who), []byte(magic+packed(namespace, "", "sha512", string(sum[:]))))
	if forge != nil {
		forge(raw)
	}
	blob := magic + "\x00\x00\x00\x01" + packed(publicKey(who), namespace, "", "sha512", packed("ssh-ed25519", string(raw)))
	return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: []byte(blob)}))
}

// demandSignatures lists the keys of alice, bob and carol.
func demandSignatures(r *rules) {
	r.signed = true
	r.gates().Approvals.SignedBy = []string{signerLine(alice, alice), signerLine(bob, bob), signerLine(carol, carol)}
}

// listing demands signatures, with another line for bob.
func listing(line string) func(*rules) {
	return func(r *rules) {
		demandSignatures(r)
		r.gates().Approvals.SignedBy[1] = line
	}
}

// request is what an approver of the version is asked to sign now.
func (l *line) request() delivery.ApprovalRequest {
	l.Helper()
	r, err := l.by(rita).ApprovalRequest(l.Context(), "shop", l.version, "production", string(delivery.Approve))
	l.must(err)
	return r
}

// signedBy is an approval in somebody's name, signed now by somebody's key.
func (l *line) signedBy(name, keyOf string) delivery.ApprovalSpec {
	l.Helper()
	return l.withSignature(name, signature(keyOf, delivery.SignatureNamespace, l.request().Payload(), nil))
}

func (l *line) withSignature(name, signature string) delivery.ApprovalSpec {
	return l.approval(func(s *delivery.ApprovalSpec) { s.Approver, s.Signature = name, signature })
}

// unsigned is an attempt to have something else than a signature of bob's count as his.
func unsigned(name, says string, try func(*line)) attempt {
	return attempt{name: "signed: " + name, rules: demandSignatures, without: []step{approved},
		do: func(l *line) {
			l.approve(alice)
			try(l)
		},
		blocked: []string{"approvals"}, says: []string{says, "1 of 2 approvals, by alice@example.com"}, mend: bobToo}
}

// wrongText is one in which bob did sign, but another text than is asked for now.
func wrongText(name string, edit func(*delivery.ApprovalRequest)) attempt {
	return unsigned(name, "the signature does not hold for what would be deployed now", func(l *line) {
		request := l.request()
		edit(&request)
		l.tryToDecide(mallory, l.withSignature(bob, signature(bob, delivery.SignatureNamespace, request.Payload(), nil)))
	})
}

// attemptsOnSignatures try to forge decisions where the gate demands signatures.
func attemptsOnSignatures() []attempt {
	var rejection string
	return []attempt{
		unsigned("an approver named without a signature", "cannot decide for bob@example.com", func(l *line) {
			l.tryToDecide(mallory, l.withSignature(bob, ""))
		}),
		unsigned("an approver who does not sign", "the stage demands a signature by a key that signed_by lists for bob@example.com", func(l *line) {
			l.tryToDecide(bob, l.approval())
		}),
		unsigned("a forged signature", "the signature does not fit what was to be signed", func(l *line) {
			forged := signature(bob, delivery.SignatureNamespace, l.request().Payload(), func(raw []byte) { raw[17] ^= 1 })
			l.tryToDecide(mallory, l.withSignature(bob, forged))
		}),
		unsigned("something that is no signature", "this is no SSH signature", func(l *line) {
			l.tryToDecide(mallory, l.withSignature(bob, "signed, bob"))
		}),
		unsigned("a signature by a key that nobody listed", "cannot decide for bob@example.com", func(l *line) {
			l.tryToDecide(mallory, l.signedBy(bob, mallory))
		}),
		unsigned("a signature by another approver's key", "cannot decide for bob@example.com", func(l *line) {
			l.tryToDecide(alice, l.signedBy(bob, alice))
		}),
		unsigned("a signature by a key that nobody listed, by the approver himself", "a key that signed_by lists for bob@example.com", func(l *line) {
			l.tryToDecide(bob, l.signedBy(bob, mallory))
		}),
		unsigned("a signature for another purpose", `the signature is for namespace "file"`, func(l *line) {
			l.tryToDecide(mallory, l.withSignature(bob, signature(bob, "file", l.request().Payload(), nil)))
		}),
		wrongText("another version", func(r *delivery.ApprovalRequest) { r.Version = "1.1.0" }),
		wrongText("another stage", func(r *delivery.ApprovalRequest) { r.Stage = "staging" }),
		wrongText("another pipeline", func(r *delivery.ApprovalRequest) { r.Pipeline = "store" }),
		wrongText("a rejection handed in as an approval", func(r *delivery.ApprovalRequest) { r.Decision = delivery.Reject }),
		unsigned("other content", "the signature does not hold for what would be deployed now", func(l *line) {
			old := l.signedBy(bob, bob)
			l.declare(func(r *rules) { r.prod.Config["GREETING"] = "gotcha" })
			l.tryToDecide(mallory, old)
			l.approve(alice)
		}),
		unsigned("revoked, and handed in again", "the signature does not hold for what would be deployed now", func(l *line) {
			old := l.signedBy(bob, bob)
			given := l.decide(mallory, old)
			l.must(l.by(bob).RevokeApproval(l.Context(), given.ID))
			l.tryToDecide(mallory, old)
		}),
		{
			name:    "signed: taken back by a rejection, and handed in again",
			rules:   demandSignatures,
			without: []step{approved},
			do: func(l *line) {
				old := l.signedBy(bob, bob)
				l.decide(mallory, old)
				l.approve(alice)
				no, request := old, l.request()
				no.Decision, request.Decision = delivery.Reject, delivery.Reject
				no.Signature = signature(bob, delivery.SignatureNamespace, request.Payload(), nil)
				rejection = l.decide(bob, no).ID
				l.tryToDecide(mallory, old)
			},
			blocked: []string{"approvals"}, says: []string{"the signature does not hold for what would be deployed now", "bob@example.com rejected it"},
			mend: func(l *line) { l.must(l.by(bob).RevokeApproval(l.Context(), rejection)) },
		},
		{
			name: "signed: expired, and handed in again",
			rules: func(r *rules) {
				demandSignatures(r)
				r.gates().Approvals.ExpiresAfter = "2h"
			},
			without: []step{approved},
			do: func(l *line) {
				old := l.signedBy(bob, bob)
				l.decide(mallory, old)
				l.h.Clock.Advance(4 * soaking)
				l.tryToDecide(mallory, old)
				l.approve(alice)
			},
			blocked: []string{"approvals"}, says: []string{"the signature does not hold", "bob@example.com's is expired"},
			mend: bobToo,
		},
		{
			name:    "signed: a key whose time is over",
			rules:   listing(signerLine(bob+` valid-before="202703011215Z"`, bob)),
			blocked: []string{"approvals"}, says: []string{"bob@example.com's is not signed by a key of signed_by"},
			mend: func(l *line) {
				l.declare(demandSignatures)
				l.approveAll()
			},
		},
		{
			name:    "signed: a key that is listed for something else",
			rules:   listing(signerLine(bob+` namespaces="git"`, bob)),
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.tryToDecide(bob, l.signedBy(bob, bob))
			},
			blocked: []string{"approvals"}, says: []string{"the stage demands a signature", "1 of 2 approvals"},
			mend: func(l *line) {
				l.declare(demandSignatures)
				l.approveAll()
			},
		},
		{
			name:    "signed: one key under two names",
			rules:   listing(signerLine("*@example.com", carol)),
			without: []step{approved},
			do: func(l *line) {
				l.decide(carol, l.signedBy(carol, carol))
				l.decide(carol, l.signedBy(bob, carol))
			},
			blocked: []string{"approvals"}, says: []string{"1 of 2 approvals, by bob@example.com", "carol@example.com's is signed with the key of bob@example.com's"},
			mend: func(l *line) { l.approve(alice) },
		},
	}
}
