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

// Receiver is what a user would write behind a webhook target: /deploy accepts, /status is asked once before a deployment is done,
// /running tells what runs. It keeps what it was sent.
type Receiver struct {
	URL string
	Key string // that requests have to be signed with

	mu      sync.Mutex
	orders  []Order
	looked  map[string]bool
	runs    map[string]Order // by environment
	altered map[string]string
	refuse  []string // versions
	chatty  bool
}

// NewReceiver starts a receiver, which stops when the test ends.
func NewReceiver(t testing.TB, key string) *Receiver {
	t.Helper()
	r := &Receiver{Key: key, looked: map[string]bool{}, runs: map[string]Order{}, altered: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Orders lists the deployments that it started, in order.
func (r *Receiver) Orders() []Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.orders)
}

// Running is the version that runs in an environment; empty when none does.
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

// Refuse makes deployments of these versions fail from now on, and no others.
func (r *Receiver) Refuse(versions ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = versions
}

// Repeat makes it say all that it was sent, headers as well, in everything that it says in words.
func (r *Receiver) Repeat() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chatty = true
}

// ServeHTTP answers.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(request.Body)
	if err != nil || !r.authentic(request, body) {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	words := "as you wish"
	if r.chatty {
		words = fmt.Sprintf("%s signed with %s %v", body, r.Key, request.Header)
	}
	status, said := http.StatusOK, map[string]any{"message": words}
	switch id := request.URL.Query().Get("deployment"); request.URL.Path {
	case "/deploy":
		status = http.StatusAccepted
		if err := r.accept(request.Header.Get("Idempotency-Key"), body, said); err != nil {
			status = http.StatusBadRequest
		}
	case "/status":
		r.looked[id] = true
		r.tell(id, said)
	case "/running":
		r.report(request.URL.Query().Get("environment"), words, said)
	default:
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(said); err != nil {
		panic(http.ErrAbortHandler) // whoever asked went away
	}
}

func (r *Receiver) authentic(request *http.Request, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(r.Key))
	mac.Write([]byte(request.Header.Get("CD-Timestamp") + "."))
	mac.Write(body)
	return hmac.Equal([]byte("sha256="+hex.EncodeToString(mac.Sum(nil))), []byte(request.Header.Get("CD-Signature")))
}

func (r *Receiver) accept(id string, body []byte, said map[string]any) error {
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
	said["status_url"] = "/status?deployment=" + id
	r.tell(id, said)
	return nil
}

// tell says how a deployment goes: it is done once somebody has looked.
func (r *Receiver) tell(id string, said map[string]any) {
	i := slices.IndexFunc(r.orders, func(o Order) bool { return o.ID == id })
	switch {
	case i < 0:
		said["status"] = "failed"
	case !r.looked[id]:
		said["status"] = "running"
	case slices.Contains(r.refuse, r.orders[i].Version):
		said["status"] = "failed"
	default:
		said["status"] = "succeeded"
		if runs := r.runs[r.orders[i].Environment]; runs.ID != id {
			r.runs[r.orders[i].Environment] = r.orders[i]
			delete(r.altered, r.orders[i].Environment)
		}
	}
}

func (r *Receiver) report(environment, words string, said map[string]any) {
	order, ok := r.runs[environment]
	maps.Copy(said, map[string]any{"running": ok, "version": order.Version, "deployment": order.ID, "config_revision": order.ConfigRevision})
	if difference := r.altered[environment]; difference != "" {
		if r.chatty {
			difference += ": " + words
		}
		said["differences"] = []string{difference}
	}
}
