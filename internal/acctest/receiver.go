package acctest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Order is a deployment as a webhook target sends it.
type Order struct {
	driver.Request
	Secrets map[string]string `json:"secrets"`
}

// Receiver is a receiver of a webhook target, as a user would write it. /deploy accepts deployments, /status reports a deployment as done
// after one poll, and /running reports what runs. It records the deployments.
type Receiver struct {
	URL string
	Key string // with which requests must be signed

	mu      sync.Mutex
	orders  []Order
	polled  map[string]bool
	runs    map[string]Order // by environment
	altered map[string]string
	refuse  []string // versions
	echo    bool
}

// NewReceiver starts a receiver. It stops when the test ends.
func NewReceiver(t testing.TB, key string) *Receiver {
	t.Helper()
	r := &Receiver{Key: key, polled: map[string]bool{}, runs: map[string]Order{}, altered: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Orders returns the deployments that it started, in order.
func (r *Receiver) Orders() []Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.orders)
}

// Running returns the version that runs in an environment; empty if nothing runs.
func (r *Receiver) Running(environment string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[environment].Version
}

// Alter makes what runs in an environment differ from what was deployed.
func (r *Receiver) Alter(environment, difference string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.altered[environment] = difference
}

// Refuse makes deployments of exactly these versions fail from now on.
func (r *Receiver) Refuse(versions ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = versions
}

// Echo makes it repeat everything that it gets, including headers, in all texts of its answers.
func (r *Receiver) Echo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.echo = true
}

// ServeHTTP answers.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(request.Body)
	if err != nil || !r.authentic(request, body) {
		http.Error(w, "wrong signature", http.StatusUnauthorized)
		return
	}
	text := "accepted"
	if r.echo {
		text = fmt.Sprintf("%s signed with %s %v", body, r.Key, request.Header)
	}
	status, answer := http.StatusOK, map[string]any{"message": text}
	switch id := request.URL.Query().Get("deployment"); request.URL.Path {
	case "/deploy":
		status = http.StatusAccepted
		if err := r.accept(request.Header.Get("Idempotency-Key"), body, answer); err != nil {
			status = http.StatusBadRequest
		}
	case "/status":
		r.polled[id] = true
		r.reportStatus(id, answer)
	case "/running":
		r.reportRunning(request.URL.Query().Get("environment"), text, answer)
	default:
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}

func (r *Receiver) authentic(request *http.Request, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(r.Key))
	mac.Write([]byte(request.Header.Get("CD-Timestamp") + "."))
	mac.Write(body)
	return hmac.Equal([]byte("sha256="+hex.EncodeToString(mac.Sum(nil))), []byte(request.Header.Get("CD-Signature")))
}

func (r *Receiver) accept(id string, body []byte, answer map[string]any) error {
	var order Order
	if err := json.Unmarshal(body, &order); err != nil {
		return err
	}
	if order.ID != id {
		return errors.New("the key is not the deployment's id")
	}
	if !slices.ContainsFunc(r.orders, func(o Order) bool { return o.ID == id }) {
		r.orders = append(r.orders, order)
	}
	answer["status_url"] = "/status?deployment=" + id
	r.reportStatus(id, answer)
	return nil
}

// reportStatus writes the status of a deployment. It is done after one poll.
func (r *Receiver) reportStatus(id string, answer map[string]any) {
	i := slices.IndexFunc(r.orders, func(o Order) bool { return o.ID == id })
	switch {
	case i < 0:
		answer["status"] = "failed"
	case !r.polled[id]:
		answer["status"] = "running"
	case slices.Contains(r.refuse, r.orders[i].Version):
		answer["status"] = "failed"
	default:
		answer["status"] = "succeeded"
		if runs := r.runs[r.orders[i].Environment]; runs.ID != id {
			r.runs[r.orders[i].Environment] = r.orders[i]
			delete(r.altered, r.orders[i].Environment)
		}
	}
}

func (r *Receiver) reportRunning(environment, text string, answer map[string]any) {
	order, ok := r.runs[environment]
	maps.Copy(answer, map[string]any{"running": ok, "version": order.Version, "deployment": order.ID, "config_revision": order.ConfigRevision})
	if difference := r.altered[environment]; difference != "" {
		if r.echo {
			difference += ": " + text
		}
		answer["differences"] = []string{difference}
	}
}
