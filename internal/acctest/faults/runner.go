package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	baselineLimit = 15 * time.Minute // for the tests of one package without a fault
	compileLimit  = 10 * time.Minute
)

// outcome is what became of a fault.
type outcome string

const (
	killed   outcome = "killed"    // a test failed
	timedOut outcome = "timed out" // the tests did not end in time: noticed, but they should fail instead
	survived outcome = "SURVIVED"
)

// result is the outcome of one fault.
type result struct {
	fault   fault
	outcome outcome
	by      int // of fault.tests, the package whose tests noticed
}

// runner plants faults in one module.
type runner struct {
	root  string
	flags string // GOFLAGS, to which the overlay is added

	mu  sync.Mutex
	log io.Writer
}

// run tests every fault, several at a time. An error says that one could not be planted or tested, or that tests fail without it.
func (r *runner) run(ctx context.Context, faults []fault, workers int) ([]result, error) {
	flags, err := exec.CommandContext(ctx, "go", "env", "GOFLAGS").Output() // of the environment, or of the user's own settings
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	r.flags = string(bytes.TrimSpace(flags))
	overlays, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(overlays) //nolint:errcheck // only copies
	if err := r.checkBaseline(ctx, faults); err != nil {
		return nil, err
	}
	results := make([]result, len(faults))
	failures := make([]error, len(faults))
	var group errgroup.Group
	group.SetLimit(workers)
	for i, f := range faults {
		group.Go(func() error {
			results[i], failures[i] = r.test(ctx, f, filepath.Join(overlays, strconv.Itoa(i)))
			if failures[i] != nil {
				failures[i] = fmt.Errorf("%s: %w", f.name, failures[i])
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return results, errors.Join(failures...)
}

// checkBaseline runs the tests without a fault: if they fail anyway, they notice nothing.
func (r *runner) checkBaseline(ctx context.Context, faults []fault) error {
	type tests struct{ pkg, run string }
	checked := map[tests]bool{}
	for _, f := range faults {
		for _, pkg := range f.tests {
			if checked[tests{pkg, f.run}] {
				continue
			}
			checked[tests{pkg, f.run}] = true
			output, err := r.goTest(ctx, pkg, f.run, baselineLimit, "")
			if err == nil && (bytes.Contains(output, []byte("[no test files]")) || bytes.Contains(output, []byte("[no tests to run]"))) {
				err = errors.New("it has no such tests")
			}
			if err != nil {
				return fmt.Errorf("the tests %s of %s fail without a fault: %w\n%s", f.run, pkg, err, output)
			}
		}
	}
	return nil
}

// test plants a fault and runs the tests of its packages until one notices.
func (r *runner) test(ctx context.Context, f fault, dir string) (result, error) {
	overlay, err := r.plant(f, dir)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	found := result{fault: f, outcome: survived}
	for i, pkg := range f.tests {
		output, err := r.goTest(ctx, pkg, f.run, f.limit, overlay)
		switch {
		case ctx.Err() != nil:
			return result{}, ctx.Err()
		case err == nil:
			continue
		case bytes.Contains(output, []byte("[build failed]")), bytes.Contains(output, []byte("[setup failed]")):
			return result{}, fmt.Errorf("it does not compile:\n%s", output)
		case bytes.Contains(output, []byte("panic: test timed out after")):
			found.outcome, found.by = timedOut, i
		case bytes.Contains(output, []byte("\nFAIL")), bytes.HasPrefix(output, []byte("FAIL")):
			found.outcome, found.by = killed, i
		default:
			return result{}, fmt.Errorf("the tests of %s could not be run: %w\n%s", pkg, err, output)
		}
		break
	}
	by := ""
	if found.outcome != survived {
		by = "by " + f.tests[found.by]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = fmt.Fprintf(r.log, "%-9s %6.1fs  %s %s\n", found.outcome, time.Since(start).Seconds(), f.name, by)
	return found, err
}

// plant writes the patched files and the list that tells the go command to read them instead of the original ones.
func (r *runner) plant(f fault, dir string) (overlay string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for i, file := range f.files {
		original, err := filepath.Abs(filepath.Join(r.root, filepath.FromSlash(file.path)))
		if err != nil {
			return "", err
		}
		text, err := os.ReadFile(original)
		if err != nil {
			return "", fmt.Errorf("it no longer applies: %w", err)
		}
		patched, err := file.apply(string(text))
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(dir, strconv.Itoa(i)+filepath.Ext(original))
		if err := os.WriteFile(replace[original], []byte(patched), 0o600); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

// goTest runs tests of a package, all of them if none are named, until one fails. The overlay is given in the environment, because
// some tests build the provider.
func (r *runner) goTest(ctx context.Context, pkg, run string, limit time.Duration, overlay string) ([]byte, error) {
	// The go command ends tests at the limit. If even that fails, this does.
	ctx, cancel := context.WithTimeout(ctx, limit+compileLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-failfast", "-run", run, "-timeout", limit.String(), pkg)
	cmd.Dir = r.root
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "RAPID_NOFAILFILE=1") // what properties find under a fault must not stay in testdata
	if overlay != "" {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOFLAGS=%s '-overlay=%s'", r.flags, overlay))
	}
	return cmd.CombinedOutput()
}
