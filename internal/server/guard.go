package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// guard stands before the routes: it answers panics and unknown paths with our envelope, and keeps a line per request in the
// log for those who ask for it.
type guard struct {
	mux     *http.ServeMux
	log     *slog.Logger
	written func() delivery.LedgerPosition
}

// ServeHTTP answers one request.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	watched := &watchedWriter{ResponseWriter: w, written: g.written}
	defer func() {
		if v := recover(); v != nil {
			g.recovered(watched, r, v)
		}
		g.log.DebugContext(r.Context(), "request", slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
			slog.Int("status", watched.status), slog.Duration("took", time.Since(began)))
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if handler, pattern := g.mux.Handler(r); pattern == "" {
		handler.ServeHTTP(&routeless{ResponseWriter: watched, request: r}, r)
		return
	}
	g.mux.ServeHTTP(watched, r)
}

// recovered answers a panic. Once the header is out, all that is left is to break the connection off.
func (g *guard) recovered(w *watchedWriter, r *http.Request, v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares the panic's value so too
		panic(v)
	}
	if r.Context().Err() != nil && w.status != 0 {
		panic(http.ErrAbortHandler) // nobody listens anymore: writing the answer failed
	}
	p := internal(r.Context(), g.log, "panic", slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
		slog.String("value", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	write(w, p)
}

func write(w http.ResponseWriter, p *api.Problem) {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	w.Header().Set("Content-Type", api.ContentTypeProblem)
	w.WriteHeader(p.Status)
	w.Write(append(text, '\n')) //nolint:errcheck // a caller that is gone cannot be told
}

// watchedWriter remembers whether an answer was begun, and says in each what the ledger has by then.
type watchedWriter struct {
	http.ResponseWriter
	status  int
	written func() delivery.LedgerPosition
}

// WriteHeader passes the status on.
func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		if p := w.written(); p.Seq > 0 {
			w.Header().Set(api.PositionHeader, p.String())
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write passes the body on.
func (w *watchedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets the framework reach the connection's deadlines.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// routeless replaces the text with which the mux answers what it has no route for. The status and the header of "method not
// allowed" stay. The code is not not_found: no object was looked for.
type routeless struct {
	http.ResponseWriter
	request  *http.Request
	answered bool
}

// WriteHeader answers in our envelope.
func (w *routeless) WriteHeader(status int) {
	if w.answered {
		return
	}
	w.answered = true
	message := fmt.Sprintf("there is nothing at %s; see %s for what there is", w.request.URL.EscapedPath(), api.PathOpenAPI)
	if allowed := w.Header()["Allow"]; len(allowed) > 0 {
		message = fmt.Sprintf("%s cannot be used with %s; use %s", w.request.Method, w.request.URL.EscapedPath(), strings.Join(allowed, ", "))
	}
	refusals := delivery.Errors{{Code: delivery.CodeInvalid, Message: message}}
	w.Header().Del("Content-Length")
	write(w.ResponseWriter, &api.Problem{Title: http.StatusText(status), Status: status, Detail: message, Code: delivery.CodeInvalid, Errors: refusals})
}

// Write drops the mux's text.
func (w *routeless) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusNotFound)
	return len(p), nil
}
