package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// act is what a hostile network, proxy or receiver does with one request. Those in "after" do it once the receiver behind has
// done what it was asked; the others in its place.
type act struct {
	name  string
	after bool
}

// The acts by what they mean for anyone who asks.
var (
	// nothing was said, or nothing that counts: it has to be asked again
	transient = []string{"429", "429 in a while", "429 for years", "500", "502", "503 with a date", "closed", "slow", "truncated", "html", "array",
		"unknown status", "null", "huge", "500 and huge", "bad receipt"}
	// the answer counts, however it comes
	harmless = []string{"pass", "twice", "long way"}
	// asking again cannot help
	fatal = []string{"400", "401", "403", "404", "409", "422 and huge", "302 away", "307 away", "301 nowhere", "loop"}
)

const (
	dies    = "the process dies"
	foreign = "a status address elsewhere"
	tries   = 7
)

func isOneOf(all []string, a act) bool {
	return slices.Contains(all, a.name)
}

var acts = rapid.Custom(func(t *rapid.T) act {
	names := rapid.OneOf(rapid.SampledFrom(transient), rapid.SampledFrom(transient), rapid.SampledFrom(harmless),
		rapid.SampledFrom([]string{"pass", "pass", dies}), rapid.SampledFrom(append([]string{foreign}, fatal...)))
	return act{names.Draw(t, "act"), rapid.Bool().Draw(t, "after")}
})

// hostile stands between the driver and a receiver, and goes through a script.
type hostile struct {
	*receiver
	inner http.Handler
	away  string // another host

	mu     sync.Mutex
	script []act
	seen   int
	die    context.CancelFunc
}

func (h *hostile) next() (a act, die context.CancelFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen++
	if len(h.script) == 0 {
		return act{name: "pass"}, h.die
	}
	a, h.script = h.script[0], h.script[1:]
	return a, h.die
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if strings.HasPrefix(request.URL.Path, "/moved") {
		h.inner.ServeHTTP(w, request)
		return
	}
	if request.URL.Path == "/loop" {
		http.Redirect(w, request, "/loop", http.StatusFound)
		return
	}
	a, die := h.next()
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	if a.after || isOneOf(harmless, a) || a.name == foreign {
		if a.name != "long way" || request.Method != http.MethodGet {
			h.inner.ServeHTTP(answer, request)
		}
	}
	switch a.name {
	case dies:
		die()
		<-request.Context().Done()
	case "slow":
		h.clock.expire()
		<-request.Context().Done()
	case "closed":
		h.raw(w, "")
	case "twice":
		text := fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nLocation: %s\r\nContent-Length: %d\r\n\r\n%s",
			answer.Code, answer.Header().Get("Location"), answer.Body.Len(), answer.Body)
		h.raw(w, text+text)
	case "truncated":
		h.raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"status\": \"succeeded\"")
	default:
		h.say(w, request, a.name, answer)
	}
}

// raw writes to the connection and closes it.
func (h *hostile) raw(w http.ResponseWriter, text string) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(connection, text)
	_ = connection.Close()
}

// say gives an answer that is whole, if not a good one.
func (h *hostile) say(w http.ResponseWriter, request *http.Request, name string, answer *httptest.ResponseRecorder) {
	status, text := 200, ""
	switch name {
	case "429 in a while":
		w.Header().Set("Retry-After", "7")
	case "429 for years":
		w.Header().Set("Retry-After", "9999999999999")
	case "503 with a date":
		w.Header().Set("Retry-After", h.clock.Now().AddDate(0, 0, 1).Format(http.TimeFormat))
	case "html":
		text = "<html>welcome to our proxy</html>"
	case "array":
		text = `["succeeded"]`
	case "unknown status":
		text = `{"status": "done"}`
	case "null":
		text = `{"status": null}`
	case "huge", "500 and huge", "422 and huge":
		text = `{"status": "succeeded", "message": "` + strings.Repeat("x", 2<<20) + `"}`
	case "bad receipt":
		text = `{"status": "succeeded", "receipt": "` + strings.Repeat("x", 4<<10) + `"}`
	case "302 away", "307 away":
		w.Header().Set("Location", h.away+request.URL.Path)
	case "301 nowhere":
		w.Header().Set("Location", "http://%zz")
	case "loop":
		w.Header().Set("Location", "/loop")
		status = http.StatusFound
	case foreign:
		if answer.Code == http.StatusAccepted {
			writeJSON(w, http.StatusAccepted, map[string]any{"status": "running", "status_url": h.away + "/status"})
			return
		}
	case "long way":
		if request.Method == http.MethodGet {
			w.Header().Set("Location", "/moved"+request.URL.RequestURI())
			status = http.StatusFound
		}
	}
	if _, err := fmt.Sscanf(name, "%d", &status); err != nil && status == 200 && text == "" { // the receiver's own answer
		for header, values := range answer.Header() {
			w.Header()[header] = values
		}
		status, text = answer.Code, answer.Body.String()
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// foreseen is what has to come of a script: an independent account of what driver and receiver do.
type foreseen struct {
	script   []act
	template bool
	looks    int
	failing  bool

	requests int
	started  bool
	left     int // looks until it is settled
}

func (f *foreseen) act() act {
	f.requests++
	if len(f.script) == 0 {
		return act{name: "pass"}
	}
	a := f.script[0]
	f.script = f.script[1:]
	return a
}

func (f *foreseen) handled(get bool) {
	switch {
	case get && f.started:
		f.left--
	case !get && !f.started:
		f.started, f.left = true, f.looks
	}
}

// ended is what the receiver says of it once it is settled.
func (f *foreseen) ended() string {
	if f.failing {
		return "the receiver says that it failed: the receiver's word"
	}
	return "succeeded"
}

// request is one request with all its tries: "answered", "refused", "404", "foreign", "given up" or "dead".
func (f *foreseen) request(get bool) string {
	for range tries {
		a := f.act()
		if a.after || isOneOf(harmless, a) || a.name == foreign {
			f.handled(get)
		}
		switch {
		case a.name == dies:
			return "dead"
		case isOneOf(transient, a):
			continue
		case get && a.name == "404":
			return "404"
		case isOneOf(fatal, a) || (a.name == "long way" && !get):
			if !get && a.name == "long way" {
				return "answered" // only a GET is sent the long way
			}
			return "refused"
		case a.name == foreign && !get && f.left > 0 && !f.template:
			return "foreign"
		}
		return "answered"
	}
	return "given up"
}

// deploy is one life of the driver: "succeeded", "dead", or words of its error.
func (f *foreseen) deploy(resumed bool) string {
	accepted := false
	if resumed && f.template {
		switch came := f.request(true); {
		case came == "dead":
			return came
		case came == "refused":
			return "GET "
		case came == "answered" && f.started:
			accepted = true
		}
	}
	if !accepted {
		switch came := f.request(false); came {
		case "dead":
			return came
		case "refused", "given up":
			return "POST "
		case "foreign":
			return "on another host"
		}
	}
	for settled := f.left <= 0; !settled; {
		switch came := f.request(true); came {
		case "dead":
			return came
		case "refused", "404":
			return "GET "
		case "answered":
			settled = f.left <= 0
		}
	}
	return f.ended()
}

// TestHostileReceivers goes through random scripts, three for each check: for every id at most one deployment is started, and
// what the driver says is what happened.
func TestHostileReceivers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 3 {
			exerciseHostile(t)
		}
	})
}

func exerciseHostile(t *rapid.T) {
	c := newClock()
	r := newReceiver(c)
	defer r.Close()
	r.oldest = time.Second - 1 // every request is signed at the moment of sending
	r.looks = rapid.IntRange(0, 3).Draw(t, "looks")
	r.failing = rapid.Bool().Draw(t, "failing")
	r.tells = rapid.SampledFrom([]string{"status_url", "location", "template"}).Draw(t, "tells")
	away := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.complain("another host was asked")
	}))
	defer away.Close()
	script := rapid.SliceOfN(acts, 0, 24).Draw(t, "script")
	h := &hostile{receiver: r, inner: r.Config.Handler, away: away.URL, script: script}
	front := httptest.NewServer(h)
	defer front.Close()
	r.URL = front.URL

	request := requestTo(r)
	request.Artifacts = nil
	will := &foreseen{script: script, template: r.tells == "template", looks: r.looks, failing: r.failing}
	for life := 0; ; life++ {
		want := will.deploy(life > 0)
		ctx, die := context.WithCancel(context.Background())
		h.mu.Lock()
		h.die = die
		h.mu.Unlock()
		request.Resumed = life > 0
		result, err := c.driver().Deploy(ctx, request) // a driver of a process's own
		die()
		if want == "dead" {
			require.ErrorIs(t, err, context.Canceled)
			continue
		}
		require.NotErrorIs(t, err, context.Canceled)
		lying := slices.ContainsFunc(script, func(a act) bool { return a.after && (isOneOf(fatal, a) || strings.HasPrefix(a.name, "429")) })
		checkOutcome(t, r, want, result.Receipt, err, lying)
		break
	}
	require.Equal(t, will.requests, h.seen, "how often it is asked")
	require.LessOrEqual(t, r.starts["shop"], 1)
	require.Equal(t, will.started, r.starts["shop"] == 1)
	require.Empty(t, r.problems)
	for _, pause := range c.pauses {
		require.LessOrEqual(t, pause.Seconds(), 60.0)
	}
}

// checkOutcome compares. Lying says that somebody may refuse in the receiver's place what the receiver took.
func checkOutcome(t *rapid.T, r *receiver, want, receipt string, err error, lying bool) {
	if want == "succeeded" {
		require.NoError(t, err)
		require.Equal(t, "succeeded", r.begun["d1"].status)
		require.JSONEq(t, `{"deployment": "d1", "config_revision": "sha256:11", "receipt": "r-d1"}`, receipt)
		return
	}
	require.ErrorContains(t, err, want)
	require.NotContains(t, err.Error(), key)
	require.NotContains(t, err.Error(), token)
	require.Less(t, len(err.Error()), 4<<10)
	require.NotContains(t, err.Error(), "nothing was changed", "something was there to answer")
	if strings.Contains(err.Error(), "should run what it ran") && !lying {
		require.Zero(t, r.starts["shop"], "%v", err)
	}
}
