package provider_test

import (
	"crypto/ed25519"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// pen signs as one person does.
type pen struct {
	t   *testing.T
	key ssh.Signer
}

func newPen(t *testing.T, seed byte) pen {
	t.Helper()
	key, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize))))
	require.NoError(t, err)
	return pen{t, key}
}

// line is the key as a gate's signed_by lists it, no matter who owns it.
func (p pen) line(who string) string {
	return who + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p.key.PublicKey())))
}

func (p pen) sign(payload, namespace string) string {
	p.t.Helper()
	signature, err := sshsig.Sign(strings.NewReader(payload), p.key, sshsig.HashSHA512, namespace)
	require.NoError(p.t, err)
	return string(sshsig.Armor(signature))
}

// signedShop is a shop whose production believes signatures alone.
type signedShop struct {
	shop
	*walks
	gates map[string]any
	bob   pen
}

func newSignedShop(t *testing.T) signedShop {
	t.Helper()
	s := newShop(t)
	bob := newPen(t, 'b')
	gate := map[string]any{"required": 1, "approvers": []any{"*"}, "expires_after": "48h", "signed_by": []any{bob.line("bob@example.com"), newPen(t, 'c').line("carol@example.com")}}
	return signedShop{s, newWalks(t, s), map[string]any{"approvals": gate}, bob}
}

func (s signedShop) declare(version, level string, approval map[string]any) []declaration {
	return s.shop.declare(order{version: version, logLevel: level, gates: s.gates, approval: approval, promotion: map[string]any{"when_blocked": "pend"}})
}

// request is what there is to sign now.
func (s signedShop) request(version, stage, decision string) string {
	s.t.Helper()
	r, err := s.Client(acctest.Actor).ApprovalRequest(s.t.Context(), "shop", version, stage, decision)
	require.NoError(s.t, err)
	return r.Payload()
}

// byBob is an approval in bob's name. Its signature names the content.
func byBob(signature string) map[string]any {
	return map[string]any{"approver": "bob@example.com", "signature": signature, "content": nil}
}

func TestSignedApproval(t *testing.T) {
	s := newSignedShop(t)
	s.apply(s.declare("1.0.0", "", nil)...)
	signature := s.bob.sign(s.request("1.0.0", "production", "approve"), "cd-approval")
	all := s.declare("1.0.0", "", byBob(signature))
	plan := s.refreshAndPlan(all...)
	require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0", "the plan believes it already")
	s.apply(all...)
	require.NoError(t, s.runs("production", "1.0.0"))
	for name, o := range s.refreshAndPlan(all...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
	// Any hand may hand it in, a shell may have eaten its last line break, and a rejection is signed as an approval is.
	rejection := strings.TrimSpace(s.bob.sign(s.request("1.0.0", "production", "reject"), "cd-approval"))
	given, err := s.Client("mallory@example.com").AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production",
		Decision: delivery.Reject, Approver: "bob@example.com", Signature: rejection})
	require.NoError(t, err)
	require.Equal(t, "bob@example.com", given.Spec.Approver)
}

// Whatever is not bob's own signature of exactly what would be deployed is refused at the plan, at the attribute, and deploys
// nothing. Each attempt has its own shop.
func TestSignaturesThatDoNotCount(t *testing.T) {
	type attempt struct {
		approval map[string]any
		want     string
	}
	request := func(s signedShop) string { return s.request("1.0.0", "production", "approve") }
	const stale = `AttributeName("signature"): Unable to give approval "shop/1.0.0 to production": the signature does not hold for what would be deployed now`
	attempts := map[string]func(s signedShop) attempt{
		"none": func(signedShop) attempt {
			return attempt{map[string]any{}, `AttributeName("approver"): Unable to give approval`}
		},
		"by another key": func(s signedShop) attempt {
			return attempt{byBob(newPen(s.t, 'm').sign(request(s), "cd-approval")), "the signature is not one of bob@example.com by a key of the gate's signed_by"}
		},
		"by another approver's key": func(s signedShop) attempt {
			return attempt{byBob(newPen(s.t, 'c').sign(request(s), "cd-approval")), "the signature is not one of bob@example.com by a key of the gate's signed_by"}
		},
		"by a key that nobody lists, in the actor's own name": func(s signedShop) attempt {
			return attempt{map[string]any{"signature": newPen(s.t, 'm').sign(request(s), "cd-approval")}, acctest.Actor + " registered release shop/1.0.0 and counts as an author"}
		},
		"for another purpose": func(s signedShop) attempt {
			return attempt{byBob(s.bob.sign(request(s), "file")), stale}
		},
		"of another decision": func(s signedShop) attempt {
			return attempt{byBob(s.bob.sign(s.request("1.0.0", "production", "reject"), "cd-approval")), stale}
		},
		"of another stage": func(s signedShop) attempt {
			return attempt{byBob(s.bob.sign(s.request("1.0.0", "staging", "approve"), "cd-approval")), stale}
		},
		"of another version": func(s signedShop) attempt {
			s.apply(s.declare("1.1.0", "", nil)...)
			return attempt{byBob(s.bob.sign(s.request("1.1.0", "production", "approve"), "cd-approval")), stale}
		},
		"of another content": func(s signedShop) attempt {
			signature := s.bob.sign(request(s), "cd-approval")
			s.apply(s.declare("1.0.0", "debug", nil)...)
			return attempt{byBob(signature), stale}
		},
		"of a text without its last line break": func(s signedShop) attempt {
			return attempt{byBob(s.bob.sign(strings.TrimSpace(request(s)), "cd-approval")), stale}
		},
		"changed": func(s signedShop) attempt {
			signature := s.bob.sign(request(s), "cd-approval")
			middle := len(signature) / 2
			return attempt{byBob(signature[:middle] + "AAAA" + signature[middle+4:]), stale}
		},
		"no signature at all": func(signedShop) attempt { return attempt{byBob("bob said so"), stale} },
		"revoked, and handed in again": func(s signedShop) attempt {
			signature := s.bob.sign(request(s), "cd-approval")
			api := s.Client("bob@example.com")
			given, err := api.AddApproval(s.t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production",
				Decision: delivery.Approve, Approver: "bob@example.com", Signature: signature})
			require.NoError(s.t, err)
			require.NoError(s.t, api.RevokeApproval(s.t.Context(), given.ID))
			return attempt{byBob(signature), stale}
		},
		"recorded, and handed in again with another comment": func(s signedShop) attempt {
			signature := s.bob.sign(request(s), "cd-approval")
			_, err := s.Client("bob@example.com").AddApproval(s.t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production",
				Decision: delivery.Approve, Approver: "bob@example.com", Signature: signature, Comment: "seen"})
			require.NoError(s.t, err)
			return attempt{byBob(signature), `bob@example.com has signed this already, for decision shop/1.0.0/production/bob@example.com/1, and a signature is valid for one decision`}
		},
		"expired, and handed in again": func(s signedShop) attempt {
			signature := s.bob.sign(request(s), "cd-approval")
			_, err := s.Client("bob@example.com").AddApproval(s.t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production",
				Decision: delivery.Approve, Approver: "bob@example.com", Signature: signature})
			require.NoError(s.t, err)
			s.Clock.Advance(48 * time.Hour)
			return attempt{byBob(signature), stale}
		},
	}
	for name, try := range attempts {
		t.Run(name, func(t *testing.T) {
			s := newSignedShop(t)
			s.apply(s.declare("1.0.0", "", nil)...)
			a := try(s)
			level := ""
			if strings.Contains(name, "content") {
				level = "debug"
			}
			plan := s.refreshAndPlan(s.declare("1.0.0", level, a.approval)...)
			require.True(t, plan["approval"].failed())
			require.Contains(t, plan["approval"].said(), a.want)
			require.NoError(t, s.runs("production", ""))

			// Nor does the API take it.
			spec := delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Approve}
			spec.Approver, _ = a.approval["approver"].(string)
			spec.Signature, _ = a.approval["signature"].(string)
			_, err := s.Client(acctest.Actor).AddApproval(t.Context(), spec)
			require.NotEqual(t, delivery.CodeInternal, delivery.CodeOf(err))
			require.Error(t, err)
		})
	}
}

// A signature is of one round. Anyone who replaces a signed decision needs a new one, which the plan says before the old one is
// taken away.
func TestReplacingASignedApprovalNeedsANewSignature(t *testing.T) {
	s := newSignedShop(t)
	s.apply(s.declare("1.0.0", "", nil)...)
	signed := byBob(s.bob.sign(s.request("1.0.0", "production", "approve"), "cd-approval"))
	s.apply(s.declare("1.0.0", "", signed)...)
	commented := maps.Clone(signed)
	commented["comment"] = "looked twice"
	plan := s.refreshAndPlan(s.declare("1.0.0", "", commented)...)
	require.True(t, plan["approval"].failed())
	require.Contains(t, plan["approval"].said(), "the signature does not hold for what would be deployed now")
}
