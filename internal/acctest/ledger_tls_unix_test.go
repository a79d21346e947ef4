//go:build unix

package acctest_test

import (
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// TestALedgerWithTLS delivers over a network that requires TLS, as a role that has a certificate and no password. Then the runner does not
// trust the server, and everything is refused.
func TestALedgerWithTLS(t *testing.T) {
	t.Parallel()
	company, stranger := pgtest.NewAuthority(t, "the company"), pgtest.NewAuthority(t, "a stranger")
	certificate, key := company.Issue(t, "the server", net.ParseIP("127.0.0.1"))
	server := pgtest.NewSecure(t, company, certificate, key)
	server.Exec(t, server.URL(pgtest.Superuser, "", "postgres"), `CREATE ROLE `+pgtest.ByCertificate+` LOGIN; GRANT CREATE ON SCHEMA public TO `+pgtest.ByCertificate)
	certificate, key = company.Issue(t, pgtest.ByCertificate)
	ledger := func(authority *pgtest.Authority) string {
		settings := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {authority.File}, "sslcert": {certificate}, "sslkey": {key}}
		return "CD_LEDGER=" + server.Network(t, server.URL(pgtest.ByCertificate, "", "postgres"), "127.0.0.1") + "?" + settings.Encode()
	}

	w := newWorkspace(t, "", ledger(company))
	w.write("main.tf", requiredProviders+storefront(w.dir, 1))
	w.write("page.html", "hello")
	w.write("healthy", "")
	w.decide()
	w.run("apply")
	w.requireEmptyPlan()

	w.env = []string{ledger(stranger)}
	for _, command := range []string{"plan", "apply"} {
		output, status := w.try(command)
		require.NotZero(t, status, output)
		require.Contains(t, unwrapped(output), "the server's certificate is of an authority that is not trusted here", output)
		require.Contains(t, unwrapped(output), "name the file with the certificate of its authority in sslrootcert", output)
	}
}
