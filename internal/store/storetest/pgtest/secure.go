package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Authority issues certificates, as a company's own does: no system trusts it unless it is told to.
type Authority struct {
	// File holds its certificate, for those who are to trust it.
	File string

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes an authority for the length of a test. Two of one name are two all the same.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificate(name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	a := &Authority{File: filepath.Join(t.TempDir(), "authority.crt"), key: key}
	a.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(a.File, encoded("CERTIFICATE", der), 0o600))
	return a
}

// Issue gives the files of a certificate and of its key: for a server at the addresses, or, without any, for a client of that name.
func (a *Authority) Issue(t testing.TB, name string, addresses ...net.IP) (certificateFile, keyFile string) {
	t.Helper()
	return a.issue(t, certificate(name), addresses)
}

// IssueExpired is Issue, a year late.
func (a *Authority) IssueExpired(t testing.TB, name string, addresses ...net.IP) (certificateFile, keyFile string) {
	t.Helper()
	template := certificate(name)
	template.NotBefore, template.NotAfter = template.NotBefore.AddDate(-1, 0, 0), template.NotAfter.AddDate(-1, 0, 0)
	return a.issue(t, template, addresses)
}

func (a *Authority) issue(t testing.TB, template *x509.Certificate, addresses []net.IP) (certificateFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.IPAddresses = addresses
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(addresses) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certificateFile, keyFile = filepath.Join(dir, "issued.crt"), filepath.Join(dir, "issued.key")
	require.NoError(t, os.WriteFile(certificateFile, encoded("CERTIFICATE", der), 0o600))
	require.NoError(t, os.WriteFile(keyFile, encoded("PRIVATE KEY", secret), 0o600))
	return certificateFile, keyFile
}

// certificate is what all of them have in common.
func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
}

func encoded(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// ByCertificate is the role that a secure cluster lets in by a certificate with its name.
const ByCertificate = "by_certificate"

// NewSecure makes a cluster for one test that also listens on the loopback network, at 127.0.0.1, and lets nobody in there without
// TLS: one role by a certificate that the authority of its clients issued, all others by their password.
func NewSecure(t testing.TB, clients *Authority, certificateFile, keyFile string) *Cluster {
	t.Helper()
	c := newOne(t)
	c.port = FreePort(t)
	for name, from := range map[string]string{"server.crt": certificateFile, "server.key": keyFile, "clients.crt": clients.File} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		c.own(t, filepath.Join("data", name), text)
	}
	rules, err := os.ReadFile(filepath.Join(c.dir, "data", "pg_hba.conf"))
	require.NoError(t, err)
	c.own(t, filepath.Join("data", "pg_hba.conf"), append(rules, "hostssl all "+ByCertificate+" 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 scram-sha-256\n"...))
	settings, err := os.ReadFile(filepath.Join(c.dir, "data", "postgresql.conf"))
	require.NoError(t, err)
	c.own(t, filepath.Join("data", "postgresql.conf"), append(settings, "\nssl = on\nssl_ca_file = 'clients.crt'\n"...))
	require.NoError(t, c.start(keepAtEnd))
	return c
}

// Network is the address that URL gave, by way of the network, at a host, and without any settings.
func (c *Cluster) Network(t testing.TB, address, host string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.Host, u.RawQuery = net.JoinHostPort(host, strconv.Itoa(c.port)), ""
	return u.String()
}

// FreePort is a port of the loopback network at which nobody listens.
func FreePort(t testing.TB) int {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	address, ok := listener.Addr().(*net.TCPAddr)
	require.True(t, ok)
	return address.Port
}
