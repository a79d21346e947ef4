package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

var errPanicked = errors.New("the handler panicked")

// InProcess returns a transport that has the handler answer in this process. What the handler and the caller see is what they
// would see over a connection, but for streaming: the answer is there once the handler has returned. A caller whose context
// ends does not wait for the handler; the handler's own context ends with it.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

// RoundTrip runs the handler in a goroutine of its own, under the request's context.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	body := newRequestBody(req)
	err := errors.Join(refuse(req), req.Context().Err())
	if err != nil {
		body.release()
		return nil, err
	}
	ctx, cancel := context.WithCancel(req.Context())
	received := receive(ctx, req, body)
	w := newRecorder(req)
	done := make(chan error, 1)
	go func() {
		err := errUnfinished // stands when the handler ends its goroutine
		defer func() {
			cancel()
			body.release()
			done <- err
		}()
		err = serve(t.handler, w, received)
	}()
	select {
	case <-req.Context().Done():
		body.release()
		return nil, req.Context().Err()
	case err := <-done:
		if err != nil {
			return nil, err
		}
		return w.response(req), nil
	}
}

// errUnfinished is what a caller sees when a server closes the connection instead of answering.
var errUnfinished = io.ErrUnexpectedEOF

// serve runs the handler and turns a panic into an error.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			err = errUnfinished
		default:
			err = fmt.Errorf("%w: %v", errPanicked, v)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// refuse says why a request could not be written to a connection.
func refuse(req *http.Request) error {
	switch {
	case req.URL == nil:
		return errors.New("net/http: nil Request.URL")
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("unsupported protocol scheme %q", req.URL.Scheme)
	case req.URL.Host == "":
		return errors.New("http: no Host in request URL")
	}
	for name, values := range req.Header {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
			return fmt.Errorf("net/http: invalid header field name %q", name)
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) {
				return fmt.Errorf("net/http: invalid header field value for %q", name) // the value may be a secret
			}
		}
	}
	return nil
}

// receive makes the request that a server would have read from the connection.
func receive(ctx context.Context, req *http.Request, body *requestBody) *http.Request {
	r := (&http.Request{
		Method:     req.Method,
		URL:        &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery, ForceQuery: req.URL.ForceQuery},
		RequestURI: req.URL.RequestURI(),
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        make(http.Header, len(req.Header)),
		Host:          req.Host,
		RemoteAddr:    "127.0.0.1:0",
		Body:          http.NoBody,
		ContentLength: body.length,
	}).WithContext(ctx)
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	for name, values := range req.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		for _, value := range values {
			r.Header.Add(name, textproto.TrimString(value))
		}
	}
	for _, ofConnection := range []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"} {
		r.Header.Del(ofConnection)
	}
	switch {
	case body.length < 0:
		r.TransferEncoding = []string{"chunked"}
	case body.length > 0, r.Method == http.MethodPost, r.Method == http.MethodPut, r.Method == http.MethodPatch:
		r.Header.Set("Content-Length", strconv.FormatInt(body.length, 10))
	}
	if body.length != 0 {
		r.Body = body
	}
	return r
}

// requestBody reads as many bytes as were announced, and none after it was closed: the caller may use them again then.
type requestBody struct {
	body   io.ReadCloser
	length int64 // announced; -1 when unknown
	left   int64 // when announced
	closed atomic.Bool
	once   sync.Once
}

func newRequestBody(req *http.Request) *requestBody {
	b := &requestBody{body: req.Body, length: req.ContentLength}
	switch {
	case req.Body == nil:
		b.body, b.length = http.NoBody, 0
	case req.Body == http.NoBody:
		b.length = 0
	case req.ContentLength <= 0:
		b.length = -1
	}
	b.left = b.length
	return b
}

// Read reads from the caller's body.
func (b *requestBody) Read(p []byte) (int, error) {
	switch {
	case b.closed.Load():
		return 0, http.ErrBodyReadAfterClose
	case b.length < 0:
		return b.body.Read(p)
	case b.left == 0:
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if errors.Is(err, io.EOF) && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// release closes the caller's body, once. Whether that failed is nobody's concern: all that was needed of it was read.
func (b *requestBody) release() {
	b.closed.Store(true)
	b.once.Do(func() { b.body.Close() })
}

// Close is what handlers call.
func (b *requestBody) Close() error {
	b.release()
	return nil
}
