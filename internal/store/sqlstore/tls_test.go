package sqlstore

import (
	"errors"
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// home is where the tests' servers are, as their certificates say.
const home = "127.0.0.1"

// company is a server with TLS, in a company with its own authority, and an authority that is not the company's.
type company struct {
	t                   *testing.T
	authority, stranger *pgtest.Authority
	server              *pgtest.Cluster
	byPassword          string // the addresses of a database on its socket, for a role with a password and for one without any
	byCertificate       string
}

func newCompany(t *testing.T) company {
	t.Helper()
	c := company{t: t, authority: pgtest.NewAuthority(t, "the company"), stranger: pgtest.NewAuthority(t, "a stranger")}
	certificate, key := c.authority.Issue(t, "the server", net.ParseIP(home))
	c.server = pgtest.NewSecure(t, c.authority, certificate, key)
	c.byPassword, c.byCertificate = c.server.URL("clerk", password, "ledger"), c.server.URL(pgtest.ByCertificate, "", "ledger")
	administrator := c.server.URL(pgtest.Superuser, "", "postgres")
	c.server.Exec(t, administrator, `CREATE DATABASE ledger`)
	c.server.Exec(t, c.server.URL(pgtest.Superuser, "", "ledger"), `
		CREATE ROLE clerk LOGIN PASSWORD '`+password+`'; CREATE ROLE `+pgtest.ByCertificate+` LOGIN;
		GRANT CREATE ON SCHEMA public TO clerk, `+pgtest.ByCertificate+`; GRANT clerk TO `+pgtest.ByCertificate)
	return c
}

// at is an address on the network, with settings in pairs.
func (c company) at(address, host string, settings ...string) string {
	c.t.Helper()
	return with(c.t, c.server.Network(c.t, address, host), settings...)
}

// with is an address with more settings, in pairs.
func with(t *testing.T, address string, settings ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	values := u.Query()
	for i := 0; i < len(settings); i += 2 {
		values.Set(settings[i], settings[i+1])
	}
	u.RawQuery = values.Encode()
	return u.String()
}

// shows is the settings by which a client shows a certificate.
func shows(t *testing.T, a *pgtest.Authority, role string) []string {
	certificate, key := a.Issue(t, role)
	return []string{"sslcert", certificate, "sslkey", key}
}

func TestTLSIsAsTheURLSays(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	t.Run("works", func(t *testing.T) { encrypts(t, c) })
	t.Run("is refused", func(t *testing.T) { refusesTLS(t, c) })
	t.Run("is refused by the server", func(t *testing.T) { refusesForged(t, c) })
}

func encrypts(t *testing.T, c company) {
	trusted := []string{"sslmode", "verify-full", "sslrootcert", c.authority.File}
	openLedger(t, c.at(c.byPassword, home, "sslmode", "require")) // makes the tables the clerk's: the other role may use what is the clerk's, not the reverse
	for name, address := range map[string]string{
		"verify-full":                         c.at(c.byPassword, home, trusted...),
		"verify-ca, of another name":          c.at(c.byPassword, "localhost", "sslmode", "verify-ca", "sslrootcert", c.authority.File),
		"require":                             c.at(c.byPassword, home, "sslmode", "require"),
		"nothing, which prefers TLS":          c.at(c.byPassword, home),
		"a password bound to the connection":  c.at(c.byPassword, home, append([]string{"channel_binding", "require"}, trusted...)...),
		"a certificate instead of a password": c.at(c.byCertificate, home, append(shows(t, c.authority, pgtest.ByCertificate), trusted...)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := openLedger(t, address)
			require.Equal(t, []string{"true"}, texts(t, l, `SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()`))
			tries, err := record(t.Context(), l)
			require.NoError(t, err)
			require.Equal(t, 1, tries)
		})
	}
}

func refusesTLS(t *testing.T, c company) {
	trusted := []string{"sslmode", "verify-full", "sslrootcert", c.authority.File}
	plain := pgtest.Shared(t).NewProxy(t) // to a socket, on which servers offer no TLS
	for name, example := range map[string]struct {
		address string
		code    delivery.Code
		says    string
	}{
		"another authority": {c.at(c.byPassword, home, "sslmode", "verify-full", "sslrootcert", c.stranger.File), delivery.CodeInvalid,
			"if it is your server, name the file with the certificate of its authority in sslrootcert"},
		"another authority, verify-ca": {c.at(c.byPassword, home, "sslmode", "verify-ca", "sslrootcert", c.stranger.File), delivery.CodeInvalid, "in sslrootcert"},
		"another authority, require":   {c.at(c.byPassword, home, "sslmode", "require", "sslrootcert", c.stranger.File), delivery.CodeInvalid, "in sslrootcert"},
		"the system's authorities":     {c.at(c.byPassword, home, "sslmode", "verify-full"), delivery.CodeInvalid, "in sslrootcert"},
		"the system's, by name":        {c.at(c.byPassword, home, "sslrootcert", "system"), delivery.CodeInvalid, "in sslrootcert"},
		"another host":                 {c.at(c.byPassword, "localhost", trusted...), delivery.CodeInvalid, "call the host in the URL as its certificate does"},
		"a server that wants TLS":      {c.at(c.byPassword, home, "sslmode", "disable"), delivery.CodeForbidden, "it may require TLS: use sslmode=verify-full in the URL"},
		"a server without TLS": {with(t, plain.Through(t, pgtest.Shared(t).URL("clerk", password, "postgres")), trusted...), delivery.CodeInvalid,
			"the server does not offer TLS, which the URL demands; turn it on at the server (ssl = on)"},
		"no such file":                  {c.at(c.byPassword, home, "sslmode", "verify-full", "sslrootcert", "/nowhere/ca.crt"), delivery.CodeInvalid, "open /nowhere/ca.crt: no such file"},
		"no certificate":                {c.at(c.byCertificate, home, trusted...), delivery.CodeForbidden, "name a certificate of this user"},
		"another's certificate":         {c.at(c.byCertificate, home, append(shows(t, c.authority, "somebody"), trusted...)...), delivery.CodeForbidden, "name a certificate of this user"},
		"a stranger's certificate":      {c.at(c.byCertificate, home, append(shows(t, c.stranger, pgtest.ByCertificate), trusted...)...), delivery.CodeForbidden, "of an authority that the server trusts"},
		"a certificate without its key": {c.at(c.byCertificate, home, append(shows(t, c.authority, pgtest.ByCertificate)[:2], trusted...)...), delivery.CodeInvalid, "sslkey"},
		"a setting of other clients":    {c.at(c.byPassword, home, append([]string{"sslcrl", "revoked.crl"}, trusted...)...), delivery.CodeInvalid, "is neither known here nor to the server"},
		"a wrong password":              {c.at(c.server.URL("clerk", password+"!", "ledger"), home, trusted...), delivery.CodeForbidden, "correct the user, or the password in PGPASSWORD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireNotOpened(t, example.address, example.code, example.says)
		})
	}
}

// refusesForged: the server ends the connection over a certificate of an authority that has the name of the right one. The client may hear why, or only
// that the connection is gone: it has sent more by then.
func refusesForged(t *testing.T, c company) {
	forged := shows(t, pgtest.NewAuthority(t, "the company"), pgtest.ByCertificate)
	_, err := Open(t.Context(), c.at(c.byCertificate, home, append(forged, "sslmode", "verify-full", "sslrootcert", c.authority.File)...))
	require.Regexp(t, `does not accept the client's certificate|connection reset by peer|broken pipe`, err.Error())

	detail := &net.OpError{Op: remoteError, Err: errors.New("tls: unknown certificate authority")}
	require.Contains(t, diagnoseTLS(detail, ""), "does not accept the client's certificate (tls: unknown certificate authority); name one in sslcert and sslkey")
	require.Empty(t, diagnoseTLS(&net.OpError{Op: remoteError, Err: errors.New("tls: internal error")}, ""), "a server that fails may be asked again")
}

func TestAnExpiredCertificateIsRefused(t *testing.T) {
	t.Parallel()
	authority := pgtest.NewAuthority(t, "the company")
	certificate, key := authority.IssueExpired(t, "the server", net.ParseIP(home))
	server := pgtest.NewSecure(t, authority, certificate, key)
	for _, mode := range []string{"verify-full", "verify-ca"} {
		address := server.Network(t, server.URL("clerk", password, "postgres"), home)
		address = with(t, address, "sslmode", mode, "sslrootcert", authority.File)
		_, err := Open(t.Context(), address)
		require.ErrorContains(t, err, "the server's certificate is not valid (x509: certificate has expired")
		require.ErrorContains(t, err, "give the server one that is")
		require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
		require.NotContains(t, err.Error(), "Hush7k3vb9Q")
	}
}
