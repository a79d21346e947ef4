package redact

import "io"

// escaped is how many bytes of text may stand for one byte of a secret that the text is searched for in the middle of a stream:
// &quot; and \u003c need six, and twice as many leave room for one more escaping.
const escaped = 12

// minHeld is the least that a stream holds back before it is searched, so that short writes are not searched one by one.
const minHeld = 4 << 10

// Stream masks what is written to it. It holds back the end of the text, where a secret may have begun, until more is written or
// Flush is called. It is not safe for concurrent use.
type Stream struct {
	m      *Masker
	to     io.Writer
	held   []byte
	inside int  // bytes of held that belong to a secret that began before them
	marked bool // what was passed on ends with a Mark
}

// Stream returns a stream that writes to another writer.
func (m *Masker) Stream(to io.Writer) *Stream { return &Stream{m: m, to: to} }

// Write masks and passes on what no later text can change. Its error is that of the writer behind.
func (s *Stream) Write(chunk []byte) (int, error) {
	if s.m == nil {
		return s.to.Write(chunk)
	}
	s.held = append(s.held, chunk...)
	back := max(minHeld, escaped*s.m.longest)
	if len(s.held) < 2*back {
		return len(chunk), nil
	}
	return len(chunk), s.release(len(s.held) - back)
}

// Flush masks and passes on what is held back. A secret must not be written half before it and half after.
func (s *Stream) Flush() error {
	err := s.release(len(s.held))
	s.marked = false
	return err
}

// Drop forgets what is held back. It is for a text that was cut, whose end may be half a secret that nothing recognizes.
func (s *Stream) Drop() { s.held, s.inside, s.marked = s.held[:0], 0, false }

// release passes on the first n bytes held. What begins within them has ended before the end of what is held, so it is seen whole.
func (s *Stream) release(n int) error {
	if n == 0 {
		return nil
	}
	found := s.m.stretches(s.held)
	found.add(0, s.inside)
	masked := found.mask(s.held[:n], s.marked)
	end := found.end(n)
	s.inside, s.marked = end-n, end > n || found.end(n-1) == n
	s.held = append(s.held[:0], s.held[n:]...)
	_, err := s.to.Write(masked)
	return err
}

// end returns where the stretch ends that the place lies in, or the place itself.
func (h hidden) end(place int) int {
	depth := int32(0)
	for _, change := range h[:place] {
		depth += change
	}
	for i := place; depth > 0; i++ {
		if depth += h[i]; depth == 0 {
			return i
		}
	}
	return place
}
