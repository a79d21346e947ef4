// Package process runs the programs that users configure: as argv, never through a shell, in a session and process group of
// their own, with a bounded environment, bounded time and bounded output. When the caller gives up or the time is up, the
// whole group is stopped: first asked, then killed. On Unix it is stopped as well when this process ends, however it does. Secrets are
// masked in whatever is kept of the output for people to read.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// Defaults of a Spec.
const (
	DefaultOutputLimit = 64 << 10
	DefaultGrace       = 3 * time.Second
)

// startAttempts bounds how often a program is started whose file is still open for writing somewhere. That happens to a file
// unpacked a moment ago: a process forked meanwhile by another goroutine holds the descriptor until it executes.
const (
	startAttempts = 20
	startPause    = 10 * time.Millisecond
)

// Spec is one program to run.
type Spec struct {
	// Argv is the program and its arguments. A program without a slash is looked up in this process's PATH; one with a slash
	// is relative to Dir.
	Argv []string
	Dir  string // working directory; empty means this process's own
	// Env is added to what Inherited takes from this process's environment, and wins over it.
	Env   map[string]string
	Stdin []byte
	// Timeout is how long the program may run; 0 means as long as the context allows.
	Timeout time.Duration
	// Grace is how long the program has to end once it is asked to, and how long its output is read at most after its
	// end while something that it started holds the output open; 0 means DefaultGrace.
	Grace time.Duration
	// KillNow, once it is closed, ends the grace of a program that was asked to end: it is killed at once, with its group. nil means
	// never.
	KillNow <-chan struct{}
	// OutputLimit is how many bytes are kept, of standard output and of the log each: the last ones. What is beyond is read
	// and dropped. 0 means DefaultOutputLimit.
	OutputLimit int
	// Mask masks the log. The zero value masks nothing.
	Mask *redact.Masker
}

// Output is what a program wrote.
type Output struct {
	Stdout  []byte // the last OutputLimit bytes, exactly as written: nothing is masked
	Dropped int64  // how many bytes of standard output came before those
	log     string // the end of both streams together, masked and printable
}

// LastLines returns the last lines of standard output and standard error together, in the order in which they came, at most
// limit bytes: secrets masked, control characters removed. A line that does not fit is cut at its beginning.
func (o Output) LastLines(limit int) string { return lastLines(o.log, limit) }

// Run runs the program and waits for its end. The error is nil exactly when the program ended with status 0; else
// it is ctx's error when the caller gave up, a *StartError when the program did not start, a *TimeoutError when its time was
// over, or an *ExitError (waiting for it can fail too, which no system is known to do). The output is whatever was written, in each
// case. Something that the program leaves running in the background is left alone, unless Run was interrupted. It may have inherited
// the output: then it is not waited for, and what it writes later goes nowhere.
func Run(ctx context.Context, s Spec) (Output, error) {
	if err := ctx.Err(); err != nil {
		return Output{}, err
	}
	if err := s.check(); err != nil {
		return Output{}, err
	}
	limited, cancel := s.limit(ctx)
	defer cancel()

	capture := newCapture(orDefault(s.OutputLimit, DefaultOutputLimit), s.Mask)

	p, err := start(limited, s, capture)
	if err == nil {
		err = p.wait()
		capture.cut(p.streams[0].cut, p.streams[1].cut)
	}
	capture.flush()
	out := Output{Stdout: capture.stdout.bytes(), Dropped: capture.stdout.dropped, log: s.Mask.Printable(string(capture.log.bytes()))}
	return out, s.explain(ctx, limited, p, err)
}

// stdin is nil, the null device, when there is nothing to say.
func (s Spec) stdin() io.Reader {
	if len(s.Stdin) == 0 {
		return nil
	}
	return bytes.NewReader(s.Stdin)
}

// process is a started program.
type process struct {
	cmd         *exec.Cmd
	interrupted bool          // it was asked to stop; written before Wait returns
	ended       chan struct{} // closed once it was waited for
	dismiss     func()        // sends away who watches over it
	streams     []*stream
}

// start starts the program, again and again for a short while if its file is busy.
func start(ctx context.Context, s Spec, c *capture) (*process, error) {
	for attempt := 1; ; attempt++ {
		p, err := newProcess(ctx, s, c)
		if err == nil {
			err = p.begin()
		}
		if err == nil {
			return p, nil
		}
		if !busy(err) || attempt == startAttempts {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(startPause):
		}
	}
}

func newProcess(ctx context.Context, s Spec, c *capture) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, s.Argv[0], s.Argv[1:]...), ended: make(chan struct{})}
	p.cmd.Dir = s.Dir
	p.cmd.Env = environment(os.Environ(), s.Env)
	p.cmd.Stdin = s.stdin()
	p.cmd.WaitDelay = orDefault(s.Grace, DefaultGrace)
	p.cmd.Cancel = func() error {
		p.interrupted = true
		go p.killOn(s.KillNow)
		return interrupt(p.cmd.Process)
	}
	separate(p.cmd)
	for _, to := range []io.Writer{io.MultiWriter(c.stdout, c.outLines), c.errLines} {
		opened, err := newStream(to)
		if err != nil {
			p.discard()
			return nil, err
		}
		p.streams = append(p.streams, opened)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.streams[0].write, p.streams[1].write
	return p, nil
}

func (p *process) discard() {
	for _, s := range p.streams {
		s.discard()
	}
}

// begin starts the program and reads what it writes.
func (p *process) begin() (err error) {
	if p.dismiss, err = StartWatched(p.cmd, p.cmd.WaitDelay); err != nil {
		p.discard()
		return err
	}
	for _, s := range p.streams {
		s.begin()
	}
	return nil
}

// killOn kills the group as soon as there is no time left for it to end.
func (p *process) killOn(noTime <-chan struct{}) {
	select {
	case <-noTime:
		kill(p.cmd.Process)
	case <-p.ended:
	}
}

// wait waits for the end. An interrupted program takes its whole group with it: what did not listen is killed.
func (p *process) wait() error {
	err := p.cmd.Wait()
	close(p.ended)
	if p.interrupted {
		kill(p.cmd.Process)
	}
	p.dismiss()
	var reading sync.WaitGroup
	for _, s := range p.streams {
		reading.Go(func() { s.finish(p.cmd.WaitDelay, p.interrupted) })
	}
	reading.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it ended well; only its input was held open by what it left behind
	}
	return err
}

// explain turns what os/exec says into one of Run's errors.
func (s Spec) explain(ctx, limited context.Context, p *process, err error) error {
	program := s.Argv[0]
	started := p != nil
	if !started || p.interrupted {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case limited.Err() != nil:
			return &TimeoutError{Program: program, After: s.Timeout}
		}
		return &StartError{Program: program, Dir: s.Dir, Err: err}
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &ExitError{Program: program, Code: exit.ExitCode(), State: exit.String()}
	}
	if err != nil {
		return fmt.Errorf("waiting for program %q: %w", program, err)
	}
	return nil
}

func (s Spec) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.Timeout)
}

// check finds what os/exec would report with text that names the wrong thing.
func (s Spec) check() error {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return &StartError{Err: errors.New("no program is named")}
	}
	if s.Dir == "" {
		return nil
	}
	info, err := os.Stat(s.Dir)
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "open", Path: s.Dir, Err: errNotDirectory}
	}
	if err != nil {
		return &StartError{Program: s.Argv[0], Dir: s.Dir, Err: err}
	}
	return nil
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}
