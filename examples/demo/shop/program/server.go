package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"
)

const (
	maxCups         = 1000
	shutdownTimeout = 5 * time.Second
)

// health is what /healthz answers. With the pid, the process that started the shop can tell it from another one on the same port.
type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	PID     int    `json:"pid"`
}

// serve answers requests until ctx ends, then lets the open ones finish.
// It holds the pid file until then, so a second shop on the same port refuses to start.
func serve(ctx context.Context, cfg config, version string, pricing Pricing) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.logLevel})).With("version", version)
	page, err := pagePath()
	if err != nil {
		return err
	}
	release, err := claimPIDFile(cfg.pidFile())
	if err != nil {
		return err
	}
	defer release()

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.address())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler:           logged(logger, handler(cfg, version, pricing, page)),
		ReadHeaderTimeout: 5 * time.Second,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		logger.Info("stopping")
		// ctx has ended already, but open requests may finish.
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	logger.Info("serving", "address", cfg.address(), "currency", cfg.currency)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}

// pagePath returns the page of this release, which is beside the program.
func pagePath() (string, error) {
	self, err := selfPath()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(self), "page.txt"), nil
}

func handler(cfg config, version string, pricing Pricing, page string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		text, err := render(page, map[string]string{"Greeting": cfg.greeting, "Version": version, "Currency": cfg.currency})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		reply(w, text)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(health{Status: "ok", Version: version, PID: os.Getpid()})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		reply(w, body)
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { reply(w, []byte(version+"\n")) })
	mux.HandleFunc("GET /checkout", func(w http.ResponseWriter, r *http.Request) {
		cups, err := strconv.Atoi(r.URL.Query().Get("cups"))
		if err != nil || cups < 1 || cups > maxCups {
			http.Error(w, fmt.Sprintf("cups must be a number from 1 to %d", maxCups), http.StatusBadRequest)
			return
		}
		total, err := checkout(cfg.currency, cups, pricing)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		reply(w, []byte(total+"\n"))
	})
	return mux
}

func checkout(currency string, cups int, pricing Pricing) (string, error) {
	amount, err := pricing(currency, cups)
	if err != nil {
		return "", err
	}
	return money(currency, amount)
}

// render reads the page for each visitor, so that it always serves the file on disk.
func render(page string, data map[string]string) ([]byte, error) {
	tmpl, err := template.ParseFiles(page)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return out.Bytes(), nil
}

func reply(w http.ResponseWriter, body []byte) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	if _, err := w.Write(body); err != nil {
		// The visitor is gone, so the error can only be logged.
		slog.Warn("reply not delivered", "error", err)
	}
}

func logged(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logger.Debug("request", "method", r.Method, "path", r.URL.Path)
		next.ServeHTTP(w, r)
	})
}
