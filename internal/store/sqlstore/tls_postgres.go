package sqlstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// diagnoseTLS says why a connection is not as safe as the URL demands, or "" if it is. A retry does not help.
func diagnoseTLS(err error, detail string) string {
	var (
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		name        x509.HostnameError
		invalid     x509.CertificateInvalidError
		network     *net.OpError
	)
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the server's certificate is not for the host in the URL (%s); call the host in the URL as its certificate does, or give the server a certificate for it", name)
	case errors.As(err, &authority):
		return fmt.Sprintf("the server's certificate is of an authority that is not trusted here (%s); if it is your server, name the file with the certificate of its authority in sslrootcert", authority)
	case errors.As(err, &invalid):
		return fmt.Sprintf("the server's certificate is not valid (%s); give the server one that is", invalid)
	case errors.As(err, &certificate):
		return fmt.Sprintf("the connection would not be as safe as the URL demands (%s); correct the server's certificate, or sslmode and sslrootcert in the URL", certificate)
	case strings.Contains(detail, "server refused TLS"):
		return "the server does not offer TLS, which the URL demands; turn it on at the server (ssl = on), or use sslmode=disable if the network is private"
	case errors.As(err, &network) && network.Op == remoteError && strings.Contains(network.Err.Error(), "certificate"):
		return fmt.Sprintf("the server does not accept the client's certificate (%s); name one in sslcert and sslkey that is valid and of an authority that the server trusts", network.Err)
	}
	return ""
}

// remoteError is how crypto/tls marks what the other side found wrong.
const remoteError = "remote error"

// loginAdvice says what a user whom the server rejected can do.
func loginAdvice(detail string) string {
	switch {
	case strings.Contains(detail, "no encryption"), strings.Contains(detail, "SSL off"): // before and since PostgreSQL 14
		return "it may require TLS: use sslmode=verify-full in the URL"
	case strings.Contains(detail, "certificate"):
		return "name a certificate of this user, of an authority that the server trusts, and its key in sslcert and sslkey in the URL"
	}
	return "correct the user, or the password in PGPASSWORD, the password file or the URL"
}
