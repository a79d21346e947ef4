package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// maxWordsBytes bounds what an error repeats of a receiver's words.
const maxWordsBytes = 1 << 10

// errSlow is for one exchange; the deployment's whole time is errOver.
var errSlow = fmt.Errorf("it did not answer within %s", exchangeTimeout)

// errOver says that the deployment's time is up.
var errOver = errors.New("the time is up")

// over is errOver, with what went wrong last.
type over struct{ last error }

// Error says what went wrong last.
func (o over) Error() string { return o.last.Error() }

// Is makes it errOver.
func (over) Is(target error) bool { return target == errOver }

// Unwrap gives what went wrong last.
func (o over) Unwrap() error { return o.last }

// unreadable is an answer that is none.
type unreadable struct{ why error }

func (u unreadable) Error() string { return "its answer cannot be used: " + u.why.Error() }

// errFinal is a failure that asking again cannot change.
type errFinal string

func (e errFinal) Error() string { return string(e) }

// refusal is an answer that says no, whatever is asked again.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// final tells whether asking again cannot help: the receiver refused, or is not whom it should be.
func final(err error) bool {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.status != http.StatusTooManyRequests && refused.status < 500
	}
	if _, ok := errors.AsType[errFinal](err); ok {
		return true
	}
	if network, ok := errors.AsType[*net.OpError](err); ok && (network.Op == "remote error" || network.Op == "local error") {
		return true // of TLS: the two sides do not agree how to speak
	}
	return untrusted(err) || strings.Contains(err.Error(), noLocation)
}

// untrusted tells whether the receiver could not show that it is who it should be.
func untrusted(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return certificate || authority || hostname || plain
}

// noLocation is how net/http says, without a type, that a redirect leads to no address.
const noLocation = "failed to parse Location header"

// unreached tells whether a request cannot have got to its receiver.
func unreached(err error) bool {
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Op == "dial" {
		return true
	}
	_, stopped := errors.AsType[errFinal](err)
	return err != nil && (stopped || untrusted(err))
}

// refused says what a receiver answered instead of what it should. The body is in memory, and can be read again.
func (c *call) refused(method string, response *http.Response) error {
	said := fmt.Sprintf("%s %s answered %s", method, shown(response.Request.URL), statusText(response.StatusCode))
	if response.StatusCode/100 == 3 {
		where := "to what is no address"
		if to, err := response.Location(); err == nil {
			where = "to " + c.mask.Printable(shown(to))
		}
		return &refusal{response.StatusCode, said + ", a redirect " + where +
			"; only a GET is redirected, on the same host and a few times, since a redirected request may be lost, or carry its credentials away. Give the final address"}
	}
	text := ""
	if body, ok := response.Body.(*inMemory); ok {
		text = string(body.text)
		var a answer
		if err := json.Unmarshal(body.text, &a); err == nil && a.Message != "" {
			text = a.Message
		}
	}
	return &refusal{response.StatusCode, said + c.words(text)}
}

// unanswered says why there was no answer.
func (c *call) unanswered(method, address string, err error) error {
	where := ""
	if u, wrong := url.Parse(address); wrong == nil {
		where = " " + shown(u)
	}
	text := fmt.Sprintf("%s%s: %s", method, where, c.mask.Printable(reason(err)))
	if final(err) {
		return errFinal(text)
	}
	return errors.New(text)
}

// reason reads the same each time, and repeats no address: no port of this side, no name server, no query.
func reason(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if strings.HasPrefix(err.Error(), noLocation) {
		return "it redirected to what is no address"
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return "looking up its host: " + unknown.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "the connection ended before the answer did"
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Sprintf("%s: %v", network.Op, network.Err)
	}
	return err.Error()
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// shown is an address without what may be secret in it: who asks, and the query.
func shown(address *url.URL) string {
	return (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path, RawPath: address.RawPath}).String()
}

// words are a receiver's own, as the end of a sentence; empty when it said nothing.
func (c *call) words(text string) string {
	text = strings.Join(strings.Fields(c.mask.Printable(text)), " ")
	if text == "" {
		return ""
	}
	if len(text) > maxWordsBytes {
		text = strings.ToValidUTF8(text[:maxWordsBytes], "") + "…"
	}
	return ": " + text
}
