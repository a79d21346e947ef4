package http

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"
)

var errTooManyRedirects = fmt.Errorf("it redirected more than %d times", maxRedirects)

// failure says why there was no answer. The same failure reads the same each time, since what a stage waits for is compared
// from one plan to the next: no port of this side, no name server, no time of day. And it repeats no address, which may hold
// a secret.
func failure(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if strings.HasPrefix(err.Error(), "failed to parse Location header") { // net/http has no name for it, and quotes it
		return "it redirected to what is no address"
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("looking up its host: %s", unknown.Err)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired && invalid.Cert != nil {
		return fmt.Sprintf("its certificate is valid only from %s to %s",
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "the connection ended before the answer did"
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Sprintf("%s: %v", network.Op, network.Err)
	}
	return err.Error()
}
