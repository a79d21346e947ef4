package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/webhook"
)

const (
	key   = "a key that nobody guesses"
	token = "a-token-that-nobody-guesses"
)

// order is what a receiver is sent.
type order struct {
	driver.Request
	Secrets map[string]string `json:"secrets"`
}

// begun is a deployment that a receiver started.
type begun struct {
	order  order
	looks  int // until it is settled
	status string
}

// running is what runs of a pipeline.
type running struct {
	order    order
	software string // what is there
	deployed string // what was put there
}

// receiver is what users write: it does what the guide asks of it. By path: /deploy, /status, /observe, and /fail, which refuses
// whatever it is sent, and /stall, which never answers.
type receiver struct {
	*httptest.Server
	clock   *clock
	looks   int           // how often a deployment is looked at before it is settled; 0 settles at once
	failing bool          // deployments fail
	oldest  time.Duration // the age of a signature that it accepts
	tells   string        // how it gives the status address: "status_url", "location" or "template"

	mu       sync.Mutex
	begun    map[string]*begun
	starts   map[string]int // by pipeline
	runs     map[string]*running
	told     string // what it tells at /tell…
	stalled  chan struct{}
	problems []string // what it was sent and should not have been
}

func newReceiver(c *clock) *receiver {
	r := &receiver{clock: c, tells: "location", oldest: 5 * time.Minute, begun: map[string]*begun{}, starts: map[string]int{}, runs: map[string]*running{},
		stalled: make(chan struct{}, 10)}
	r.Server = httptest.NewServer(r)
	return r
}

func (r *receiver) target() delivery.Target {
	t := &delivery.WebhookTarget{URL: r.URL + "/deploy", ObserveURL: r.URL + "/observe?site=eu", Secret: "env:KEY", Token: "env:TOKEN",
		SendSecrets: true, Headers: map[string]string{"X-Site": "eu"}, Timeout: "24h"}
	if r.tells == "template" {
		t.StatusURL = r.URL + "/status?id={id}"
	}
	return delivery.Target{Webhook: t}
}

func (r *receiver) complain(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// authentic is the check that the guide shows.
func (r *receiver) authentic(request *http.Request, body []byte) {
	timestamp := request.Header.Get("CD-Timestamp")
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	if !hmac.Equal([]byte("sha256="+hex.EncodeToString(mac.Sum(nil))), []byte(request.Header.Get("CD-Signature"))) {
		r.complain("%s %s has a wrong signature", request.Method, request.URL)
	}
	signed, err := strconv.ParseInt(timestamp, 10, 64)
	if age := r.clock.Now().Sub(time.Unix(signed, 0)); err != nil || age < 0 || age > r.oldest {
		r.complain("%s %s was signed %s ago", request.Method, request.URL, age)
	}
	if request.Header.Get("Authorization") != "Bearer "+token || request.Header.Get("X-Site") != "eu" {
		r.complain("%s %s has the headers %v", request.Method, request.URL, request.Header)
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the client went away
	}
	if request.URL.Path == "/stall" {
		r.stalled <- struct{}{}
		<-request.Context().Done()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.authentic(request, body)
	switch path := strings.TrimPrefix(request.URL.Path, "/moved"); path {
	case "/deploy", "/fail":
		r.accept(w, request, body, path == "/fail")
	case "/status":
		r.tell(w, request.FormValue("id"), true)
	case "/observe":
		r.report(w, request)
	case "/tell", "/tell-refusal", "/tell-receipt":
		r.repeat(w, request, path)
	default:
		r.complain("%s %s is not one of its addresses", request.Method, request.URL)
		w.WriteHeader(http.StatusNotFound)
	}
}

// accept starts a deployment, unless it knows its key.
func (r *receiver) accept(w http.ResponseWriter, request *http.Request, body []byte, refuse bool) {
	var o order
	id := request.Header.Get("Idempotency-Key")
	if err := json.Unmarshal(body, &o); err != nil || request.Method != http.MethodPost || id != o.ID || id == "" {
		r.complain("%s with key %q: %v", request.Method, id, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if refuse { // as a careless receiver does
		writeJSON(w, http.StatusOK, map[string]any{"status": "failed", "message": fmt.Sprintf("no luck: %s\n%v", body, request.Header)})
		return
	}
	if r.begun[id] == nil {
		r.begun[id] = &begun{order: o, looks: r.looks, status: "running"}
		r.starts[o.Pipeline]++
		r.advance(r.begun[id])
	}
	r.tell(w, id, false)
}

// repeat tells what it was given to tell: in the answer, in a refusal, or in the receipt of what it takes.
func (r *receiver) repeat(w http.ResponseWriter, request *http.Request, path string) {
	lines := strings.Split(r.told, "\n")
	switch {
	case path == "/tell-refusal":
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, r.told)
	case request.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"running": true, "version": lines[0], "config_revision": lines[1], "deployment": lines[2],
			"differences": lines})
	case path == "/tell-receipt":
		receipt := ""
		for _, line := range lines {
			if len(receipt)+len(line) < 2<<10 {
				receipt += line + "\n"
			}
		}
		writeJSON(w, http.StatusOK, map[string]any{"status": "succeeded", "receipt": receipt})
	default:
		writeJSON(w, http.StatusOK, map[string]any{"status": "failed", "message": r.told})
	}
}

// advance settles a deployment whose time has come.
func (r *receiver) advance(b *begun) {
	if b.status != "running" || b.looks > 0 {
		return
	}
	if b.status = "succeeded"; r.failing {
		b.status = "failed"
		return
	}
	software, err := os.ReadFile(b.order.Artifacts["app"].URI)
	if err != nil && b.order.Artifacts != nil {
		r.complain("%v", err)
	}
	r.runs[b.order.Pipeline] = &running{b.order, string(software), string(software)}
}

// tell answers how a deployment goes.
func (r *receiver) tell(w http.ResponseWriter, id string, looked bool) {
	b := r.begun[id]
	if b == nil {
		writeJSON(w, http.StatusNotFound, map[string]any{"message": "never heard of it"})
		return
	}
	if looked {
		b.looks--
		r.advance(b)
	}
	said := map[string]any{"status": b.status, "message": "the receiver's word", "receipt": "r-" + id}
	status := http.StatusOK
	if b.status == "running" && !looked {
		status = http.StatusAccepted
		if address := "/status?id=" + id; r.tells == "status_url" {
			said["status_url"] = r.URL + address
		} else if r.tells == "location" {
			w.Header().Set("Location", address)
		}
	}
	writeJSON(w, status, said)
}

func (r *receiver) report(w http.ResponseWriter, request *http.Request) {
	asked := request.URL.Query()
	now := r.runs[asked.Get("pipeline")]
	if now == nil {
		writeJSON(w, http.StatusOK, map[string]any{"running": false})
		return
	}
	if asked.Get("site") != "eu" || asked.Get("environment") != now.order.Environment || asked.Get("version") == "" ||
		asked.Get("receipt") != "r-"+asked.Get("deployment") {
		r.complain("asked for %v", asked)
	}
	differences := []string{}
	if now.software != now.deployed {
		differences = append(differences, "the software was changed; the key was "+key+" and the token "+token)
	}
	writeJSON(w, http.StatusOK, map[string]any{"running": true, "version": now.order.Version, "config_revision": now.order.ConfigRevision,
		"deployment": now.order.ID, "differences": differences})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(http.ErrAbortHandler) // the client went away
	}
}

// clock stands still except for pauses, which it makes at once. It also ends exchanges when told to.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	pauses []time.Duration
	end    context.CancelFunc // of the exchange under way
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pause(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.pauses = append(c.pauses, d)
	return ctx.Err()
}

func (c *clock) within(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = cancel
	return ctx, cancel
}

// expire ends the exchange under way, as if its time were over.
func (c *clock) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

func (c *clock) driver() *webhook.Driver {
	return webhook.New(webhook.Options{Now: c.Now, Pause: c.pause, Within: c.within})
}

func credentials() map[string]string { return map[string]string{"secret": key, "token": token} }

func serving(t *testing.T) *receiver {
	t.Helper()
	r := newReceiver(newClock())
	t.Cleanup(r.Close)
	return r
}
