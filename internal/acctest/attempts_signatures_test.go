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

// key returns a person's SSH key.
func key(who string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(who))
	return ed25519.NewKeyFromSeed(seed[:])
}

// packed encodes texts as SSH does: each with its length before it.
func packed(texts ...string) string {
	var all []byte
	for _, text := range texts {
		all = binary.BigEndian.AppendUint32(all, uint32(len(text)))
		all = append(all, text...)
	}
	return string(all)
}

func publicKey(who string) string {
	return packed("ssh-ed25519", string(key(who)[ed25519.PrivateKeySize-ed25519.PublicKeySize:])) // the public key follows the seed
}

// signerLine lists a person's key for the given principals and options.
func signerLine(principals, who string) string {
	return principals + " ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte(publicKey(who)))
}

// signature returns what ssh-keygen -Y sign writes (PROTOCOL.sshsig of OpenSSH). forge, if not nil, changes the raw signature.
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

// requireSignatures lists the keys of alice, bob and carol.
func requireSignatures(r *rules) {
	r.signed = true
	r.gates().Approvals.SignedBy = []string{signerLine(alice, alice), signerLine(bob, bob), signerLine(carol, carol)}
}

// listing requires signatures, with another line for bob.
func listing(line string) func(*rules) {
	return func(r *rules) {
		requireSignatures(r)
		r.gates().Approvals.SignedBy[1] = line
	}
}

// request returns what an approver of the version has to sign now.
func (sc *scenario) request() delivery.ApprovalRequest {
	sc.Helper()
	r, err := sc.by(rita).ApprovalRequest(sc.Context(), "shop", sc.version, "production", string(delivery.Approve))
	sc.must(err)
	return r
}

// signedBy returns an approval in a person's name, signed now with a person's key.
func (sc *scenario) signedBy(name, keyOf string) delivery.ApprovalSpec {
	sc.Helper()
	return sc.withSignature(name, signature(keyOf, delivery.SignatureNamespace, sc.request().Payload(), nil))
}

func (sc *scenario) withSignature(name, signature string) delivery.ApprovalSpec {
	return sc.approval(func(s *delivery.ApprovalSpec) { s.Approver, s.Signature = name, signature })
}

// unsigned is an attempt to approve as bob without bob's signature.
func unsigned(name, reason string, try func(*scenario)) attempt {
	return attempt{name: "signed: " + name, rules: requireSignatures, without: []step{approved},
		do: func(sc *scenario) {
			sc.approve(alice)
			try(sc)
		},
		blocked: []string{"approvals"}, reasons: []string{reason, "1 of 2 approvals, by alice@example.com"}, fix: bobApproves}
}

// wrongText is an attempt with a signature by bob of another text.
func wrongText(name string, edit func(*delivery.ApprovalRequest)) attempt {
	return unsigned(name, "the signature does not hold for what would be deployed now", func(sc *scenario) {
		request := sc.request()
		edit(&request)
		sc.tryToDecide(mallory, sc.withSignature(bob, signature(bob, delivery.SignatureNamespace, request.Payload(), nil)))
	})
}

// attemptsOnSignatures try to forge decisions where the gate requires signatures.
func attemptsOnSignatures() []attempt {
	var rejection string
	return []attempt{
		unsigned("an approver named without a signature", "eligible approvers: bob@example.com", func(sc *scenario) {
			sc.leave(mallory, sc.withSignature(bob, ""))
		}),
		unsigned("an approver who does not sign", "the stage demands a signature by a key that signed_by lists for bob@example.com", func(sc *scenario) {
			sc.tryToDecide(bob, sc.approval())
		}),
		unsigned("a forged signature", "the signature does not fit what was to be signed", func(sc *scenario) {
			forged := signature(bob, delivery.SignatureNamespace, sc.request().Payload(), func(raw []byte) { raw[17] ^= 1 })
			sc.tryToDecide(mallory, sc.withSignature(bob, forged))
		}),
		unsigned("something that is not a signature", "this is not an SSH signature", func(sc *scenario) {
			sc.tryToDecide(mallory, sc.withSignature(bob, "signed, bob"))
		}),
		unsigned("a signature by an unlisted key", "is not one of bob@example.com by a key of the gate's signed_by", func(sc *scenario) {
			sc.tryToDecide(mallory, sc.signedBy(bob, mallory))
		}),
		unsigned("a signature by another approver's key", "is not one of bob@example.com by a key of the gate's signed_by", func(sc *scenario) {
			sc.tryToDecide(alice, sc.signedBy(bob, alice))
		}),
		unsigned("a signature by an unlisted key, applied by the approver", "a key that signed_by lists for bob@example.com", func(sc *scenario) {
			sc.tryToDecide(bob, sc.signedBy(bob, mallory))
		}),
		unsigned("a signature for another purpose", `the signature is for namespace "file"`, func(sc *scenario) {
			sc.tryToDecide(mallory, sc.withSignature(bob, signature(bob, "file", sc.request().Payload(), nil)))
		}),
		wrongText("another version", func(r *delivery.ApprovalRequest) { r.Version = "1.1.0" }),
		wrongText("another stage", func(r *delivery.ApprovalRequest) { r.Stage = "staging" }),
		wrongText("another pipeline", func(r *delivery.ApprovalRequest) { r.Pipeline = "store" }),
		wrongText("a signed rejection used as an approval", func(r *delivery.ApprovalRequest) { r.Decision = delivery.Reject }),
		unsigned("other content", "the signature does not hold for what would be deployed now", func(sc *scenario) {
			old := sc.signedBy(bob, bob)
			sc.declare(func(r *rules) { r.prod.Config["GREETING"] = "gotcha" })
			sc.tryToDecide(mallory, old)
			sc.approve(alice)
		}),
		unsigned("revoked, and used again", "the signature does not hold for what would be deployed now", func(sc *scenario) {
			old := sc.signedBy(bob, bob)
			given := sc.decide(mallory, old)
			sc.must(sc.by(bob).RevokeApproval(sc.Context(), given.ID))
			sc.tryToDecide(mallory, old)
		}),
		{
			name:    "signed: replaced by a rejection, and used again",
			rules:   requireSignatures,
			without: []step{approved},
			do: func(sc *scenario) {
				old := sc.signedBy(bob, bob)
				sc.decide(mallory, old)
				sc.approve(alice)
				no, request := old, sc.request()
				no.Decision, request.Decision = delivery.Reject, delivery.Reject
				no.Signature = signature(bob, delivery.SignatureNamespace, request.Payload(), nil)
				rejection = sc.decide(bob, no).ID
				sc.tryToDecide(mallory, old)
			},
			blocked: []string{"approvals"}, reasons: []string{"the signature does not hold for what would be deployed now", "bob@example.com rejected it"},
			fix: func(sc *scenario) {
				sc.must(sc.by(bob).RevokeApproval(sc.Context(), rejection))
				sc.approve(bob) // what bob signed before does not count again
			},
		},
		{
			name: "signed: expired, and used again",
			rules: func(r *rules) {
				requireSignatures(r)
				r.gates().Approvals.ExpiresAfter = "2h"
			},
			without: []step{approved},
			do: func(sc *scenario) {
				old := sc.signedBy(bob, bob)
				sc.decide(mallory, old)
				sc.h.Clock.Advance(4 * soaking)
				sc.tryToDecide(mallory, old)
				sc.approve(alice)
			},
			blocked: []string{"approvals"}, reasons: []string{"the signature does not hold", "bob@example.com's approval has expired"},
			fix: bobApproves,
		},
		{
			name:    "signed: a key that is no longer valid",
			rules:   listing(signerLine(bob+` valid-before="202703011215Z"`, bob)),
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com's approval is not signed by a key that signed_by lists"},
			fix: func(sc *scenario) {
				sc.declare(requireSignatures)
				sc.approveAll()
			},
		},
		{
			name:    "signed: a key that is listed for something else",
			rules:   listing(signerLine(bob+` namespaces="git"`, bob)),
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide(bob, sc.signedBy(bob, bob))
			},
			blocked: []string{"approvals"}, reasons: []string{"the stage demands a signature", "1 of 2 approvals"},
			fix: func(sc *scenario) {
				sc.declare(requireSignatures)
				sc.approveAll()
			},
		},
		{
			name:    "signed: one key under two names",
			rules:   listing(signerLine(bob+","+carol, carol)),
			without: []step{approved},
			do: func(sc *scenario) {
				sc.decide(carol, sc.signedBy(carol, carol))
				sc.decide(carol, sc.signedBy(bob, carol))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by bob@example.com", "carol@example.com's approval is signed with the key of bob@example.com's"},
			fix: func(sc *scenario) { sc.approve(alice) },
		},
		{
			name:    "signed: a name chosen for a key that is listed with a pattern",
			rules:   listing(signerLine("b*@example.com", carol)),
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide(carol, sc.signedBy(bob, carol))
			},
			blocked: []string{"approvals"}, reasons: []string{"is not one of bob@example.com by a key of the gate's signed_by", "1 of 2 approvals, by alice@example.com"},
			fix: func(sc *scenario) {
				sc.declare(requireSignatures)
				sc.approveAll()
			},
		},
		{
			name:    "signed: a key that may also sign for the author",
			rules:   listing(signerLine(bob+",DAVE@example.com", bob)),
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide(bob, sc.signedBy(bob, bob))
			},
			blocked: []string{"approvals"}, reasons: []string{"the key may also sign for dave@example.com, an author of release shop/1.0.0", "1 of 2 approvals, by alice@example.com"},
			fix: func(sc *scenario) {
				sc.declare(requireSignatures)
				sc.approveAll()
			},
		},
		{
			name: "signed: a policy requires signatures, and the stage lists no keys",
			rules: func(r *rules) {
				r.policy.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}, RequireSigned: true}
			},
			without: []step{approved},
			do:      func(sc *scenario) { sc.approveAll() },
			blocked: []string{"policy.guard.approvals"}, reasons: []string{"is not signed by a key that signed_by lists"},
			fix: func(sc *scenario) {
				sc.declare(requireSignatures)
				sc.approveAll()
			},
		},
	}
}
