package process

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// silence is how long a stream that something still holds open after the program's end may say nothing until it is no longer read.
const silence = 500 * time.Millisecond

// stream is what a program writes to, and we read from. It is a pipe of ours and not one of os/exec, which would close it under
// something that the program leaves running, and kill that with the next line that it writes.
type stream struct {
	read, write *os.File
	to          io.Writer
	busy        atomic.Bool   // what was read is being passed on: the program is not silent, we are
	news        chan struct{} // something was read
	done        chan struct{} // all was read
	cut         bool          // valid once finished: it was no longer read while it was still written
}

func newStream(to io.Writer) (*stream, error) {
	s := &stream{to: to, news: make(chan struct{}, 1), done: make(chan struct{})}
	var err error
	s.read, s.write, err = os.Pipe()
	return s, err
}

// discard closes the pipe of a program that did not start.
func (s *stream) discard() { _ = errors.Join(s.read.Close(), s.write.Close()) }

// begin reads, once the program has the other end.
func (s *stream) begin() {
	_ = s.write.Close()
	go func() {
		defer close(s.done)
		buffer := make([]byte, 32<<10)
		for {
			n, err := s.read.Read(buffer)
			s.busy.Store(true)
			_, _ = s.to.Write(buffer[:n]) // a capture takes everything
			s.busy.Store(false)
			if err != nil {
				return
			}
			select {
			case s.news <- struct{}{}:
			default:
			}
		}
	}()
}

// finish reads the rest after the program's end: to the end of the stream, or until what still holds it open has been silent for a
// while or most is over. What holds it open then writes on into nothing, unless abandon says that it is to be left with a closed pipe.
func (s *stream) finish(most time.Duration, abandon bool) {
	limit := time.NewTimer(most)
	defer limit.Stop()
	quiet := time.NewTimer(min(silence, most))
	defer quiet.Stop()
	for reading := true; reading; {
		select {
		case <-s.news:
			quiet.Reset(min(silence, most))
		case <-s.done:
			reading = false
		case <-quiet.C:
			if reading = s.busy.Load(); reading {
				quiet.Reset(min(silence, most))
			}
		case <-limit.C:
			reading, s.cut = false, true
		}
	}
	select {
	case <-s.done:
	default:
		if s.read.SetReadDeadline(time.Now()) == nil { // ends the reading above, on systems that can
			<-s.done
			if !abandon {
				drain(s.read)
			}
		}
	}
	_ = s.read.Close()
	<-s.done
}
