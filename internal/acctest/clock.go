package acctest

import (
	"sync"
	"time"
)

// Clock is a clock that does not move until a test advances it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at a fixed time: a Monday at noon UTC.
func NewClock() *Clock { return &Clock{now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)} }

// Now returns the current time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward, or back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
