package delivery

import (
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
)

// WebhookTarget deploys through an HTTP receiver, and asks it how far it is and what runs.
type WebhookTarget struct {
	URL string `json:"url"` // gets the deployment by POST; https, or http on this machine
	// StatusURL says how a deployment goes; "{id}" stands for its id. Empty: the receiver gives the address when it accepts.
	StatusURL string `json:"status_url,omitempty"`
	// ObserveURL says what runs. Empty: nobody knows.
	ObserveURL string            `json:"observe_url,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"` // sent with every request; never secret
	Secret     string            `json:"secret"`            // reference to the key that requests are signed with
	Token      string            `json:"token,omitempty"`   // reference to a bearer token
	// SendSecrets sends the environment's secret values along with the deployment, and not their names only.
	SendSecrets  bool     `json:"send_secrets,omitempty"`
	Timeout      Duration `json:"timeout,omitempty"`       // of a whole deployment; default DefaultWebhookTimeout
	PollInterval Duration `json:"poll_interval,omitempty"` // before the first look at a deployment; default DefaultPollInterval
	Place        string   `json:"place,omitempty"`         // names where the receiver deploys to, see Target.Place
}

// Bounds and defaults of webhook targets.
const (
	DefaultWebhookTimeout = 10 * time.Minute
	MinWebhookTimeout     = time.Second
	MaxWebhookTimeout     = 24 * time.Hour
	DefaultPollInterval   = 2 * time.Second
	MinPollInterval       = 100 * time.Millisecond
	MaxHeaders            = 50
)

// StatusPlaceholder is what stands for the deployment's id in a status address.
const StatusPlaceholder = "{id}"

// Credentials names what the target's driver needs to be let in: references by attribute. They are no part of what gets deployed.
func (t *Target) Credentials() map[string]string {
	if t == nil || t.Webhook == nil {
		return nil
	}
	references := map[string]string{"secret": t.Webhook.Secret}
	if t.Webhook.Token != "" {
		references["token"] = t.Webhook.Token
	}
	return references
}

// StatusAddress returns where a deployment's status is asked for; empty when only the receiver knows.
func (w *WebhookTarget) StatusAddress(id string) string {
	return strings.ReplaceAll(w.StatusURL, StatusPlaceholder, url.PathEscape(id))
}

func (w *WebhookTarget) validate(p problems) {
	receiver := validateReceiver(p.at("url"), w.URL)
	if w.StatusURL != "" {
		here := p.at("status_url")
		if !strings.Contains(w.StatusURL, StatusPlaceholder) {
			here.add("the address has to hold %s, which stands for the deployment's id", StatusPlaceholder)
		}
		sameReceiver(here, receiver, validateReceiver(here, w.StatusAddress("id")))
	}
	if w.ObserveURL != "" {
		sameReceiver(p.at("observe_url"), receiver, validateReceiver(p.at("observe_url"), w.ObserveURL))
	}
	validateHeaders(p.at("headers"), w.Headers)
	validatePlace(p.at("place"), w.Place)
	validateReference(p.at("secret"), w.Secret)
	if w.Token != "" {
		validateReference(p.at("token"), w.Token)
	}
	if w.Timeout != "" {
		w.Timeout.validate(p.at("timeout"), MinWebhookTimeout)
		if w.Timeout.Value() > MaxWebhookTimeout {
			p.at("timeout").add("%q is too long: the most is %s", string(w.Timeout), MaxWebhookTimeout)
		}
	}
	if w.PollInterval != "" {
		w.PollInterval.validate(p.at("poll_interval"), MinPollInterval)
	}
	interval, timeout := w.PollInterval.Or(DefaultPollInterval), w.Timeout.Or(DefaultWebhookTimeout)
	if timeout > 0 && interval >= timeout { // zero stands for what is no duration
		p.at("poll_interval").dependsOn(p.at("timeout").prefix).add("%s is not shorter than the timeout, %s: a deployment would never be looked at", interval, timeout)
	}
}

// validateReceiver checks an address that signed requests go to, and returns it; nil when it is none. Its text is not repeated:
// it may hold a password.
func validateReceiver(p problems, address string) *url.URL {
	u, err := url.Parse(address)
	switch {
	case address == "":
		p.add("an address is needed, such as \"https://deploy.example.com/deployments\"")
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		p.add("this is not an https address; write one such as \"https://deploy.example.com/deployments\"")
	case u.User != nil:
		p.add("an address with a password in it would be stored; give the receiver a token, as a reference")
	case u.Fragment != "" || strings.HasSuffix(address, "#"):
		p.add("an address with a #fragment cannot be sent; leave it out")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		p.add("http is allowed to this machine only (localhost, 127.0.0.1, [::1]), since anybody on the way could read along; use https")
	default:
		return u
	}
	return nil
}

// sameReceiver keeps what belongs to one receiver, credentials above all, at one host.
func sameReceiver(p problems, receiver, other *url.URL) {
	if receiver != nil && other != nil && (receiver.Scheme != other.Scheme || !strings.EqualFold(receiver.Host, other.Host)) {
		p.add("the address has to begin as url does, with %s://%s: credentials go to no other host", receiver.Scheme, receiver.Host)
	}
}

// Loopback reports whether a host is this machine itself, which nobody can listen in on: plain http is allowed to it.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && ip.IsLoopback())
}

// Headers that a declaration may not set, in lower case, and why not.
var (
	secretHeaders = []string{"authorization", "cookie", "proxy-authorization"}
	ownHeaders    = []string{"accept", "accept-encoding", "cd-signature", "cd-timestamp", "connection", "content-encoding", "content-length",
		"content-type", "expect", "host", "idempotency-key", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}
)

func validateHeaders(p problems, headers map[string]string) {
	if len(headers) > MaxHeaders {
		p.add("%d headers are too many: at most %d", len(headers), MaxHeaders)
	}
	first := map[string]string{}
	for _, name := range sortedKeys(headers) {
		here, lower := p.key(name), strings.ToLower(name)
		switch other, again := first[lower]; {
		case name == "" || strings.ContainsFunc(name, notOfToken):
			here.add("%q is not a header's name; use letters, digits and hyphens", name)
		case slices.Contains(secretHeaders, lower):
			here.add("%s would be stored; for a bearer token set token, which is a reference", textproto.CanonicalMIMEHeaderKey(name))
		case slices.Contains(ownHeaders, lower):
			here.add("%s is set by the provider itself", textproto.CanonicalMIMEHeaderKey(name))
		case again:
			here.add("%s is the same header as %s; keep one of them", name, other)
		case strings.ContainsFunc(headers[name], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			here.add("a header's value cannot hold line breaks or other control characters")
		case len(headers[name]) > maxHeaderBytes:
			here.add("the value has %d bytes; at most %d are allowed", len(headers[name]), maxHeaderBytes)
		}
		first[lower] = name
	}
}

const maxHeaderBytes = 4 << 10

// notOfToken tells what cannot be in a header's name (RFC 9110, token).
func notOfToken(r rune) bool {
	alphanumeric := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
