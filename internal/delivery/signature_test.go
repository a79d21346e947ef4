package delivery

import (
	"encoding/base64"
	"encoding/binary"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// keyOf writes a key of a type; what follows the type does not matter here.
func keyOf(kind string) string {
	blob := append(binary.BigEndian.AppendUint32(nil, uint32(len(kind))), kind+"the key itself"...)
	return kind + " " + base64.StdEncoding.EncodeToString(blob)
}

var anyKey = keyOf("ssh-ed25519")

// noon of a day in November 2026.
func noon(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }

func signs(line, who string, now time.Time) bool {
	return signed(ApprovalsGate{SignedBy: []string{line}}, who, anyKey, now)
}

// signed reports whether a key signs for a person who decides for themselves, on a release of somebody else.
func signed(gate ApprovalsGate, who, key string, now time.Time) bool {
	decision := Approval{Spec: ApprovalSpec{Approver: who, Decision: Reject}, RecordedBy: who}
	return gate.unsigned(decision, key, Release{RegisteredBy: "ci"}, now) == ""
}

func TestPrincipals(t *testing.T) {
	const alice = "alice@example.com"
	for principals, want := range map[string]bool{
		alice:                           true,
		"bob@example.com," + alice:      true,
		"*":                             true,
		"**":                            true,
		"*@example.com":                 true,
		"alice@*":                       true,
		"a*e@*.c?m":                     true,
		"alice?example.com":             true,
		"*,!bob@example.com":            true,
		"bob@example.com":               false,
		"ALICE@example.com":             true,
		"alice@example.co":              false,
		"alice@example.comm":            false,
		"alice@example.com?":            false,
		"lice@example.com":              false,
		"*@example.org":                 false,
		"*,!" + alice:                   false,
		"!" + alice + ",*":              false,
		"!a*,*":                         false,
		alice + ",!*":                   false,
		"[a]lice@example.com":           false, // brackets have no meaning in ssh-keygen's patterns
		"[a-z]*":                        false,
		`\alice@example.com`:            false,
		"bob@example.com,[!b]lice@*":    false,
		"*@example.com,!*@*.com,carol@": false,
	} {
		require.Equal(t, want, signs(principals+" "+anyKey, alice, noon(20)), principals)
	}
	require.True(t, signs("team/alice "+anyKey, "team/alice", noon(20)))
	require.True(t, signs("team* "+anyKey, "team/alice", noon(20)))
	require.False(t, signs("? "+anyKey, "", noon(20)))
}

// Every pattern that package path understands in the same way is matched in the same way.
func TestPatternsMatchAsPathDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[abc]{0,10}`).Draw(t, "name")
		want, err := path.Match(pattern, name)
		require.NoError(t, err)
		require.Equal(t, want, matchesPattern(pattern, name))
	})
	require.False(t, matchesPattern(strings.Repeat("*a", 10_000), strings.Repeat("a", 9_999)))
}

func TestNamespaces(t *testing.T) {
	for option, want := range map[string]bool{
		`namespaces="cd-approval"`:         true,
		`NameSpaces="cd-approval"`:         true,
		`namespaces="file,cd-approval"`:    true,
		`namespaces="cd-approval,file"`:    true,
		`namespaces="a b,cd-approval"`:     true,
		`namespaces="*"`:                   true,
		`namespaces="cd-*,!cd-deploy"`:     true,
		`namespaces="file"`:                false,
		`namespaces="CD-APPROVAL"`:         false,
		`namespaces="cd-approval2"`:        false,
		`namespaces="*,!cd-approval"`:      false,
		`namespaces="cd-[a]pproval"`:       false,
		`namespaces="cd-approval,!cd-*,x"`: false,
	} {
		line := "alice " + option + " " + anyKey
		_, err := parseSigner(line)
		require.NoError(t, err, option)
		require.Equal(t, want, signs(line, "alice", noon(20)), option)
	}
}

func TestValidity(t *testing.T) {
	moment := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		require.NoError(t, err)
		return at
	}
	for _, c := range []struct {
		options, at string
		want        bool
	}{
		// At or after, and at or before: both ends count.
		{`valid-after="20261120Z"`, "2026-11-19T23:59:59.999Z", false},
		{`valid-after="20261120Z"`, "2026-11-20T00:00:00Z", true},
		{`valid-after="20261120Z"`, "2026-11-20T00:30:00+01:00", false},
		{`valid-after="202611200930Z"`, "2026-11-20T09:29:59Z", false},
		{`valid-after="202611200930Z"`, "2026-11-20T09:30:00Z", true},
		{`valid-after="20261120093015Z"`, "2026-11-20T09:30:14Z", false},
		{`valid-after="20261120093015Z"`, "2026-11-20T10:30:15+01:00", true},
		{`valid-before="20261120Z"`, "2026-11-20T00:00:00Z", true},
		{`valid-before="20261120Z"`, "2026-11-20T00:00:00.001Z", false},
		{`valid-before="20261120093015Z"`, "2026-11-20T09:30:15Z", true},
		{`valid-before="20261120093015Z"`, "2026-11-20T09:30:16Z", false},
		{`valid-after="20261119Z",valid-before="20261121Z"`, "2026-11-20T00:00:00Z", true},
		{`valid-before="20261121Z",valid-after="20261119Z"`, "2026-11-18T00:00:00Z", false},
		{`valid-before="20261121Z",namespaces="cd-approval",valid-after="20261119Z"`, "2026-11-22T00:00:00Z", false},
	} {
		line := "alice " + c.options + " " + anyKey
		_, err := parseSigner(line)
		require.NoError(t, err, c.options)
		require.Equal(t, c.want, signs(line, "alice", moment(c.at)), "%s at %s", c.options, c.at)
	}
}

func TestSignersThatAreRefused(t *testing.T) {
	option := func(text string) string { return "alice " + text + " " + anyKey }
	for line, want := range map[string]string{
		"":                                    "empty line or a comment",
		"  ":                                  "empty line or a comment",
		"# alice " + anyKey:                   "empty line or a comment",
		"#alice " + anyKey:                    "empty line or a comment",
		"alice":                               "principals, key type and key are needed",
		"alice ssh-ed25519":                   "principals, key type and key are needed",
		"alice " + option(""):                 `"alice" is not supported`,
		anyKey:                                `"aaaa`,
		"alice,, " + anyKey:                   "is not a list of principals",
		"alice, " + anyKey:                    "is not a list of principals",
		`"alice" ` + anyKey:                   "is not a list of principals",
		`"alice b" ` + anyKey:                 "is not a list of principals",
		"!bob " + anyKey:                      "name somebody who may",
		"alice " + anyKey + "\nbob " + anyKey: "is more than one line",
		"alice\r" + anyKey:                    "is more than one line",
		"alice ssh-ed25519 AAAA":              "not that of a key of type ssh-ed25519",
		"alice ssh-ed25519 !!!!":              "not base64",
		"alice " + strings.TrimSuffix(anyKey, "="):                      "not base64",
		"alice " + strings.Replace(anyKey, "ssh-ed25519", "ssh-rsa", 1): "not that of a key of type ssh-rsa",
		"alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5":                        "not that of a key of type ssh-ed25519", // the type, and no key
		"alice " + keyOf("ssh-dss"):                                     `"ssh-dss" is not supported`,
		"alice " + keyOf("ssh-ed25519-cert-v01@openssh.com"):            `"ssh-ed25519-cert-v01@openssh.com" is not supported`,
		"alice " + keyOf("ecdsa-sha2-nistp224"):                         `"ecdsa-sha2-nistp224" is not supported`,
		`alice namespaces="cd-approval" ` + keyOf("ssh-dss"):            `"ssh-dss" is no type of key that may sign`,
		option("cert-authority"):                                        `"cert-authority" is not supported`,
		option(`cert-authority,namespaces="cd-approval"`):               `"cert-authority" is not supported`,
		option("no-touch-required"):                                     `"no-touch-required" is not supported`,
		option(`namespaces="cd-approval",restrict`):                     `"restrict" is not supported`,
		option("namespaces"):                                            "needs a value in double quotes",
		option("namespaces=cd-approval"):                                "needs a value in double quotes",
		option(`namespaces=""`):                                         "needs a value in double quotes",
		option(`namespaces="cd-approval`):                               "needs a value in double quotes",
		option(`namespaces="cd-approval\""`):                            "needs a value in double quotes",
		option(`namespaces="cd-approval"x`):                             "there must be a comma and another option",
		option(`namespaces="cd-approval",`):                             "there must be a comma and another option",
		option(`,namespaces="cd-approval"`):                             "is not supported",
		option(`namespaces="a",namespaces="b"`):                         `"namespaces" is given twice`,
		option(`valid-after="20200101Z",VALID-AFTER="20210101Z"`):       `"valid-after" is given twice`,
		option(`valid-after="20260101"`):                                "it would mean another moment on each machine",
		option(`valid-before="202601011200"`):                           "it would mean another moment on each machine",
		option(`valid-before="20260101120000"`):                         "it would mean another moment on each machine",
		option(`valid-after="20260101120000.5Z"`):                       "is not a time of an allowed-signers file",
		option(`valid-after="2026-01-01Z"`):                             "is not a time of an allowed-signers file",
		option(`valid-after="+2026010Z"`):                               "is not a time of an allowed-signers file",
		option(`valid-after="2026Z"`):                                   "is not a time of an allowed-signers file",
		option(`valid-after="soon"`):                                    "is not a time of an allowed-signers file",
		option(`valid-after="20260230Z"`):                               "is no day and time that exists",
		option(`valid-after="202601012460Z"`):                           "is no day and time that exists",
		option(`valid-after="20270101Z",valid-before="20260101Z"`):      "the key would never count",
		option(`valid-after="20260101Z",valid-before="20260101Z"`):      "the key would never count",
	} {
		_, err := parseSigner(line)
		require.ErrorContains(t, err, want, line)
		require.False(t, signs(line, "alice", noon(20)), line)
	}
}

func TestSignersThatAreRead(t *testing.T) {
	for _, kind := range SignatureKeyTypes {
		for _, line := range []string{
			"alice " + keyOf(kind), "alice\t" + keyOf(kind) + " a comment of words", "  alice   " + keyOf(kind) + "\n",
			`alice namespaces="cd-approval" ` + keyOf(kind) + " alice's key",
		} {
			s, err := parseSigner(line)
			require.NoError(t, err, line)
			require.Equal(t, keyOf(kind), s.key)
			require.Equal(t, []string{"alice"}, s.principals)
		}
	}
}

func TestSigned(t *testing.T) {
	other := keyOf("ssh-rsa")
	gate := ApprovalsGate{SignedBy: []string{"alice " + anyKey, "no line at all", "bob " + other}}
	require.True(t, signed(gate, "alice", anyKey, noon(20)))
	require.True(t, signed(gate, "bob", other, noon(20)))
	require.False(t, signed(gate, "bob", anyKey, noon(20)), "the key of someone else")
	require.False(t, signed(gate, "alice", other, noon(20)), "the key of someone else")
	require.False(t, signed(gate, "alice", "", noon(20)), "no signature")
	require.False(t, signed(gate, "carol", anyKey, noon(20)))
	require.True(t, signed(ApprovalsGate{}, "carol", "", noon(20)), "no signature is demanded")
}

// What is signed differs whenever anything that the approval is about differs.
func TestPayloadsDiffer(t *testing.T) {
	request := ApprovalRequest{Pipeline: "shop", Version: "1.4.2", Stage: "production", Decision: Approve, ContentDigest: "sha256:00", Ledger: "11ff", Summary: "artifact: app sha256:22\n", Round: 1}
	require.Equal(t, "cd approval, version 2\nledger: 11ff\npipeline: shop\nrelease: 1.4.2\nstage: production\ndecision: approve\ncontent: sha256:00\nround: 1\n\nartifact: app sha256:22\n", request.Payload())
	for name, change := range map[string]func(*ApprovalRequest){
		"pipeline": func(r *ApprovalRequest) { r.Pipeline = "shop2" },
		"version":  func(r *ApprovalRequest) { r.Version = "1.4.3" },
		"stage":    func(r *ApprovalRequest) { r.Stage = "staging" },
		"decision": func(r *ApprovalRequest) { r.Decision = Reject },
		"content":  func(r *ApprovalRequest) { r.ContentDigest = "sha256:01" },
		"ledger":   func(r *ApprovalRequest) { r.Ledger = "11fe" },
		"summary":  func(r *ApprovalRequest) { r.Summary = "" },
		"round":    func(r *ApprovalRequest) { r.Round = 2 },
	} {
		other := request
		change(&other)
		require.NotEqual(t, request.Payload(), other.Payload(), name)
	}
}

// FuzzParseSigner holds that a line which is read says what it means in one way only, and that none makes the reader fail.
func FuzzParseSigner(f *testing.F) {
	f.Add("alice " + anyKey)
	f.Add(`*@example.com,!bob@example.com namespaces="cd-approval,file",valid-after="20260101Z",valid-before="20270101Z" ` + anyKey + " comment")
	f.Add(`alice namespaces="a b" ` + keyOf("sk-ssh-ed25519@openssh.com"))
	f.Add("# comment")
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseSigner(line)
		if err != nil {
			return
		}
		require.NotEmpty(t, s.principals)
		kind, key, _ := strings.Cut(s.key, " ")
		require.Contains(t, SignatureKeyTypes, kind)
		blob, err := base64.StdEncoding.Strict().DecodeString(key)
		require.NoError(t, err)
		require.Equal(t, key, base64.StdEncoding.EncodeToString(blob))
	})
}
