package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// states is a Terraform "http" backend in memory, on loopback: one state for each path.
type states struct {
	server  *http.Server
	address string
	served  chan error

	mu    sync.Mutex
	count int
	texts map[string][]byte
}

func serveStates(ctx context.Context) (*states, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("state server: %w", err)
	}
	s := &states{address: listener.Addr().String(), served: make(chan error, 1), texts: map[string][]byte{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

func (s *states) close() error {
	err := s.server.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// fresh returns the address of a new state.
func (s *states) fresh() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return fmt.Sprintf("http://%s/%d", s.address, s.count)
}

func (s *states) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.mu.Lock()
		text, ok := s.texts[r.URL.Path]
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		if _, err := w.Write(text); err != nil {
			progress("state server: %v", err)
		}
	case http.MethodPost:
		text, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.texts[r.URL.Path] = text
		s.mu.Unlock()
	default:
		http.Error(w, "this state server knows GET and POST", http.StatusMethodNotAllowed)
	}
}
