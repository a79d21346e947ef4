package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	fetchTimeout  = 30 * time.Minute // for one artifact, tries included
	maxRedirects  = 10
	fetchAttempts = 3
)

// Fetcher reads artifacts of this machine, and fetches others over https.
type Fetcher struct {
	client *http.Client
	pause  time.Duration
}

// New makes a fetcher. transport nil means Go's default, with proxies from the environment. pause comes before the second try, and is
// doubled before each further one.
func New(transport http.RoundTripper, pause time.Duration) Fetcher {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: time.Minute,
			DisableCompression:    true, // the digest is over the bytes as they are stored
			ForceAttemptHTTP2:     true,
		}
	}
	return Fetcher{client: &http.Client{Transport: transport, CheckRedirect: safeRedirect}, pause: pause}
}

// Pause is how long New's caller usually has a fetcher wait before its second try.
const Pause = time.Second

// safeToFetch demands https, except for this machine itself.
func safeToFetch(address *url.URL) error {
	if address.Host == "" {
		return errors.New("the address names no host")
	}
	if address.Scheme == "https" || address.Scheme == "http" && delivery.Loopback(address.Hostname()) {
		return nil
	}
	return errors.New("artifacts are fetched over https://; plain http:// is only for this machine")
}

func safeRedirect(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return fmt.Errorf("it was redirected more than %d times", maxRedirects)
	}
	if before[len(before)-1].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return fmt.Errorf("it was redirected from https:// to %s://, which is less safe", next.URL.Scheme)
	}
	return safeToFetch(next.URL)
}

// restartable is what fetch writes to when a try broke off midway: it cannot start over, so such a failure is final.
type restartable struct {
	to      io.Writer
	written bool
}

func (r *restartable) Write(p []byte) (int, error) {
	r.written = true
	return r.to.Write(p)
}

// fetch writes what the address answers, at most so many bytes, and returns how many. It tries again when the server cannot be
// reached or says that it is in trouble.
func (f Fetcher) fetch(ctx context.Context, address *url.URL, most int64, to io.Writer) (int64, error) {
	limited, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	out := &restartable{to: to}
	pause := f.pause
	for attempt := 1; ; attempt++ {
		n, again, err := f.once(limited, address, most, out)
		if err == nil {
			return n, nil
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if !again || out.written || attempt == fetchAttempts || limited.Err() != nil {
			return 0, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-limited.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause *= 2
	}
}

func (f Fetcher) once(ctx context.Context, address *url.URL, most int64, to io.Writer) (n int64, again bool, err error) {
	response, again, err := f.get(ctx, address, nil)
	if err != nil {
		return 0, again, err
	}
	defer response.Body.Close()
	n, err = copyAtMost(most, to, response.Body)
	switch {
	case err == nil && response.ContentLength >= 0 && n != response.ContentLength:
		err = io.ErrUnexpectedEOF
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("it took longer than %s: %w", fetchTimeout, err)
	}
	if err != nil {
		err = fmt.Errorf("while fetching it from %s: %w", shownAddress(address), err)
	}
	return n, false, err
}

// get asks an address for what it holds, or for the part of it that the headers name. After an error, again says whether asking
// once more may help.
func (f Fetcher) get(ctx context.Context, address *url.URL, headers http.Header) (response *http.Response, again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return nil, false, errors.New("this is no valid address")
	}
	maps.Copy(request.Header, headers)
	response, err = f.client.Do(request)
	if err != nil {
		return nil, true, fmt.Errorf("cannot fetch it from %s: %w", shownAddress(address), withoutAddress(err))
	}
	switch response.StatusCode {
	case http.StatusOK:
		return response, false, nil
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable: // the second is of what is there, and empty
		if request.Header.Get("Range") != "" {
			return response, false, nil
		}
	}
	again = response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests
	err = fmt.Errorf("%s answered %s; check that the address is right and may be read without logging in", shownAddress(address), response.Status)
	response.Body.Close()
	return nil, again, err
}

// withoutAddress takes off net/http's wrapping, which repeats the address last asked: after a redirect that may be a signed one.
func withoutAddress(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
