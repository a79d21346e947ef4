package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The states of a deployment, as a receiver calls them.
const (
	running   = "running"
	succeeded = "succeeded"
	failed    = "failed"
)

// maxReceiptBytes bounds the receiver's own receipt, which is part of an address when it is asked what runs.
const maxReceiptBytes = 2 << 10

// answer is what a receiver says of a deployment.
type answer struct {
	Status    string `json:"status"`
	Message   string `json:"message"`
	Receipt   string `json:"receipt"`
	StatusURL string `json:"status_url"`

	again time.Duration // the least that it asks to wait before the next look
}

// readAnswer reads the answer to a POST or to a look. An error means that there is none: it may have been cut off, or a proxy
// spoke in the receiver's place. Only a POST may be answered without a body, by its status alone.
func readAnswer(method string, response *http.Response, body []byte, now time.Time) (answer, error) {
	var a answer
	switch {
	case strings.TrimSpace(string(body)) != "":
		if err := json.Unmarshal(body, &a); err != nil {
			return a, fmt.Errorf("it is not the JSON object that is needed: %w", err)
		}
	case response.StatusCode == http.StatusAccepted:
		a.Status = running
	case method == http.MethodPost:
		a.Status = succeeded
	}
	switch {
	case a.Status != running && a.Status != succeeded && a.Status != failed:
		return a, errors.New("its \"status\" is not running, succeeded or failed")
	case len(a.Receipt) > maxReceiptBytes:
		return a, fmt.Errorf("its \"receipt\" has %d bytes; at most %d are kept", len(a.Receipt), maxReceiptBytes)
	}
	if a.StatusURL == "" && response.StatusCode == http.StatusAccepted {
		a.StatusURL = response.Header.Get("Location")
	}
	a.again = retryAfter(response.Header, now)
	return a, nil
}

// statusAddress is where the receiver wants to be asked. Asking elsewhere than at its own host would carry the token there.
func (c *call) statusAddress(from *url.URL, given string) (*url.URL, error) {
	u, err := from.Parse(given)
	if err != nil {
		return nil, errFinal("the receiver accepted it, but the status address that it gave is none")
	}
	if !sameHost(u, c.host) || u.User != nil {
		return nil, errFinal(fmt.Sprintf("the receiver accepted it, but gave a status address on another host, %s; it has to be on %s",
			c.mask.Printable(shown(&url.URL{Scheme: u.Scheme, Host: u.Host})), shown(c.host)))
	}
	u.Fragment = ""
	return u, nil
}

// retryAfter reads the header of that name: seconds, or a date. Zero when there is none, or nonsense.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), int(longestRetryAfter/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), longestRetryAfter)
	}
	return 0
}
