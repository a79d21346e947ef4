package http

import (
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFailuresReadTheSameEachTime(t *testing.T) {
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	expired := x509.CertificateInvalidError{
		Cert: &x509.Certificate{NotBefore: day, NotAfter: day.AddDate(0, 1, 0)}, Reason: x509.Expired, Detail: "current time is now",
	}
	this := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 51234}
	for want, err := range map[string]error{
		"looking up its host: no such host":                                               &net.DNSError{Err: "no such host", Name: "shop.example", Server: "10.0.0.2:53"},
		"its certificate is valid only from 2026-01-02T00:00:00Z to 2026-02-02T00:00:00Z": expired,
		"write: write: broken pipe":                                                       &net.OpError{Op: "write", Source: this, Err: os.NewSyscallError("write", syscall.EPIPE)},
		"the connection ended before the answer did":                                      &net.OpError{Op: "read", Source: this, Err: os.NewSyscallError("read", syscall.ECONNRESET)},
		"anything else": errors.New("anything else"),
	} {
		require.Equal(t, want, failure(&url.Error{Op: "Get", URL: "http://shop.example/?key=hidden", Err: err}))
	}
}

func TestSameHost(t *testing.T) {
	for _, test := range []struct {
		before, next string
		want         bool
	}{
		{"http://a.example/x", "http://a.example/y", true},
		{"http://a.example", "https://A.example", true},
		{"https://a.example", "http://a.example", false},
		{"https://a.example", "https://b.example", false},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example", "https://www.a.example", false},
	} {
		before, err := url.Parse(test.before)
		require.NoError(t, err)
		next, err := url.Parse(test.next)
		require.NoError(t, err)
		require.Equal(t, test.want, sameHost(next, before), "%s to %s", test.before, test.next)
	}
}
