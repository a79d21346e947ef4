package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const theRequest = "data.cd_approval_request.bob"

// What the data source gives is what has to be signed, to the last line break: bob signs it with the real ssh-keygen, on a
// machine of his own, and alice applies his word.
func TestAccApprovalRequest(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not on PATH; install the OpenSSH client. CI does, and fails where this is skipped")
	}
	s := newShop(t)
	key := s.keygen("bob")
	s.sealed(key + ".pub")
	config := func(signature string) string {
		return fmt.Sprintf(`
data "cd_approval_request" "bob" {
  pipeline = "shop"
  version  = "1.0.0"
  stage    = "production"
  decision = "approve"
}

resource "cd_approval" "bob" {
  count     = fileexists(%[1]q) ? 1 : 0
  pipeline  = "shop"
  version   = "1.0.0"
  stage     = "production"
  decision  = "approve"
  approver  = "bob@example.com"
  signature = try(file(%[1]q), null)
}

resource "cd_promotion" "production" {
  pipeline     = "shop"
  stage        = "production"
  version      = "1.0.0"
  when_blocked = "pend"
  depends_on   = [cd_approval.bob]
}

output "payload" {
  value = data.cd_approval_request.bob.payload
}`, signature)
	}
	signature := s.Dir + "/request.sig"
	var payload string
	asked := resource.TestStep{Config: config(signature), ConfigStateChecks: []statecheck.StateCheck{
		statecheck.ExpectKnownValue(theRequest, tfjsonpath.New("namespace"), knownvalue.StringExact("cd-approval")),
		statecheck.ExpectKnownValue(theRequest, tfjsonpath.New("content_digest"), knownvalue.StringRegexp(regexp.MustCompile("^sha256:[0-9a-f]{64}$"))),
		statecheck.ExpectKnownOutputValue("payload", knownvalue.StringFunc(func(v string) error {
			payload = v
			return s.runs("production", "")
		})),
	}}
	signed := s.then(resource.TestStep{Config: config(signature)}, "", "1.0.0")
	signed.PreConfig = func() { s.keygenSign(key, s.write("request", payload)) }
	signed.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue("cd_approval.bob[0]", tfjsonpath.New("approver"), knownvalue.StringExact("bob@example.com")),
		statecheck.ExpectKnownValue("cd_approval.bob[0]", tfjsonpath.New("status"), knownvalue.StringExact("valid")),
	}
	// The promotion has used the approval since the request was read, so the next one is for another round.
	signed.ExpectNonEmptyPlan = true
	settled := s.then(resource.TestStep{Config: config(signature)}, "", "1.0.0")
	imported := resource.TestStep{ResourceName: "cd_approval.bob[0]", ImportState: true, ImportStateVerify: true, Config: signed.Config,
		ImportStateId: "shop/1.0.0/production/bob@example.com/1"}
	s.test(asked, signed, settled, imported)
}

// keygen makes a key with the real ssh-keygen, and returns its path.
func (s shop) keygen(name string) string {
	s.t.Helper()
	at := s.Dir + "/" + name
	s.ssh("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", at)
	return at
}

// keygenSign writes the signature of a file beside it, as an approver does.
func (s shop) keygenSign(key, file string) {
	s.t.Helper()
	s.ssh("-q", "-Y", "sign", "-n", "cd-approval", "-f", key, file)
}

func (s shop) ssh(args ...string) {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), "ssh-keygen", args...).CombinedOutput()
	require.NoError(s.t, err, "ssh-keygen %s: %s", strings.Join(args, " "), out)
}

// sealed declares the shop behind Terraform's back, with one manual stage that believes bob's key alone.
func (s shop) sealed(publicKey string) {
	s.t.Helper()
	line, err := os.ReadFile(publicKey)
	require.NoError(s.t, err)
	s.register(delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}, SignedBy: []string{"bob@example.com " + strings.TrimSpace(string(line))}}})
}

func TestAccApprovalRequestRefusals(t *testing.T) {
	s := newShop(t)
	ask := func(version, stage, decision, want string) resource.TestStep {
		return resource.TestStep{ExpectError: regexp.MustCompile(want), Config: fmt.Sprintf(`
data "cd_approval_request" "x" {
  pipeline = "shop"
  version  = %q
  stage    = %q
  decision = %q
}`, version, stage, decision)}
	}
	missing := ask("1.0.0", "production", "approve", `(?s)Unable to read the approval request.*pipeline "shop"\s+does\s+not\s+exist`)
	version := ask("9.9.9", "production", "approve", `(?s)Unable to read the approval request.*version\s+=.*has\s+no\s+release\s+"9\.9\.9"`)
	version.PreConfig = func() {
		s.register(delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}})
	}
	s.test(missing, version,
		ask("1.0.0", "test", "approve", `(?s)Unable to read the approval request.*stage\s+=.*has\s+no\s+stage\s+"test"`),
		ask("1.0.0", "production", "maybe", `(?s)Invalid approval request.*decision\s+=.*"maybe"\s+is\s+not\s+a\s+decision`),
	)
}
