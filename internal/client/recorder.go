package client

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// recorder is the http.ResponseWriter of an in-process request. It keeps the rules of net/http's own.
type recorder struct {
	header   http.Header // the handler's: what it changes after WriteHeader is not sent
	sent     http.Header
	status   int   // 0 until WriteHeader
	announce int64 // the Content-Length that the handler set; -1 when none
	open     bool  // the header went out before the length was known
	body     bytes.Buffer
	request  string // the method
}

func newRecorder(req *http.Request) *recorder {
	return &recorder{header: http.Header{}, announce: -1, request: req.Method}
}

// Header returns the header that WriteHeader sends.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader fixes status and header. Informational answers are not passed on, and only the first final one counts.
func (w *recorder) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if w.status != 0 || (status < 200 && status != http.StatusSwitchingProtocols) {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	if text := w.sent.Get("Content-Length"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			w.sent.Del("Content-Length")
			w.open = true
			return
		}
		w.announce = n
	}
}

// Write takes a piece of the body, after a header that says 200 when there was none.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case !w.bodyAllowed():
		return 0, http.ErrBodyNotAllowed
	case w.announce >= 0 && int64(w.body.Len()+len(p)) > w.announce:
		return 0, http.ErrContentLength
	}
	return w.body.Write(p)
}

// Flush sends the header, if that was not done yet.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.open = true
}

func (w *recorder) bodyAllowed() bool {
	return w.status >= 200 && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// response is the answer as the caller gets it. The handler has returned.
func (w *recorder) response(req *http.Request) *http.Response {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	text := http.StatusText(w.status)
	if text == "" {
		text = "status code " + strconv.Itoa(w.status)
	}
	r := &http.Response{
		Status:     strconv.Itoa(w.status) + " " + text,
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          http.NoBody,
		ContentLength: w.announce,
		Request:       req,
	}
	if !w.bodyAllowed() {
		r.Header.Del("Content-Length")
		r.ContentLength = 0
		return r
	}
	written := w.body.Bytes()
	w.describe(r, written)
	switch {
	case w.request == http.MethodHead:
	case int64(len(written)) < r.ContentLength:
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(written), brokenOff{}))
	case len(written) > 0:
		r.Body = io.NopCloser(bytes.NewReader(written))
	}
	return r
}

// describe adds the header fields that a server finds out by itself.
func (w *recorder) describe(r *http.Response, written []byte) {
	types, typed := r.Header["Content-Type"]
	if len(types) == 0 {
		r.Header.Del("Content-Type")
	}
	if !typed && len(written) > 0 && r.Header.Get("Content-Encoding") == "" {
		r.Header.Set("Content-Type", http.DetectContentType(written))
	}
	if w.announce < 0 && !w.open && (w.request != http.MethodHead || len(written) > 0) {
		r.ContentLength = int64(len(written))
		r.Header.Set("Content-Length", strconv.Itoa(len(written)))
	}
}

// brokenOff ends a body that is shorter than announced.
type brokenOff struct{}

// Read fails as reading from a closed connection does.
func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
