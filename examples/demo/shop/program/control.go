package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	startTimeout = 15 * time.Second
	stopTimeout  = 10 * time.Second // longer than shutdownTimeout: a shop that is only slow is not killed
	pollEvery    = 20 * time.Millisecond
	logTail      = 2 << 10
)

// stopRunning asks the shop on this port to stop, and kills it when it does not. Nothing to stop is success.
func stopRunning(ctx context.Context, cfg config, out io.Writer) error {
	pid, err := runningPID(cfg.pidFile())
	if err != nil || pid == 0 {
		return err
	}
	for _, signal := range []func(*os.Process) error{terminate, (*os.Process).Kill} {
		if err := signalShop(pid, signal); err != nil {
			return fmt.Errorf("stop the shop on port %d (process %d): %w", cfg.port, pid, err)
		}
		gone, err := poll(ctx, stopTimeout, func() (bool, error) {
			now, err := runningPID(cfg.pidFile())
			return now != pid, err
		})
		if err != nil {
			return err
		}
		if gone {
			_, err = fmt.Fprintf(out, "stopped the shop on port %d\n", cfg.port)
			return err
		}
	}
	return fmt.Errorf("the shop on port %d (process %d) does not stop", cfg.port, pid)
}

// signalShop counts a process that ended in the meantime as success: it is what the caller wants.
func signalShop(pid int, signal func(*os.Process) error) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := signal(p); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// startDetached starts this program in the background and returns once it answers its health check.
func startDetached(ctx context.Context, cfg config, out io.Writer) error {
	self, err := selfPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.runDir, 0o700); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	log, err := os.OpenFile(cfg.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "log file:", err)
		}
	}()
	// Not with ctx: the shop must keep running when the hook that started it ends.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, "serve")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = filepath.Dir(self)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(ended)
	}()

	var answer health
	healthy, err := poll(ctx, startTimeout, func() (bool, error) {
		select {
		case <-ended:
			return false, fmt.Errorf("the shop ended right after its start (%s)\n%s", cmd.ProcessState, tail(cfg.logFile()))
		default:
		}
		answer = ask(ctx, cfg)
		return answer.Status == "ok" && answer.PID == cmd.Process.Pid, nil
	})
	if err == nil && !healthy {
		err = fmt.Errorf("the shop did not answer http://%s/healthz within %s\n%s", cfg.address(), startTimeout, tail(cfg.logFile()))
	}
	if err != nil {
		return errors.Join(err, signalShop(cmd.Process.Pid, (*os.Process).Kill))
	}
	_, err = fmt.Fprintf(out, "shop %s answers on http://%s\n", answer.Version, cfg.address())
	return err
}

// ask returns an empty answer if nobody replies. While the shop starts, that is not an error.
func ask(ctx context.Context, cfg config) health {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.address()+"/healthz", nil)
	if err != nil {
		return health{}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return health{}
	}
	var answer health
	if err := errors.Join(json.NewDecoder(io.LimitReader(resp.Body, 1<<10)).Decode(&answer), resp.Body.Close()); err != nil {
		return health{}
	}
	return answer
}

// poll calls done until it returns true or fails, the time is up (false, nil), or ctx ends.
func poll(ctx context.Context, limit time.Duration, done func() (bool, error)) (bool, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return ok, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-ticker.C:
		}
	}
}

// tail returns the end of the log, for the message of a failed start.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	return string(text[max(0, len(text)-logTail):])
}

// selfPath returns the path of this program without symbolic links: its own release, not whatever "current" points to later.
func selfPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return filepath.EvalSymlinks(self)
}
